"""The activation that alone reads a value, as a function of numbers."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from edge_sdk.exported import operator_name
from edge_sdk.quantization.observers import Activation
from edge_sdk.quantization.value_graph import ValueGraph, parameter

_ELEMENTWISE = frozenset(
    {"relu", "relu6", "leaky_relu", "hardtanh", "clamp", "elu", "gelu", "silu", "hardswish"}
)
"""Activations of one tensor whose codes are their own; those with fixed codes gain nothing."""


def reading_activation(graph: ValueGraph, node: fx.Node) -> Activation | None:
    """What an activation makes of each number of a value, if nothing else reads it.

    A PReLU is taken with the mean of its slopes.

    Args:
        graph: the float model.
        node: the value.
    """
    if len(node.users) != 1:
        return None
    user = next(iter(node.users))
    if user.op != "call_function" or user.args[:1] != (node,):
        return None
    name = operator_name(user.target)
    if name == "prelu":
        slope = float(parameter(graph.module, str(user.args[1].target)).detach().mean())  # type: ignore[union-attr]
        return lambda values: torch.where(values > 0, values, slope * values)
    rest = user.args[1:]
    if name not in _ELEMENTWISE or any(isinstance(each, fx.Node) for each in rest):
        return None

    def applied(values: Tensor) -> Tensor:
        result: Tensor = user.target(values, *rest, **user.kwargs)  # type: ignore[operator]
        return result

    return applied

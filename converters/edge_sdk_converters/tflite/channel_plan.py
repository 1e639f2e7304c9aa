"""Which convolutions can emit their channels in the order that DEPTH_TO_SPACE reads.

Adding, multiplying and activating treat every channel alike, so a permutation after them equals the
same permutation before them, down to the convolutions. This plan only saves work: handlers track
the order they are given, and a pixel shuffle whose producer was not planned permutes for itself.
"""

from __future__ import annotations

import operator
from collections.abc import Container

from torch.fx import Graph, Node

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.operators.activation import SIMPLE
from edge_sdk_converters.tflite.operators.arithmetic import BINARY
from edge_sdk_converters.tflite.operators.resample import depth_order
from edge_sdk_converters.tflite.registry import Order

TRANSPARENT = (
    frozenset(SIMPLE)
    | frozenset(BINARY)
    | {
        "_native_batch_norm_legit_no_training",
        "clamp",
        "clamp_max",
        "clamp_min",
        "clip",
        "dequantize_per_tensor",
        "getitem",
        "hardtanh",
        "leaky_relu",
        "pow",
        "prelu",
        "quantize_per_tensor",
    }
)
"""Operators that act on every channel by itself."""


def plan_channels(graph: Graph, constants: Container[Node]) -> dict[Node, Order]:
    """Map convolutions to the order in which they should emit their channels.

    Args:
        graph: the exported graph.
        constants: nodes that do not depend on the input.
    """
    plan: dict[Node, Order] = {}
    for node in graph.nodes:
        if node.op != "call_function" or operator_name(node.target) != "pixel_shuffle":
            continue
        order = depth_order(int(node.meta["val"].shape[1]), int(node.args[1]))
        producers = _producers(node.args[0], constants) if order is not None else None
        if order is not None and producers is not None:
            plan.update(dict.fromkeys(producers, order))
    return plan


def _producers(node: Node, constants: Container[Node]) -> list[Node] | None:
    """Convolutions that alone determine the channels of ``node``; ``None`` if others do too."""
    if node in constants:
        return []
    value = node.meta["val"]
    if not isinstance(value, tuple | list) and (value.dim() != 4 or value.shape[1] == 1):
        return [] if value.dim() == 4 else None
    if node.op != "call_function" or len(node.users) != 1:
        return None
    name = "getitem" if node.target is operator.getitem else operator_name(node.target)
    if name == "conv2d":
        groups = node.args[6] if len(node.args) > 6 else node.kwargs.get("groups", 1)
        return [node] if groups == 1 else None
    if name not in TRANSPARENT:
        return None
    found: list[Node] = []
    for source in node.all_input_nodes:
        upstream = _producers(source, constants)
        if upstream is None:
            return None
        found += upstream
    return found

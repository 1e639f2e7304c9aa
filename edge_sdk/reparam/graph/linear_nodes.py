"""Which nodes of a graph are linear, and the operator of each: a handler per layer or function."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.graph import linear_functions
from edge_sdk.reparam.graph.arithmetic import arithmetic_of, factor_of
from edge_sdk.reparam.graph.linear_functions import LIKE, Constants, constant_padding, mean, scaled
from edge_sdk.reparam.linear.algebra import batch_norm
from edge_sdk.reparam.linear.operator import LinearOperator, from_conv, identity

CONVOLUTIONS = frozenset({functional.conv2d, torch.conv2d})
CONCATENATIONS = frozenset({torch.cat, torch.concat, torch.concatenate})
COPIES = frozenset({"contiguous", "clone", "detach"})
DROPOUTS = frozenset(
    {
        functional.dropout,
        functional.dropout2d,
        functional.alpha_dropout,
        functional.feature_alpha_dropout,
    }
)
DROPOUT_LAYERS = (nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.FeatureAlphaDropout)
BATCH_NORMS = (nn.BatchNorm2d, nn.SyncBatchNorm)


def find_constants(graph: fx.Graph, weights: nn.Module) -> Constants:
    """Values of all nodes that depend on parameters and numbers alone.

    Args:
        graph: the graph.
        weights: module that holds its parameters, float64.
    """
    values: Constants = {}
    for node in graph.nodes:
        if node.op == "get_attr":
            value: Any = weights
            for part in str(node.target).split("."):
                value = getattr(value, part)
            if isinstance(value, Tensor):
                values[node] = value.detach()
        elif node.op in ("call_function", "call_method") and node.all_input_nodes:
            known = all(source in values for source in node.all_input_nodes)
            if known and node.target is not python_operator.setitem:
                _evaluate(node, values)
    return values


def _evaluate(node: fx.Node, values: Constants) -> None:
    arguments = fx.map_arg(node.args, lambda source: values[source])
    keywords = fx.map_arg(node.kwargs, lambda source: values[source])
    try:
        with torch.no_grad():
            if node.op == "call_function":
                assert callable(node.target)
                values[node] = node.target(*arguments, **keywords)
            else:
                head, *rest = arguments
                values[node] = getattr(head, str(node.target))(*rest, **keywords)
    except (RuntimeError, TypeError, ValueError):
        # Not computable in float64, so nothing that merging could use; it stays in the graph.
        return


def is_weighted(node: fx.Node, weights: nn.Module) -> bool:
    """Whether a node is a convolution of some kind, the thing that merging saves."""
    if node.op == "call_module":
        return isinstance(weights.get_submodule(str(node.target)), nn.Conv2d | MultiBranchConv2d)
    return node.op == "call_function" and node.target in CONVOLUTIONS


def own_operator(
    node: fx.Node, weights: nn.Module, constants: Constants, channels: int
) -> LinearOperator | None:
    """Operator that a node applies to its one tensor input; ``None`` if it is not linear.

    Args:
        node: node of a graph.
        weights: module that holds its layers, float64.
        constants: from :func:`find_constants`.
        channels: channels of the input.

    Raises:
        FusionError: if it is linear but has no one kernel, with the reason.
    """
    if node.op == "call_module":
        return _layer(weights.get_submodule(str(node.target)), channels)
    if node.op == "call_method":
        if node.target in COPIES:
            return identity(channels, LIKE)
        if node.target == "repeat_interleave":
            return linear_functions.repeat_interleave(node, channels)
        if node.target == "repeat":
            return linear_functions.repeat(node, channels)
        if node.target == "neg":
            return scaled(channels, torch.tensor(-1.0), torch.tensor(0.0))
        return _arithmetic(node, constants, channels)
    if node.op != "call_function":
        return None
    if node.target in CONVOLUTIONS:
        return linear_functions.conv(node, constants)
    if node.target is python_operator.getitem:
        return linear_functions.crop(node, channels)
    if node.target is functional.pad:
        return linear_functions.pad(node, channels)
    if node.target is functional.avg_pool2d:
        return linear_functions.pool(node, channels)
    if node.target is functional.batch_norm:
        return linear_functions.batch_norm(node, constants, channels)
    if node.target is torch.repeat_interleave:
        return linear_functions.repeat_interleave(node, channels)
    if node.target in DROPOUTS:
        return linear_functions.dropout(node, channels)
    if node.target in (python_operator.neg, torch.neg):
        return scaled(channels, torch.tensor(-1.0), torch.tensor(0.0))
    return _arithmetic(node, constants, channels)


def _layer(layer: nn.Module, channels: int) -> LinearOperator | None:
    for kind, rule in _LAYERS:
        if not isinstance(layer, kind):
            continue
        if type(layer).forward is not kind.forward:
            return None
        if any(part._forward_hooks or part._forward_pre_hooks for part in layer.modules()):
            raise FusionError("a hook may change its result; remove the hooks before fusing")
        return rule(layer, channels)
    return None


def _arithmetic(node: fx.Node, constants: Constants, channels: int) -> LinearOperator | None:
    kind = arithmetic_of(node)
    if kind is None:
        return None
    operands = [
        constants.get(part, part) if isinstance(part, fx.Node) else part for part in node.args
    ]
    constant_first = not isinstance(operands[0], fx.Node)
    constant: Any = operands[0] if constant_first else operands[1]
    if not isinstance(constant, Tensor | int | float) or isinstance(constant, bool):
        return None
    # A number must not pass through float32 on its way.
    value = (
        constant if isinstance(constant, Tensor) else torch.tensor(constant, dtype=torch.float64)
    )
    if value.is_complex() or not _per_channel(value, channels):
        return None
    value = value.double().flatten()
    one, zero = torch.tensor(1.0), torch.tensor(0.0)
    if kind in ("add", "sub"):
        factor = factor_of(node)
        if constant_first:
            return scaled(channels, factor * one, value)
        return scaled(channels, one, factor * value)
    if kind == "mul":
        return scaled(channels, value, zero)
    return None if constant_first else scaled(channels, 1 / value, zero)


def _per_channel(value: Tensor, channels: int) -> bool:
    if value.numel() == 1:
        return True
    shape = tuple(value.shape)
    return shape in ((channels, 1, 1), (1, channels, 1, 1))


def _batch_norm(layer: Any, channels: int) -> LinearOperator:
    if layer.training:
        raise FusionError("a BatchNorm in training mode depends on the batch; call eval()")
    return batch_norm(identity(channels, LIKE), layer)


def _pool(layer: nn.AvgPool2d, channels: int) -> LinearOperator:
    return mean(
        channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.ceil_mode,
        layer.count_include_pad,
        layer.divisor_override,
    )


def _pad(layer: nn.ConstantPad2d, channels: int) -> LinearOperator:
    return constant_padding(channels, layer.padding, float(layer.value))


def _other_padding(layer: nn.Module, channels: int) -> LinearOperator:
    raise FusionError(
        f"{type(layer).__name__} is not one kernel at the border; pad with a constant"
    )


def _identity(layer: nn.Module, channels: int) -> LinearOperator:
    return identity(channels, LIKE)


_LAYERS: tuple[tuple[type[Any], Callable[[Any, int], LinearOperator | None]], ...] = (
    (MultiBranchConv2d, lambda layer, _: layer.operator()),
    (nn.Conv2d, lambda layer, _: from_conv(layer)),
    *((kind, _batch_norm) for kind in BATCH_NORMS),
    (nn.AvgPool2d, _pool),
    (nn.ConstantPad2d, _pad),
    (nn.ReflectionPad2d, _other_padding),
    (nn.ReplicationPad2d, _other_padding),
    (nn.CircularPad2d, _other_padding),
    *((kind, _identity) for kind in (nn.Identity, *DROPOUT_LAYERS)),
)

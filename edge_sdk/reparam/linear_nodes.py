"""Which nodes of a graph are linear, and the operator of each: a handler per layer or function."""

from __future__ import annotations

import operator as python_operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam.algebra import batch_norm, scale_shift
from edge_sdk.reparam.block import MultiBranchConv2d
from edge_sdk.reparam.operator import (
    LinearOperator,
    Padding,
    average_pool,
    constant_pad,
    from_conv,
    from_kernel,
    identity,
)

LIKE = torch.zeros((), dtype=torch.float64)

Constants = dict[fx.Node, Any]

ADDITIONS = frozenset({torch.add, python_operator.add, python_operator.iadd, "add", "add_"})
SUBTRACTIONS = frozenset({torch.sub, python_operator.sub, python_operator.isub, "sub", "sub_"})
PRODUCTS = frozenset({torch.mul, python_operator.mul, python_operator.imul, "mul", "mul_"})
QUOTIENTS = frozenset({torch.div, python_operator.truediv, "div", "div_"})
CONCATENATIONS = frozenset({torch.cat, torch.concat, torch.concatenate})
COPIES = frozenset({"contiguous", "clone", "detach"})
PASS_THROUGH = (nn.Identity, nn.Dropout, nn.Dropout2d)


def find_constants(module: fx.GraphModule) -> Constants:
    """Values of all nodes that depend on parameters and numbers alone, float64."""
    values: Constants = {}
    for node in module.graph.nodes:
        if node.op == "get_attr":
            value: Any = module
            for part in str(node.target).split("."):
                value = getattr(value, part)
            if isinstance(value, Tensor):
                values[node] = value.detach()
        elif node.op in ("call_function", "call_method") and node.all_input_nodes:
            if not all(source in values for source in node.all_input_nodes):
                continue
            arguments = fx.map_arg(node.args, lambda source: values[source])
            keywords = fx.map_arg(node.kwargs, lambda source: values[source])
            with torch.no_grad():
                if node.op == "call_function":
                    values[node] = node.target(*arguments, **keywords)
                else:
                    head, *rest = arguments
                    values[node] = getattr(head, str(node.target))(*rest, **keywords)
    return values


def is_weighted(node: fx.Node, module: fx.GraphModule) -> bool:
    """Whether a node is a convolution of some kind, the thing that merging saves."""
    if node.op == "call_module":
        return isinstance(module.get_submodule(str(node.target)), nn.Conv2d | MultiBranchConv2d)
    return node.target in (functional.conv2d, torch.conv2d)


def own_operator(
    node: fx.Node, module: fx.GraphModule, constants: Constants, channels: int
) -> LinearOperator | None:
    """Operator that a node applies to its one tensor input; ``None`` if it is not linear.

    Args:
        node: node of ``module``, whose parameters are float64.
        module: the graph.
        constants: from :func:`find_constants`.
        channels: channels of the input.

    Raises:
        FusionError: if it is linear but has no one kernel, with the reason.
    """
    if node.op == "call_module":
        layer = module.get_submodule(str(node.target))
        for kinds, rule in _LAYERS:
            if isinstance(layer, kinds):
                return rule(layer, channels)
        return None
    if node.op == "call_method" and node.target in COPIES:
        return identity(channels, LIKE)
    if node.target in (functional.conv2d, torch.conv2d):
        return _function_conv(node, constants)
    if node.target is functional.pad:
        return _function_pad(node, constants, channels)
    if node.target is functional.avg_pool2d:
        return _function_pool(node, channels)
    if node.target is functional.batch_norm:
        return _function_batch_norm(node, constants, channels)
    if node.target is python_operator.neg:
        return _scaled(channels, torch.tensor(-1.0), torch.tensor(0.0))
    return _arithmetic(node, constants, channels)


def _arithmetic(node: fx.Node, constants: Constants, channels: int) -> LinearOperator | None:
    if len(node.args) != 2 or node.kwargs:
        return None
    first, second = node.args
    constant_first = not isinstance(first, fx.Node) or first in constants
    constant = constants.get(first, first) if constant_first else constants.get(second, second)  # type: ignore[arg-type]
    if not isinstance(constant, Tensor | int | float) or isinstance(constant, bool):
        return None
    value = torch.as_tensor(constant, dtype=torch.float64)
    if not _per_channel(value, channels):
        return None
    value = value.flatten()
    one, zero = torch.tensor(1.0), torch.tensor(0.0)
    if node.target in ADDITIONS:
        return _scaled(channels, one, value)
    if node.target in SUBTRACTIONS:
        return _scaled(channels, -one, value) if constant_first else _scaled(channels, one, -value)
    if node.target in PRODUCTS:
        return _scaled(channels, value, zero)
    if node.target in QUOTIENTS and not constant_first:
        return _scaled(channels, 1 / value, zero)
    return None


def _per_channel(value: Tensor, channels: int) -> bool:
    if value.numel() == 1:
        return True
    shape = tuple(value.shape)
    return shape in ((channels, 1, 1), (1, channels, 1, 1))


def _scaled(channels: int, scale: Tensor, shift: Tensor) -> LinearOperator:
    scales, shifts = (value.double().flatten().expand(channels) for value in (scale, shift))
    return scale_shift(identity(channels, LIKE), scales, shifts)


def _batch_norm(layer: nn.BatchNorm2d, channels: int) -> LinearOperator:
    if layer.training:
        raise FusionError("a BatchNorm in training mode depends on the batch")
    return batch_norm(identity(channels, LIKE), layer)


def _pool(layer: nn.AvgPool2d, channels: int) -> LinearOperator:
    return _mean(
        channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.ceil_mode,
        layer.count_include_pad,
        layer.divisor_override,
    )


def _mean(
    channels: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> LinearOperator:
    size = _two(kernel_size)
    around = _two(padding)
    if around != (0, 0) and not count_include_pad:
        raise FusionError(
            "average pooling that does not count its padding has another kernel at the border"
        )
    if ceil_mode:
        raise FusionError("average pooling with ceil_mode has another kernel at the border")
    pad = Padding(around[0], around[0], around[1], around[1])
    step = size if stride is None else _two(stride)
    pool = average_pool(channels, size, step, pad, LIKE)
    if divisor_override:
        factor = size[0] * size[1] / divisor_override
        pool = replace(pool, kernel=pool.kernel * factor)
    return pool


def _pad(layer: nn.ConstantPad2d, channels: int) -> LinearOperator:
    return _constant_pad(channels, layer.padding, float(layer.value))


def _constant_pad(channels: int, padding: Any, value: float) -> LinearOperator:
    left, right, top, bottom = (int(side) for side in padding)
    if min(left, right, top, bottom) < 0:
        raise FusionError("a negative padding crops, which is not one kernel")
    filling = None if value == 0 else torch.full((channels,), value, dtype=torch.float64)
    return constant_pad(channels, Padding(top, bottom, left, right), filling, LIKE)


def _function_pad(node: fx.Node, constants: Constants, channels: int) -> LinearOperator | None:
    named = dict(zip(("input", "pad", "mode", "value"), node.args, strict=False)) | node.kwargs
    mode = named.get("mode", "constant")
    if mode != "constant":
        raise FusionError(f"padding by '{mode}' is not one kernel at the border")
    padding = named["pad"]
    if not isinstance(padding, tuple | list) or len(padding) != 4:
        return None
    value = named.get("value")
    return _constant_pad(channels, padding, 0.0 if value is None else float(value))  # type: ignore[arg-type]


def _function_pool(node: fx.Node, channels: int) -> LinearOperator:
    arguments: Any = node.args[1:]
    keywords: Any = {key: value for key, value in node.kwargs.items() if key != "input"}
    return _mean(channels, *arguments, **keywords)


def _function_conv(node: fx.Node, constants: Constants) -> LinearOperator | None:
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    named: dict[str, Any] = dict(zip(names, node.args, strict=False)) | node.kwargs
    weight, bias = named["weight"], named.get("bias")
    if weight not in constants or (bias is not None and bias not in constants):
        return None
    padding = named.get("padding", 0)
    return from_kernel(
        constants[weight].double(),
        None if bias is None else constants[bias].double(),
        _two(named.get("stride", 1)),
        padding if isinstance(padding, str) else _two(padding),
        _two(named.get("dilation", 1)),
        int(named.get("groups", 1)),
    )


def _function_batch_norm(
    node: fx.Node, constants: Constants, channels: int
) -> LinearOperator | None:
    names = ("input", "mean", "var", "weight", "bias", "training", "momentum", "eps")
    named: dict[str, Any] = dict(zip(names, node.args, strict=False)) | {
        {"running_mean": "mean", "running_var": "var"}.get(key, key): value
        for key, value in node.kwargs.items()
    }
    if named.get("training", False):
        raise FusionError("a BatchNorm in training mode depends on the batch")
    scale = (constants[named["var"]].double() + named.get("eps", 1e-5)).rsqrt()
    if named.get("weight") is not None:
        scale = scale * constants[named["weight"]].double()
    shift = -constants[named["mean"]].double() * scale
    if named.get("bias") is not None:
        shift = shift + constants[named["bias"]].double()
    return _scaled(channels, scale, shift)


def _two(value: Any) -> tuple[int, int]:
    if isinstance(value, tuple | list):
        return (int(value[0]), int(value[-1]))
    return (int(value), int(value))


_LAYERS: tuple[tuple[Any, Callable[[Any, int], LinearOperator | None]], ...] = (
    (MultiBranchConv2d, lambda layer, _: layer.operator()),
    (nn.Conv2d, lambda layer, _: from_conv(layer)),
    (nn.BatchNorm2d, _batch_norm),
    (nn.AvgPool2d, _pool),
    (nn.ConstantPad2d, _pad),
    (PASS_THROUGH, lambda _, channels: identity(channels, LIKE)),
)

"""Steps that a scale, or a shift, of the channels passes through unchanged.

f(γ·x) = γ·f(x) for γ > 0 holds for ReLU and its leaky kin, and for whatever picks, weighs or
compares pixels within a channel. f(x + s) = f(x) + s holds for the latter alone, where the weights
of every pixel add up to one.
"""

from __future__ import annotations

import math
import operator as python_operator
from typing import Any, Literal

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from edge_sdk.reparam.graph.linear_nodes import COPIES, DROPOUT_LAYERS, DROPOUTS
from edge_sdk.reparam.graph.tracing import shape_of

Passes = Literal["scale", "both"]

_ACTIVATION_LAYERS = (nn.ReLU, nn.LeakyReLU, nn.PReLU)
_ACTIVATIONS = frozenset(
    {
        functional.relu,
        torch.relu,
        functional.leaky_relu,
        functional.prelu,
        torch.prelu,
        "relu",
        "prelu",
    }
)
_PICKING_LAYERS = (
    nn.Identity,
    nn.Flatten,
    nn.Upsample,
    nn.Dropout1d,
    nn.Dropout3d,
    *DROPOUT_LAYERS,
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.MaxPool3d,
    nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d,
    nn.AdaptiveMaxPool3d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
    nn.ReflectionPad2d,
    nn.ReplicationPad2d,
)
_PICKING = frozenset(
    {
        functional.interpolate,
        functional.max_pool1d,
        functional.max_pool2d,
        functional.max_pool3d,
        torch.max_pool1d,
        torch.max_pool2d,
        torch.max_pool3d,
        functional.adaptive_max_pool1d,
        functional.adaptive_max_pool2d,
        functional.adaptive_avg_pool1d,
        functional.adaptive_avg_pool2d,
        functional.adaptive_avg_pool3d,
    }
)
_MEAN_LAYERS = (nn.AvgPool2d,)
_OVER_PIXELS = frozenset({torch.mean, torch.amax, torch.squeeze, "mean", "amax", "squeeze"})
_SHAPES = frozenset({"size", "dim", "numel"})


def is_activation(node: fx.Node, module: nn.Module) -> bool:
    """Whether a step is a ReLU or one of its kin, which a positive scale passes."""
    if node.op == "call_module":
        return _is_layer(module.get_submodule(str(node.target)), _ACTIVATION_LAYERS)
    return node.target in _ACTIVATIONS


def reads_shape_only(node: fx.Node) -> bool:
    """Whether a step asks for shape, device or dtype, which no change of values concerns."""
    if node.op == "call_method":
        return node.target in _SHAPES
    return node.target is getattr and node.args[1] in ("shape", "ndim", "device", "dtype")


def passed_scale(node: fx.Node, module: nn.Module, scale: Tensor) -> Tensor | None:
    """Scale of a step's result where its first argument has ``scale``; ``None`` if it has none."""
    if not is_activation(node, module) and _passes(node, module) is None:
        return None
    return _spread(node, scale)


def passed_shift(node: fx.Node, module: nn.Module, shift: Tensor) -> Tensor | None:
    """Shift of a step's result where its first argument has ``shift``; ``None`` if it has none."""
    return _spread(node, shift) if _passes(node, module) == "both" else None


def _spread(node: fx.Node, values: Tensor) -> Tensor | None:
    """Numbers of the channels as those of a result, which may have its pixels as channels too."""
    before, after = _shape_before(node), shape_of(node)
    if before is None or after is None or len(after) < 2 or before[0] != after[0]:
        return None
    if len(before) == len(after) or after[1] == before[1]:
        return values if after[1] == before[1] else None
    return values.repeat_interleave(math.prod(before[2:])) if len(after) == 2 else None


def _shape_before(node: fx.Node) -> tuple[int, ...] | None:
    source = node.args[0] if node.args else None
    return shape_of(source) if isinstance(source, fx.Node) else None


def _is_layer(layer: nn.Module, kinds: tuple[type[nn.Module], ...]) -> bool:
    known = any(isinstance(layer, kind) and type(layer).forward is kind.forward for kind in kinds)
    return known and not (layer._forward_hooks or layer._forward_pre_hooks or layer.training)


def _passes(node: fx.Node, module: nn.Module) -> Passes | None:
    if node.op == "call_module":
        layer: Any = module.get_submodule(str(node.target))
        if _is_layer(layer, _MEAN_LAYERS):
            return _mean(
                layer.padding, layer.ceil_mode, layer.count_include_pad, layer.divisor_override
            )
        if _is_layer(layer, (nn.ConstantPad2d,)):
            return "scale" if layer.value == 0 else None
        if isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) != (1, -1):
            return None
        return "both" if _is_layer(layer, _PICKING_LAYERS) else None
    if node.op not in ("call_function", "call_method"):
        return None
    return _function(node)


def _function(node: fx.Node) -> Passes | None:
    if node.target in _PICKING or node.target in COPIES:
        return "both"
    if node.target in DROPOUTS:
        training = node.kwargs.get("training", node.args[2] if len(node.args) > 2 else True)
        return "both" if training is False else None
    if node.target in _OVER_PIXELS:
        return "both" if _is_over_pixels(node) else None
    if node.target in (torch.flatten, "flatten"):
        dims = (*node.args[1:], *node.kwargs.values())
        return "both" if dims in ((1,), (1, -1)) else None
    if node.target in ("view", "reshape"):
        return "both" if _keeps_pictures_apart(node) else None
    if node.target is functional.avg_pool2d:
        names = ("kernel", "stride", "padding", "ceil_mode", "count_include_pad")
        named: dict[str, Any] = dict(zip(names, node.args[1:], strict=False)) | node.kwargs
        return _mean(
            named.get("padding", 0),
            named.get("ceil_mode", False),
            named.get("count_include_pad", True),
            named.get("divisor_override") or (node.args[6] if len(node.args) > 6 else None),
        )
    if node.target is functional.pad:
        return _padding(node)
    if node.target is python_operator.getitem:
        return "both" if _is_of_pixels(node) else None
    return None


def _padding(node: fx.Node) -> Passes | None:
    named: dict[str, Any] = dict(zip(("pad", "mode", "value"), node.args[1:], strict=False))
    named |= node.kwargs
    before, sides = _shape_before(node), named.get("pad")
    if before is None or not isinstance(sides, tuple | list) or len(sides) > 2 * len(before) - 4:
        return None
    if named.get("mode", "constant") != "constant":
        return "both"
    return "scale" if named.get("value") in (None, 0) else None


def _mean(padding: Any, ceil_mode: Any, counts_padding: Any, divisor: Any) -> Passes:
    """A mean of pixels alone passes a shift; one in which zeros of the padding count does not."""
    pads = any(padding) if isinstance(padding, tuple | list) else bool(padding)
    whole = not ceil_mode and not divisor and not (pads and counts_padding)
    return "both" if whole else "scale"


def _is_over_pixels(node: fx.Node) -> bool:
    before = _shape_before(node)
    named: dict[str, Any] = dict(zip(("dim", "keepdim"), node.args[1:], strict=False)) | node.kwargs
    dims = named.get("dim")
    dims = [dims] if isinstance(dims, int) else dims
    if before is None or not dims or not set(named) <= {"dim", "keepdim"}:
        return False
    return all(isinstance(dim, int) and dim % len(before) >= 2 for dim in dims)


def _keeps_pictures_apart(node: fx.Node) -> bool:
    """Whether it is ``x.view(x.size(0), -1)``, by whatever way the number of pictures is read."""
    sizes = node.args[1:]
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        sizes = tuple(sizes[0])
    if len(sizes) != 2 or sizes[1] != -1 or not isinstance(sizes[0], fx.Node):
        return False
    count = sizes[0]
    if count.target is python_operator.getitem:
        return count.args[1:] == (0,) and _is_shape(count.args[0])
    return count.op == "call_method" and count.target == "size" and count.args[1:] == (0,)


def _is_shape(value: Any) -> bool:
    return isinstance(value, fx.Node) and reads_shape_only(value)


def _is_of_pixels(node: fx.Node) -> bool:
    """Whether it is ``x[:, :, …]``, with any rows and columns."""
    index = node.args[1]
    if not isinstance(index, tuple) or len(index) < 3 or index[:2] != (slice(None), slice(None)):
        return False
    return all(isinstance(part, slice | int) for part in index[2:])

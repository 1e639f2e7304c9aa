"""Steps of a graph that enlarge: PixelShuffle, and nearest neighbor, which is one before it."""

from __future__ import annotations

from typing import Any

from torch import fx, nn
from torch.nn import functional


def shuffle_factor(node: fx.Node, module: fx.GraphModule) -> int | None:
    """Factor of a PixelShuffle; ``None`` for any other node."""
    if node.op == "call_module":
        layer = module.get_submodule(str(node.target))
        return int(layer.upscale_factor) if isinstance(layer, nn.PixelShuffle) else None
    if node.op != "call_function" or node.target is not functional.pixel_shuffle:
        return None
    factor = node.args[1] if len(node.args) > 1 else node.kwargs.get("upscale_factor")
    return factor if isinstance(factor, int) else None


def enlarges(node: fx.Node, module: fx.GraphModule) -> bool:
    """Whether a node interpolates between pixels, in whatever mode."""
    if node.op == "call_module":
        return isinstance(module.get_submodule(str(node.target)), nn.Upsample)
    return node.op == "call_function" and node.target is functional.interpolate


def nearest_factor(node: fx.Node, module: fx.GraphModule) -> int | None:
    """Whole factor by which a node repeats every pixel in both directions; ``None`` for others."""
    if not enlarges(node, module):
        return None
    options: dict[str, Any]
    if node.op == "call_module":
        layer: Any = module.get_submodule(str(node.target))
        options = {"scale_factor": layer.scale_factor, "mode": layer.mode, "size": layer.size}
    else:
        names = ("input", "size", "scale_factor", "mode")
        options = dict(zip(names, node.args, strict=False)) | node.kwargs
    factor = options.get("scale_factor")
    factors = factor if isinstance(factor, tuple | list) else (factor, factor)
    nearest = options.get("mode", "nearest") in ("nearest", "nearest-exact")
    whole = isinstance(factors[0], int | float) and factors[0] == int(factors[0])
    if not nearest or not whole or factors[0] != factors[-1] or options.get("size") is not None:
        return None
    return int(factors[0])

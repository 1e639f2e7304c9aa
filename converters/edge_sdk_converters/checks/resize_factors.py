"""Resizes by factors that give no whole size: torch samples by them, formats by the sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.errors import ConversionError
from edge_sdk.exported import argument_of, module_path, operator_name

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten
_NEAREST = {
    "upsample_nearest2d": aten.upsample_nearest2d.vec,
    "_upsample_nearest_exact2d": aten._upsample_nearest_exact2d.vec,
}
_SMOOTH = (
    "upsample_bilinear2d",
    "upsample_bicubic2d",
    "_upsample_bilinear2d_aa",
    "_upsample_bicubic2d_aa",
)


def check_factors(program: ExportedProgram) -> None:
    """Refuse resizes whose factors the target would replace by the ratio of the sizes.

    ``interpolate(x, scale_factor=2.3)`` of 3 pixels gives 6, sampled 1/2.3 apart; a file that
    knows the sizes alone samples them 1/2 apart. Nearest neighbors are picked by their index then.

    Raises:
        ConversionError: naming the layer.
    """
    for node in program.graph.nodes:
        name = operator_name(node.target) if node.op == "call_function" else ""
        if name in _SMOOTH and not _is_same_smooth(node):
            before, after = (list(shape[2:]) for shape in _shapes(node))
            raise ConversionError(
                f"{module_path(node)}: resizes {before[0]}×{before[1]} to {after[0]}×{after[1]} by "
                f"the factors {factors_of(node)}, whose samples no resize of the target takes; "
                "interpolate with size= or recompute_scale_factor=True"
            )


def is_broken_nearest(node: Node) -> bool:
    """Whether a node picks nearest neighbors by factors that are not the ratios of its sizes.

    Even where torch picks by the sizes all the same (twice as many), other kernels do not.
    """
    return (
        node.op == "call_function"
        and operator_name(node.target) in _NEAREST
        and not _are_ratios(node)
    )


def nearest_sources(node: Node, axis: int) -> list[int]:
    """Row (axis 0) or column (axis 1) that each of the output's is a copy of, as torch picks it."""
    return _sources(node, axis, factors_of(node))


def _is_same_smooth(node: Node) -> bool:
    return bool(argument_of(node, 2, "align_corners", False)) or _are_ratios(node)


def _are_ratios(node: Node) -> bool:
    """Whether the factors, if a node has any, are the ratios of its sizes."""
    factors = factors_of(node)
    # A whole factor is the ratio whatever the sizes, which may be free.
    if factors is None or all(factor.is_integer() for factor in factors):
        return True
    before, after = _shapes(node)
    return all(
        size * factor == output
        for size, output, factor in zip(before[2:], after[2:], factors, strict=True)
    )


def _sources(node: Node, axis: int, factors: list[float] | None) -> list[int]:
    # The kernel for two axes: the one for one axis picks other neighbors at twice the size.
    before, after = _shapes(node)
    shape = [1, 1, 1, 1]
    shape[2 + axis] = before[2 + axis]
    ramp = torch.arange(before[2 + axis], dtype=torch.float32).reshape(shape)
    sizes = [1, 1]
    sizes[axis] = after[2 + axis]
    scales = None if factors is None else [1.0, 1.0]
    if scales is not None and factors is not None:
        scales[axis] = factors[axis]
    function = _NEAREST[operator_name(node.target)]
    result = function(ramp, sizes if scales is None else None, scales)
    return [int(place) for place in result.flatten().tolist()]


def _shapes(node: Node) -> tuple[list[int], list[int]]:
    source: Any = node.args[0]
    before, after = source.meta["val"].shape, node.meta["val"].shape
    return [int(size) for size in before], [int(size) for size in after]


def factors_of(node: Node) -> list[float] | None:
    """The factors that a resize is given; ``None`` where it is given sizes."""
    index = 2 if operator_name(node.target) in _NEAREST else 3
    found = argument_of(node, index, "scale_factors", None)
    return [float(factor) for factor in found] if isinstance(found, list | tuple) else None

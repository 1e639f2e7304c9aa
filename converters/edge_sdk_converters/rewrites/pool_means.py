"""Means over windows that hang over the edge, or with a divisor of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812

from edge_sdk_converters.rewrites.graph_edit import called, replace_each, stored

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten


def write_out_ceil_means(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Average pooling with ``ceil_mode`` is padded to whole windows and corrected by a map.

    Core ML divides a window that hangs over the edge by its whole size, PyTorch by what lies
    inside. A divisor of its own, which Core ML has not, becomes a factor likewise.
    """
    return replace_each(
        program,
        _is_special,
        _corrected,
        lambda _: "average pooling became one of whole windows, corrected",
    )


def _corrected(program: ExportedProgram, node: Node) -> Node:
    given: Any = node.args
    x = given[0]
    amounts, kernel, stride, factors = _plan(x.meta["val"], *given[1:])
    if any(amounts):
        x = called(aten.constant_pad_nd.default, (x, amounts, 0.0), node)
    whole = called(aten.avg_pool2d.default, (x, kernel, stride), node)
    if bool((factors == factors.flatten()[0]).all()):
        factors = factors.flatten()[0]
    map_ = stored(program, f"{node.name}_factors", factors)
    return called(aten.mul.Tensor, (whole, map_), node)


def _is_special(node: Node) -> bool:
    if node.target is not aten.avg_pool2d.default:
        return False
    ceil_mode = len(node.args) > 4 and bool(node.args[4])
    return ceil_mode or (len(node.args) > 6 and node.args[6] is not None)


def _plan(
    x: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> tuple[list[int], list[int], list[int], Tensor]:
    """Padding left, right, top, bottom; window; stride; factors 1×1×H×W."""
    kernel = _pair(kernel_size)
    steps, pads = _pair(stride) if stride else kernel, _pair(padding)
    ones = torch.ones(1, 1, *x.shape[-2:], dtype=torch.float64)
    means = F.avg_pool2d(ones, kernel, steps, pads, ceil_mode, count_include_pad, divisor_override)
    ends = [
        (int(means.shape[2 + axis]) - 1) * steps[axis]
        + kernel[axis]
        - int(x.shape[-2 + axis])
        - pads[axis]
        for axis in range(2)
    ]
    amounts = [pads[1], max(ends[1], 0), pads[0], max(ends[0], 0)]
    covered = F.avg_pool2d(F.pad(ones, amounts), kernel, steps)
    return amounts, list(kernel), list(steps), (means / covered).to(torch.float32)


def _pair(value: Any) -> tuple[int, int]:
    first, *rest = [value] if isinstance(value, int) else [int(size) for size in value]
    return first, (rest or [first])[0]

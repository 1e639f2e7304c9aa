"""Nearest-neighbor enlargement by a whole factor as a pixel shuffle of copies, others by indices.

Row y·r + i of the enlarged picture is row y: every one of the r² channels that a pixel shuffle
spreads over a cell is the same channel. XNNPACK has no nearest-neighbor resize but takes this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import module_path, operator_name
from edge_sdk_converters.checks.resize_factors import (
    factors_of,
    is_broken_nearest,
    nearest_sources,
)
from edge_sdk_converters.rewrites.graph_edit import called, replace_each, stored

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten

MAX_CHANNELS = 16
"""Most channels that are copied one by one; a picture has few. Feature maps keep their resize."""


def write_out_nearest(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Replace nearest-neighbor resizes by one whole factor, of few channels, by copies."""
    found = [node for node in program.graph.nodes if _factor(node) is not None]
    if not found:
        return program, ()
    sentences = tuple(
        f"{module_path(node)}: nearest-neighbor resize by {_factor(node)} became "
        "pixel_shuffle(copies of each channel)"
        for node in found
    )
    table = {node.target: _nearest for node in found}
    return program.run_decompositions(table), sentences


def write_out_nearest_by_index(
    program: ExportedProgram,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Nearest neighbors that no resize picks become a choice of rows and one of columns.

    These are ``nearest-exact``, every pixel of which coremltools would choose by itself, and
    factors that give no whole size, by which torch samples.
    """
    return replace_each(
        program, _is_by_index, _chosen, lambda _: "its resize became a choice of rows and columns"
    )


def _chosen(program: ExportedProgram, node: Node) -> Node:
    result: Any = node.args[0]
    for axis in range(2):
        sources = torch.tensor(nearest_sources(node, axis))
        places = stored(program, f"{node.name}_{axis}", sources)
        result = called(aten.index_select.default, (result, 2 + axis, places), node)
    chosen: Node = result
    return chosen


def _is_by_index(node: Node) -> bool:
    return node.target is aten._upsample_nearest_exact2d.vec or is_broken_nearest(node)


def _factor(node: Node) -> int | None:
    if node.op != "call_function" or operator_name(node.target) != "upsample_nearest2d":
        return None
    source = node.args[0].meta["val"]  # type: ignore[union-attr]
    return _whole_factor(source, factors_of(node), tuple(node.meta["val"].shape[2:]))


def _whole_factor(x: Tensor, factors: Sequence[float] | None, sizes: tuple[int, ...]) -> int | None:
    """One factor from 2 up for both axes, of few channels; ``None`` if it is something else.

    Where factors are given, sizes are not looked at: they may be free.
    """
    channels, height, width = x.shape[1:]
    if factors is not None:
        factor = int(factors[0])
        exact = list(factors) == [factor, factor]
    else:
        factor = int(sizes[0]) // int(height)
        exact = sizes == (height * factor, width * factor)
    cuttable = 1 < channels <= MAX_CHANNELS or (channels == 1 and height > 1)
    return factor if exact and factor > 1 and cuttable else None


def _nearest(x: Tensor, output_size: Any = None, scale_factors: Any = None) -> Any:
    factor = _whole_factor(x, scale_factors, tuple(output_size or ()))
    if factor is None:
        return NotImplemented
    if x.shape[1] > 1:
        channels = [x[:, c : c + 1] for c in range(x.shape[1])]
        copies = [channel for channel in channels for _ in range(factor**2)]
    else:
        # XNNPACK joins two different tensors or more: the second is x cut in two and joined.
        half = x.shape[2] // 2
        copies = [x, torch.cat([x[:, :, :half], x[:, :, half:]], 2)]
        copies = [copies[min(phase, 1)] for phase in range(factor**2)]
    return aten.pixel_shuffle.default(torch.cat(copies, 1), factor)

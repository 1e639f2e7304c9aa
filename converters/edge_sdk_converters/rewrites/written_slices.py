"""Slices that a model writes into a tensor, as concatenations of what is kept and what is new."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from edge_sdk.exported import module_path

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

aten = torch.ops.aten


def write_out_slices(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``x[:, 2:5] = y`` becomes a concatenation; of every k-th row, one that a view interleaves."""
    table = {
        aten.slice_scatter.default: _slice_scatter,
        aten.select_scatter.default: _select_scatter,
        aten.copy.default: _copy,
    }
    found = [node for node in program.graph.nodes if node.target in table]
    if not found:
        return program, ()
    sentences = tuple(
        f"{module_path(node)}: what it writes into a slice became a concatenation" for node in found
    )
    return program.run_decompositions(table), tuple(dict.fromkeys(sentences))


def _select_scatter(x: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    dim %= x.dim()
    index %= int(x.shape[dim])
    return _slice_scatter(x, src.unsqueeze(dim), dim, index, index + 1)


def _slice_scatter(
    x: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    dim %= x.dim()
    size = int(x.shape[dim])
    first, last, step = slice(start, end, step).indices(size)
    count = len(range(first, last, step))
    if count == 0:
        return x.clone()
    if step == 1 or count == 1:
        return _joined([_cut(x, dim, 0, first), src, _cut(x, dim, first + count, size)], dim)
    # Whole cells of one new row and step − 1 kept ones; the last new row may lack some of these.
    cells = min(count, (size - first) // step)
    stop = first + cells * step
    parts = [aten.slice.Tensor(src, dim, 0, cells)]
    parts += [aten.slice.Tensor(x, dim, first + row, stop, step) for row in range(1, step)]
    middle = _interleaved(parts, dim)
    tail = [_cut(src, dim, cells, count), _cut(x, dim, stop + count - cells, size)]
    return _joined([_cut(x, dim, 0, first), middle, *tail], dim)


def _copy(x: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    cast = src if src.dtype == x.dtype else src.to(x.dtype)
    return cast.clone() if cast.shape == x.shape else cast.expand(x.shape).clone()


def _cut(x: Tensor, dim: int, start: int, end: int) -> Tensor | None:
    if start >= end:
        return None
    return x if (start, end) == (0, int(x.shape[dim])) else aten.slice.Tensor(x, dim, start, end)


def _joined(parts: list[Tensor | None], dim: int) -> Tensor:
    there = [part for part in parts if part is not None]
    return torch.cat(there, dim) if len(there) > 1 else there[0].clone()


def _interleaved(parts: list[Tensor], dim: int) -> Tensor:
    """a₀ b₀ a₁ b₁ … along ``dim``, without a rank above the parts' own."""
    shape = [int(size) for size in parts[0].shape]
    whole = [*shape[:dim], shape[dim] * len(parts), *shape[dim + 1 :]]
    rows, rest = math.prod(shape[: dim + 1]), math.prod(shape[dim + 1 :])
    return torch.cat([part.reshape(rows, rest) for part in parts], 1).reshape(whole)

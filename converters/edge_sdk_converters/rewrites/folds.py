"""Patches of a picture (``unfold``) and their sum (``fold``) as convolutions of single ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk_converters.rewrites.graph_edit import called, replace_each, stored

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten


def write_out_folds(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``fold`` becomes a depthwise transposed convolution with kernels of a single one each."""
    program, sentences = replace_each(
        program, _is_fold, _transposed, lambda _: "fold became a transposed convolution"
    )
    return program, tuple(dict.fromkeys(sentences))


def write_out_unfolds(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``unfold`` becomes a depthwise convolution with kernels of a single one each."""
    program, sentences = replace_each(
        program, _is_unfold, _patches, lambda _: "unfold became a convolution"
    )
    return program, tuple(dict.fromkeys(sentences))


def _is_unfold(node: Node) -> bool:
    return node.target is aten.im2col.default and len(node.args[0].meta["val"].shape) == 4  # type: ignore[union-attr]


def _patches(program: ExportedProgram, node: Node) -> Node:
    x, kernel, dilation, padding, stride = node.args
    channels = int(x.meta["val"].shape[1])  # type: ignore[union-attr]
    weight = _places(program, node, channels, kernel)
    maps = called(aten.conv2d.default, (x, weight, None, stride, padding, dilation, channels), node)
    return called(aten.view.default, (maps, list(node.meta["val"].shape)), node)


def _places(program: ExportedProgram, node: Node, channels: int, kernel: Any) -> Node:
    """A kernel [channels · taps, 1, rows, columns] for each tap of each channel."""
    taps = kernel[0] * kernel[1]
    ones = torch.eye(taps).reshape(taps, 1, *kernel).repeat(channels, 1, 1, 1)
    return stored(program, f"{node.name}_places", ones)


def _is_fold(node: Node) -> bool:
    return node.target is aten.col2im.default and len(node.meta["val"].shape) == 4


def _transposed(program: ExportedProgram, node: Node) -> Node:
    given: list[Any] = list(node.args)
    columns, sizes, kernel, dilation, padding, stride = given
    batch, channels = (int(size) for size in node.meta["val"].shape[:2])
    counts, over = [], []
    for size, taps, gap, pad, step in zip(sizes, kernel, dilation, padding, stride, strict=True):
        free = size + 2 * pad - gap * (taps - 1) - 1
        counts.append(free // step + 1)
        # Rows that no patch reaches.
        over.append(free % step)
    weight = _places(program, node, channels, kernel)
    shape = [batch, int(weight.meta["val"].shape[0]), *counts]
    maps = called(aten.view.default, (columns, shape), node)
    return called(
        aten.conv_transpose2d.input,
        (maps, weight, None, stride, padding, over, channels, dilation),
        node,
    )

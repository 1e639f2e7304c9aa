"""Joining, cutting, padding and rearranging: no arithmetic, so exact in every dtype."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments
from edge_sdk.emulate.mil.registry import op


@op("concat")
def _concat(args: Arguments) -> Tensor:
    values, axis = args.tensors("values"), args.integer("axis")
    if not args.flag("interleave"):
        return torch.cat(values, axis)
    # a0 b0 a1 b1 …: stack behind the axis, then merge the two.
    axis %= values[0].dim()
    return torch.stack(values, axis + 1).flatten(axis, axis + 1)


@op("shape")
def _shape(args: Arguments) -> Tensor:
    return torch.tensor(args.tensor("x").shape, dtype=torch.int32)


@op("stack")
def _stack(args: Arguments) -> Tensor:
    return torch.stack(args.tensors("values"), args.integer("axis"))


@op("split")
def _split(args: Arguments) -> list[Tensor]:
    x, axis = args.tensor("x"), args.integer("axis")
    if args.has("split_sizes"):
        return list(torch.split(x, args.ints("split_sizes"), axis))
    return list(torch.split(x, x.shape[axis] // args.integer("num_splits"), axis))


@op("slice_by_index")
def _slice_by_index(args: Arguments) -> Tensor:
    x = args.tensor("x")
    begin, end = args.ints("begin"), args.ints("end")
    stride = args.ints("stride", [1] * x.dim())
    from_start = args.flags("begin_mask", [False] * x.dim())
    to_end = args.flags("end_mask", [False] * x.dim())
    squeezed = args.flags("squeeze_mask", [False] * x.dim())
    window: list[int | slice] = [
        begin[axis]
        if squeezed[axis]
        else slice(
            None if from_start[axis] else begin[axis],
            None if to_end[axis] else end[axis],
            stride[axis],
        )
        for axis in range(x.dim())
    ]
    # Through numpy, since torch has no negative strides.
    return torch.from_numpy(np.array(x.numpy()[tuple(window)]))


@op("slice_by_size")
def _slice_by_size(args: Arguments) -> Tensor:
    x = args.tensor("x")
    window = []
    for length, begin, size in zip(x.shape, args.ints("begin"), args.ints("size"), strict=True):
        start = begin % length
        window.append(slice(start, length if size == -1 else start + size))
    return x[tuple(window)]


@op("crop")
def _crop(args: Arguments) -> Tensor:
    x = args.tensor("x")
    (top, bottom), (left, right) = args.ints("crop_height"), args.ints("crop_width")
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


@op("pad")
def _pad(args: Arguments) -> Tensor:
    x, pad = args.tensor("x"), args.ints("pad")
    mode = args.text("mode", "constant")
    pairs = list(zip(pad[0::2], pad[1::2], strict=True))
    if mode == "constant":
        amounts = [amount for pair in reversed(pairs) for amount in pair]
        return F.pad(x, amounts, value=args.number("constant_val", 0.0))
    # By index, since torch reflects and replicates the last dimensions of some ranks only.
    for axis, (before, after) in zip(range(x.dim() - len(pairs), x.dim()), pairs, strict=True):
        x = x.index_select(axis, _border_indices(x.shape[axis], before, after, mode))
    return x


def _border_indices(length: int, before: int, after: int, mode: str) -> Tensor:
    positions = torch.arange(-before, length + after)
    if mode == "replicate":
        return positions.clamp(0, length - 1)
    if mode == "reflect":
        return (length - 1) - ((length - 1) - positions.abs()).abs()
    raise ValueError(f"unknown mode '{mode}'")


@op("pixel_shuffle")
def _pixel_shuffle(args: Arguments) -> Tensor:
    return F.pixel_shuffle(args.tensor("x"), args.integer("upscale_factor"))


@op("pixel_unshuffle")
def _pixel_unshuffle(args: Arguments) -> Tensor:
    return F.pixel_unshuffle(args.tensor("x"), args.integer("downscale_factor"))


@op("depth_to_space")
def _depth_to_space(args: Arguments) -> Tensor:
    # Channel (i·b + j)·C' + c goes to row i, column j of its block: TensorFlow's order, where
    # pixel_shuffle takes channel c·b² + i·b + j.
    x, block = args.tensor("x"), args.integer("block_size")
    n, channels, h, w = x.shape
    cells = x.reshape(n, block, block, channels // block**2, h, w)
    return cells.permute(0, 3, 4, 1, 5, 2).reshape(n, -1, h * block, w * block)


@op("space_to_depth")
def _space_to_depth(args: Arguments) -> Tensor:
    x, block = args.tensor("x"), args.integer("block_size")
    n, channels, h, w = x.shape
    cells = x.reshape(n, channels, h // block, block, w // block, block)
    return cells.permute(0, 3, 5, 1, 2, 4).reshape(n, -1, h // block, w // block)


@op("reshape")
def _reshape(args: Arguments) -> Tensor:
    x = args.tensor("x")
    shape = args.ints("shape")
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape)])


@op("transpose")
def _transpose(args: Arguments) -> Tensor:
    return args.tensor("x").permute(args.ints("perm"))


@op("expand_dims")
def _expand_dims(args: Arguments) -> Tensor:
    x, axes = args.tensor("x"), args.ints("axes")
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        x = x.unsqueeze(axis)
    return x


@op("squeeze")
def _squeeze(args: Arguments) -> Tensor:
    x = args.tensor("x")
    return x.squeeze(args.ints("axes")) if args.has("axes") else x.squeeze()


@op("tile")
def _tile(args: Arguments) -> Tensor:
    return args.tensor("x").repeat(args.ints("reps"))


@op("reverse")
def _reverse(args: Arguments) -> Tensor:
    x = args.tensor("x")
    return x.flip(args.ints("axes", range(x.dim())))


@op("gather")
def _gather(args: Arguments) -> Tensor:
    x, axis = args.tensor("x"), args.integer("axis", 0)
    if args.integer("batch_dims", 0) != 0:
        raise ValueError("batch_dims other than 0 is not supported")
    axis %= x.dim()
    indices = args.tensor("indices").long() % x.shape[axis]
    picked = x.index_select(axis, indices.reshape(-1))
    return picked.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


@op("gather_along_axis")
def _gather_along_axis(args: Arguments) -> Tensor:
    x, axis = args.tensor("x"), args.integer("axis", 0)
    return x.gather(axis, args.tensor("indices").long() % x.shape[axis])


@op("gather_nd")
def _gather_nd(args: Arguments) -> Tensor:
    x, indices = args.tensor("x"), args.tensor("indices").long()
    if args.integer("batch_dims", 0) != 0:
        raise ValueError("batch_dims other than 0 is not supported")
    places = tuple(indices[..., axis] % x.shape[axis] for axis in range(indices.shape[-1]))
    return x[places]

"""Convolutions and matrix products."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments
from edge_sdk.emulate.mil.registry import op

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def same_padding(
    size: list[int], kernel: list[int], stride: list[int], lower: bool
) -> list[tuple[int, int]]:
    """Padding before and after each dimension so that the output is ``ceil(size / stride)`` long.

    Args:
        size: input size per spatial dimension.
        kernel: kernel size per spatial dimension, dilation included.
        stride: stride per spatial dimension.
        lower: whether an odd element goes before (``same_lower``) instead of after (``same``).
    """
    pads = []
    for length, extent, step in zip(size, kernel, stride, strict=True):
        total = max(0, step * -(-length // step) - length + extent - step)
        small, large = total // 2, total - total // 2
        pads.append((large, small) if lower else (small, large))
    return pads


def resolved_padding(
    args: Arguments, size: list[int], kernel: list[int], stride: list[int]
) -> list[tuple[int, int]]:
    """Padding before and after each spatial dimension by ``pad_type`` and ``pad``."""
    pad_type = args.text("pad_type", "valid")
    if pad_type == "valid":
        return [(0, 0)] * len(size)
    if pad_type == "custom":
        pad = args.ints("pad", [0] * 2 * len(size))
        return list(zip(pad[0::2], pad[1::2], strict=True))
    if pad_type in ("same", "same_lower"):
        return same_padding(size, kernel, stride, lower=pad_type == "same_lower")
    raise ValueError(f"unknown pad_type '{pad_type}'")


def padded(x: Tensor, pads: list[tuple[int, int]], value: float) -> Tensor:
    """Pad the spatial dimensions of ``x`` with ``value``."""
    # torch counts from the last dimension.
    return F.pad(x, [amount for pair in reversed(pads) for amount in pair], value=value)


def is_symmetric(pads: list[tuple[int, int]]) -> bool:
    """Return whether every dimension is padded alike on both sides."""
    return all(before == after for before, after in pads)


@op("conv")
def _conv(args: Arguments) -> Tensor:
    x, weight = args.tensor("x"), args.tensor("weight")
    dims = x.dim() - 2
    stride = args.ints("strides", [1] * dims)
    dilation = args.ints("dilations", [1] * dims)
    kernel = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    pads = resolved_padding(args, list(x.shape[2:]), kernel, stride)
    bias, groups = args.optional_tensor("bias"), args.integer("groups", 1)
    if is_symmetric(pads):
        padding = [before for before, _ in pads]
    else:
        x, padding = padded(x, pads, 0.0), [0] * dims
    return _CONV[dims](x, weight, bias, stride, padding, dilation, groups)


@op("conv_transpose")
def _conv_transpose(args: Arguments) -> Tensor:
    x, weight = args.tensor("x"), args.tensor("weight")
    dims = x.dim() - 2
    stride = args.ints("strides", [1] * dims)
    dilation = args.ints("dilations", [1] * dims)
    full = [
        (size - 1) * s + (k - 1) * d + 1
        for size, s, k, d in zip(x.shape[2:], stride, weight.shape[2:], dilation, strict=True)
    ]
    begin, size = _transposed_window(args, list(x.shape[2:]), full, stride)
    # Outputs past the last kernel's reach hold the bias alone, as output_padding gives them.
    overhang = [max(0, b + n - f) for b, n, f in zip(begin, size, full, strict=True)]
    result = _CONV_TRANSPOSE[dims](
        x,
        weight,
        args.optional_tensor("bias"),
        stride,
        0,
        overhang,
        args.integer("groups", 1),
        dilation,
    )
    window = [slice(b, b + n) for b, n in zip(begin, size, strict=True)]
    return result[(slice(None), slice(None), *window)]


def _transposed_window(
    args: Arguments, size: list[int], full: list[int], stride: list[int]
) -> tuple[list[int], list[int]]:
    """Begin and length, within the uncropped result, of what the operation returns."""
    declared = args.ints("output_shape")[2:] if args.has("output_shape") else None
    pad_type = args.text("pad_type", "valid")
    if pad_type == "same":
        declared = declared or [n * s for n, s in zip(size, stride, strict=True)]
        return [max(0, f - n) // 2 for f, n in zip(full, declared, strict=True)], declared
    if pad_type not in ("valid", "custom"):
        raise ValueError(f"unknown pad_type '{pad_type}'")
    pad = args.ints("pad", [0] * 2 * len(size)) if pad_type == "custom" else [0] * 2 * len(size)
    before, after = pad[0::2], pad[1::2]
    cropped = [f - b - a for f, b, a in zip(full, before, after, strict=True)]
    return before, declared or cropped


@op("linear")
def _linear(args: Arguments) -> Tensor:
    return F.linear(args.tensor("x"), args.tensor("weight"), args.optional_tensor("bias"))


@op("matmul")
def _matmul(args: Arguments) -> Tensor:
    x, y = args.tensor("x"), args.tensor("y")
    if args.flag("transpose_x"):
        x = x.transpose(-1, -2)
    if args.flag("transpose_y"):
        y = y.transpose(-1, -2)
    return torch.matmul(x, y)

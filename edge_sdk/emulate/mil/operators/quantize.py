"""Affine quantization: q = clip(round(x / scale) + zero_point), x = scale · (q − zero_point)."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments
from edge_sdk.emulate.mil.program import DTYPES
from edge_sdk.emulate.mil.registry import op


def _along_axis(args: Arguments, name: str, rank: int) -> Tensor:
    """Return a scale or zero point, shaped to broadcast along ``axis``."""
    if not args.has(name):
        return torch.zeros(())
    value = args.tensor(name).float()
    if value.dim() == 0:
        return value
    shape = [1] * rank
    shape[args.integer("axis")] = -1
    return value.reshape(shape)


@op("quantize")
def _quantize(args: Arguments) -> Tensor:
    x = args.tensor("input")
    limits = torch.iinfo(DTYPES[args.text("output_dtype")])
    steps = torch.round(x / _along_axis(args, "scale", x.dim()))
    return (steps + _along_axis(args, "zero_point", x.dim())).clamp(limits.min, limits.max)


@op("dequantize")
def _dequantize(args: Arguments) -> Tensor:
    x = args.tensor("input").float()
    return _along_axis(args, "scale", x.dim()) * (x - _along_axis(args, "zero_point", x.dim()))

"""Resampling to another size."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from edge_sdk.emulate.mil.arguments import Arguments
from edge_sdk.emulate.mil.registry import op

Size = tuple[int, int]


def _scaled_size(args: Arguments, x: Tensor) -> Size:
    # In fp32, as the format computes it: 0.7 × 10 is 7 there and 6.99… in double precision.
    height, width = (
        int(torch.floor(torch.tensor(args.number(name, 1.0)) * size))
        for name, size in zip(
            ("scale_factor_height", "scale_factor_width"), x.shape[-2:], strict=True
        )
    )
    return height, width


def _target_size(args: Arguments) -> Size:
    return args.integer("target_size_height", 1), args.integer("target_size_width", 1)


def _interpolated(x: Tensor, size: Size, mode: str, align_corners: bool | None = None) -> Tensor:
    planes = x.reshape(1, -1, *x.shape[-2:])
    result = F.interpolate(planes, size, mode=mode, align_corners=align_corners)
    return result.reshape(*x.shape[:-2], *size)


def _lerped(x: Tensor, axis: int, positions: Tensor) -> Tensor:
    """Sample ``x`` along ``axis`` at fractional ``positions``, clamped to the ends."""
    last = x.shape[axis] - 1
    positions = positions.clamp(0, last)
    low = positions.floor().long()
    high = (low + 1).clamp(max=last)
    weight = (positions - low).reshape([-1] + [1] * (-axis - 1))
    return x.index_select(axis, low) * (1 - weight) + x.index_select(axis, high) * weight


def _sampled(x: Tensor, size: Size, mode: str) -> Tensor:
    for axis, length in zip((-2, -1), size, strict=True):
        x = _lerped(x, axis, _positions(x.shape[axis], length, mode))
    return x


def _positions(source: int, target: int, mode: str) -> Tensor:
    """Input coordinate of each output pixel; the center of the first input pixel is 0."""
    steps = torch.arange(target, dtype=torch.float32)
    if mode == "DEFAULT":
        return steps * (source / target)
    if mode == "OFFSET_CORNERS":
        return (steps + 0.5) * (max(1, source - 1) / target)
    if mode == "UNALIGN_CORNERS":
        return (steps + 0.5) * (source / target) - 0.5
    if mode == "ALIGN_CORNERS" and target == 1:
        return torch.tensor([(source - 1) / 2])
    if mode in ("ALIGN_CORNERS", "STRICT_ALIGN_CORNERS"):
        return steps * ((source - 1) / max(1, target - 1))
    raise ValueError(f"unknown sampling_mode '{mode}'")


@op("upsample_nearest_neighbor")
def _upsample_nearest_neighbor(args: Arguments) -> Tensor:
    x = args.tensor("x")
    return _interpolated(x, _scaled_size(args, x), "nearest")


@op("resize_nearest_neighbor")
def _resize_nearest_neighbor(args: Arguments) -> Tensor:
    return _interpolated(args.tensor("x"), _target_size(args), "nearest")


@op("upsample_bilinear")
def _upsample_bilinear(args: Arguments) -> Tensor:
    x = args.tensor("x")
    align_corners = args.flag("align_corners", True)
    half_pixel = args.flag("half_pixel_centers", not align_corners)
    size = _scaled_size(args, x)
    if align_corners and half_pixel:
        raise ValueError("align_corners and half_pixel_centers exclude each other")
    if not align_corners and not half_pixel:
        return _sampled(x, size, "DEFAULT")
    return _interpolated(x, size, "bilinear", align_corners)


@op("resize_bilinear")
def _resize_bilinear(args: Arguments) -> Tensor:
    x, size = args.tensor("x"), _target_size(args)
    mode = args.text("sampling_mode", "DEFAULT")
    if mode == "UNALIGN_CORNERS":
        return _interpolated(x, size, "bilinear", align_corners=False)
    if mode == "STRICT_ALIGN_CORNERS":
        return _interpolated(x, size, "bilinear", align_corners=True)
    return _sampled(x, size, mode)


@op("resample")
def _resample(args: Arguments) -> Tensor:
    """Samples at given places; x is the first of the two coordinates, y the second."""
    x, places = args.tensor("x"), args.tensor("coordinates")
    # What torch reflects about lies at the centers of corners or at their edges, as those do.
    borders = {
        "constant": "zeros",
        "border": "border",
        "reflection" if args.flag("align_corners") else "symmetric": "reflection",
    }
    padding = args.text("padding_mode")
    if padding not in borders or args.number("padding_value", 0.0) != 0:
        raise ValueError(f"unknown padding_mode '{padding}', or a padding_value")
    corners, kind = args.flag("align_corners"), args.text("coordinates_mode")
    if kind == "normalized_zero_to_one":
        places = places * 2 - 1
    elif kind == "unnormalized":
        if corners and padding == "reflection":
            raise ValueError("reflection about centers of pixels, by numbers of pixels")
        # Numbers of pixels, as their centers in [-1, 1] without aligned corners.
        sides = torch.tensor([x.shape[-1], x.shape[-2]], dtype=torch.float32)
        places, corners = (places * 2 + 1) / sides - 1, False
    elif kind != "normalized_minus_one_to_one":
        raise ValueError(f"unknown coordinates_mode '{kind}'")
    mode = args.text("sampling_mode")
    return F.grid_sample(x, places, mode, borders[padding], align_corners=corners)

"""Fewer pixels, and more of them again, on grids that share their extent.

Pixel i of n lies at (i + 1/2)/n of a side, on every grid (the half-pixel rule). So reducing and
enlarging commute with turning a picture over, and move nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.imaging import resize_bicubic

ENLARGEMENTS = ("bilinear", "bicubic", "nearest")
Size = tuple[int, int]


def reduced(pixels: Tensor, factor: float, *, antialiased: bool) -> Tensor:
    """A picture with ``factor`` times fewer pixels in each direction, rounded, 1 at least.

    Args:
        pixels: float32 [3, H, W].
        factor: 1 or more.
        antialiased: by bicubic weights over all pixels that a new one covers; else by what is at
            the middle of it, bilinear between the nearest, so that finer detail folds over.

    Returns:
        Float32 [3, H/factor, W/factor].
    """
    height, width = (max(1, round(side / factor)) for side in pixels.shape[-2:])
    if (height, width) == tuple(pixels.shape[-2:]):
        return pixels
    if antialiased:
        return resize_bicubic(pixels, size=(height, width))
    return _bilinear(pixels, (height, width))


def enlarged(pixels: Tensor, size: Size, method: str) -> Tensor:
    """A picture on a finer grid.

    Args:
        pixels: float32 [3, H, W].
        size: height and width wanted, each as large as the picture's or larger.
        method: one of :data:`ENLARGEMENTS`. By ``nearest`` a pixel becomes a block; an edge of
            blocks that falls inside a new pixel mixes there by area. Given to one of them whole, it
            would move detail by up to half a pixel, otherwise in every part of the picture.

    Returns:
        Float32 [3, *size]; bicubic overshoots [0, 1].

    Raises:
        InputError: if the method is unknown.

    Example:
        >>> import torch
        >>> from edge_sdk.data.degradation.grids import enlarged
        >>> enlarged(torch.tensor([[[0.0, 1.0]]]), (1, 3), "nearest").tolist()
        [[[0.0, 0.5, 1.0]]]
    """
    if method not in ENLARGEMENTS:
        raise InputError(f"unknown enlargement '{method}'; give {', '.join(ENLARGEMENTS)}")
    if method == "bilinear":
        return _bilinear(pixels, size)
    if method == "bicubic":
        return resize_bicubic(pixels, size=size)
    for axis, length in ((-2, size[0]), (-1, size[1])):
        pixels = _nearest(pixels, axis, length)
    return pixels


def _bilinear(pixels: Tensor, size: Size) -> Tensor:
    resized: Tensor = functional.interpolate(
        pixels[None], size=size, mode="bilinear", align_corners=False
    )
    return resized[0]


def _nearest(pixels: Tensor, axis: int, length: int) -> Tensor:
    # Ends of the new pixels, in parts of 1/length of an old one: whole numbers, exact.
    side = pixels.shape[axis]
    start = torch.arange(length) * side
    end = start + side
    before, after = start // length, (end - 1) // length
    share = torch.where(after > before, (end - after * length) / side, 0).to(pixels)
    if axis == -2:
        share = share[:, None]
    return torch.lerp(pixels.index_select(axis, before), pixels.index_select(axis, after), share)

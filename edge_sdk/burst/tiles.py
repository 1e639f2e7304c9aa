"""Tiles of a burst: where they lie, and each frame's crop at its whole-pixel motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.burst.encode import MAX_RESIDUAL_PX
from edge_sdk.registration.motion import transform


@dataclass(frozen=True)
class Tile:
    """A tile of the reference.

    Attributes:
        top: first row of its inside.
        left: first column of its inside.
        height: rows of its inside that lie in the picture.
        width: columns of its inside that lie in the picture.
    """

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class FrameCrop:
    """What ``encode`` needs of one frame for one tile.

    Attributes:
        pixels: float [3, T, T]; beyond the frame's edge the nearest pixel.
        motion: float [6, 1, 1]: affine motion left inside the tile, about its centre.
        confidence: float [1, T, T]: 1 where the crop lies on the frame, else 0.
    """

    pixels: Tensor
    motion: Tensor
    confidence: Tensor


def tiles(height: int, width: int, inside_px: int) -> Iterator[Tile]:
    """Cover a picture with tiles whose insides touch, row by row."""
    for top in range(0, height, inside_px):
        for left in range(0, width, inside_px):
            yield Tile(top, left, min(inside_px, height - top), min(inside_px, width - left))


def crop_frame(frame: Tensor, matrix: Tensor, tile: Tile, tile_px: int, halo_px: int) -> FrameCrop:
    """Crop a frame where the motion takes the tile's centre, to the nearest whole pixel.

    Args:
        frame: float [3, H, W].
        matrix: float64 [3, 3], reference to frame, centred.
        tile: the tile on the reference.
        tile_px: side of the crop, halo included.
        halo_px: margin around the tile's inside.

    Returns:
        The crop, the affine motion left in it, and where it lies on the frame.
    """
    height, width = frame.shape[-2:]
    top, left = tile.top - halo_px, tile.left - halo_px
    middle = (tile_px - 1) / 2
    centre = torch.tensor(
        [left + middle - (width - 1) / 2, top + middle - (height - 1) / 2], dtype=matrix.dtype
    )
    # Value and slope of the motion at the centre: exact for an affine motion.
    around = torch.stack(
        (centre, centre + torch.tensor([1.0, 0.0]), centre + torch.tensor([0.0, 1.0]))
    )
    moved = transform(matrix, around) - around
    whole = moved[0].round()
    rest = moved[0] - whole
    slope_x, slope_y = moved[1] - moved[0], moved[2] - moved[0]
    motion = torch.stack((rest[0], slope_x[0], slope_y[0], rest[1], slope_x[1], slope_y[1]))
    rows = torch.arange(tile_px) + top + int(whole[1])
    columns = torch.arange(tile_px) + left + int(whole[0])
    pixels = frame[:, rows.clamp(0, height - 1)][:, :, columns.clamp(0, width - 1)]
    on_rows = (rows >= 0) & (rows < height)
    on_columns = (columns >= 0) & (columns < width)
    confidence = (on_rows[:, None] & on_columns[None, :]).to(frame.dtype)
    return FrameCrop(pixels, motion.to(frame.dtype).view(6, 1, 1), confidence[None])


def fitting_inside_px(
    matrices: list[Tensor], candidates: tuple[int, ...], halo_px: int
) -> int | None:
    """Largest tile inside which every motion stays within ``MAX_RESIDUAL_PX`` of its crop.

    Returns:
        One of ``candidates`` (largest first), or ``None`` if even the smallest is too large.
    """
    for inside in candidates:
        reach = inside / 2 + halo_px
        worst = max(
            float((matrix[:2, :2] - torch.eye(2, dtype=matrix.dtype)).abs().sum(1).max())
            for matrix in matrices
        )
        if 0.5 + worst * reach <= MAX_RESIDUAL_PX:
            return inside
    return None

"""Tiles of a burst: where they lie, and each frame's crop along its motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.encode import MAX_OFFSET_PX
from edge_sdk.errors import InputError
from edge_sdk.registration import MotionField

LATTICE_PX = 8
"""Distance of the points at which the motion is evaluated; between them it is interpolated."""


@dataclass(frozen=True)
class Region:
    """A rectangle of the reference, in its pixels.

    Attributes:
        left: first column.
        top: first row.
        width: columns.
        height: rows.
    """

    left: int
    top: int
    width: int
    height: int

    @staticmethod
    def parse(text: str) -> Region:
        """Read ``X,Y,WIDTH,HEIGHT``.

        Raises:
            InputError: if the text is something else.
        """
        try:
            left, top, width, height = (int(part) for part in text.split(","))
        except ValueError as error:
            raise InputError(
                f"crop {text!r} is not X,Y,WIDTH,HEIGHT; give four whole numbers such as "
                "200,100,640,480"
            ) from error
        return Region(left, top, width, height)

    def check(self, height: int, width: int, smallest_px: int) -> None:
        """Raise :class:`InputError` unless it lies on a picture and is large enough."""
        text = f"{self.left},{self.top},{self.width},{self.height}"
        if min(self.width, self.height) < smallest_px:
            raise InputError(
                f"crop {text} (x,y,width,height) is too small; give at least "
                f"{smallest_px}×{smallest_px} px"
            )
        inside = self.left >= 0 and self.top >= 0
        if not inside or self.left + self.width > width or self.top + self.height > height:
            raise InputError(
                f"crop {text} (x,y,width,height) does not lie on the frames, which are "
                f"{width}×{height} px"
            )


@dataclass(frozen=True)
class Tile:
    """A tile of the reference.

    Attributes:
        top: first row of its inside.
        left: first column of its inside.
        height: rows of its inside that lie in the region.
        width: columns of its inside that lie in the region.
    """

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Strip:
    """Rows of a frame that are in memory.

    Attributes:
        pixels: float32 [3, rows, W].
        top: row of the frame that comes first.
        height: rows of the whole frame.
    """

    pixels: Tensor
    top: int
    height: int


@dataclass(frozen=True)
class FrameCrop:
    """What ``encode`` needs of one frame for one tile.

    Attributes:
        pixels: float32 [3, T, T]: at each pixel the frame's pixel nearest to where the motion takes
            it; beyond the frame's edge the nearest on it.
        offset: float32 [2, T, T]: where these samples lie on the reference, relative to the pixel.
        confidence: float32 [1, T, T]: trust in the motion where the samples lie on the frame, else
            0.
    """

    pixels: Tensor
    offset: Tensor
    confidence: Tensor


def bands(region: Region, inside_px: int) -> Iterator[list[Tile]]:
    """Cover a region with tiles whose insides touch, one row of tiles at a time."""
    bottom, right = region.top + region.height, region.left + region.width
    for top in range(region.top, bottom, inside_px):
        yield [
            Tile(top, left, min(inside_px, bottom - top), min(inside_px, right - left))
            for left in range(region.left, right, inside_px)
        ]


def crop_reference(strip: Strip, tile: Tile, tile_px: int, halo_px: int) -> FrameCrop:
    """Crop the reference itself: its samples lie on its pixels."""
    width = strip.pixels.shape[-1]
    rows = torch.arange(tile_px) + (tile.top - halo_px)
    columns = torch.arange(tile_px) + (tile.left - halo_px)
    pixels = strip.pixels[:, (rows.clamp(0, strip.height - 1) - strip.top)]
    pixels = pixels[:, :, columns.clamp(0, width - 1)]
    on_rows = (rows >= 0) & (rows < strip.height)
    on_columns = (columns >= 0) & (columns < width)
    confidence = (on_rows[:, None] & on_columns[None, :]).float()
    return FrameCrop(pixels, torch.zeros(2, tile_px, tile_px), confidence[None])


def crop_frame(
    strip: Strip, field: MotionField, tile: Tile, tile_px: int, halo_px: int
) -> FrameCrop:
    """Crop a frame along its motion, to the nearest whole pixel of each of the tile's pixels.

    A pixel p of the tile takes the frame's pixel n nearest to M(p); that sample lies at
    p + J⁻¹(n − M(p)) on the reference, with J the slope of M at the tile's centre.

    Args:
        strip: rows of the frame, all that the tile can reach or those at the frame's edge.
        field: motion from the reference to the frame.
        tile: the tile on the reference.
        tile_px: side of the crop, halo included.
        halo_px: margin around the tile's inside.
    """
    shift, slope, trust = _sampled_motion(field, tile, tile_px, halo_px)
    whole = torch.floor(shift + 0.5)
    beside = whole - shift
    (xx, xy), (yx, yy) = slope.tolist()
    offset = torch.stack((xx * beside[0] + xy * beside[1], yx * beside[0] + yy * beside[1]))
    offset = offset.clamp_(-MAX_OFFSET_PX, MAX_OFFSET_PX)
    columns = whole[0].int() + (torch.arange(tile_px, dtype=torch.int32) + (tile.left - halo_px))
    rows = whole[1].int() + _column(tile_px, tile.top - halo_px)
    pixels, inside = _gathered(strip, rows, columns)
    if inside is None:
        confidence = torch.ones(1, tile_px, tile_px) if trust is None else trust[None]
    else:
        confidence = (inside if trust is None else inside * trust)[None]
    return FrameCrop(pixels, offset, confidence)


def _column(count: int, first: int) -> Tensor:
    return (torch.arange(count, dtype=torch.int32) + first)[:, None]


def _gathered(strip: Strip, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor | None]:
    """Pixels at places int32 [T, T], and 1 where they lie on the frame; ``None`` for everywhere."""
    width = strip.pixels.shape[-1]
    first, last = strip.top, strip.top + strip.pixels.shape[1] - 1
    inside = None
    (top, bottom), (left, right) = (torch.aminmax(places) for places in (rows, columns))
    if int(top) < first or int(bottom) > last or int(left) < 0 or int(right) >= width:
        on_rows = (rows >= 0) & (rows < strip.height)
        inside = (on_rows & (columns >= 0) & (columns < width)).float()
        rows, columns = rows.clamp(first, last), columns.clamp(0, width - 1)
    index = ((rows - first) * width + columns).reshape(-1)
    pixels = strip.pixels.reshape(3, -1).index_select(1, index)
    return pixels.reshape(3, *rows.shape), inside


def reach_rows(
    field: MotionField, tiles: list[Tile], tile_px: int, halo_px: int
) -> tuple[int, int]:
    """First and last row (excluded) of a frame that a row of tiles may need, on the frame."""
    left, right = tiles[0].left - halo_px, tiles[-1].left - halo_px + tile_px
    top = tiles[0].top - halo_px
    count = (right - left) // LATTICE_PX + 2
    x = torch.linspace(left, right, count, dtype=torch.float64) - (field.width - 1) / 2
    y = torch.linspace(top, top + tile_px, 2 + tile_px // LATTICE_PX, dtype=torch.float64)
    y = y - (field.height - 1) / 2
    points = torch.stack((x[None].expand(len(y), -1), y[:, None].expand(-1, count)), -1)
    rows = field.at(points)[..., 1] + (field.height - 1) / 2
    # Two rows more on each side: the motion between the points, and rounding.
    first, last = int(rows.min().floor()) - 2, int(rows.max().ceil()) + 3
    first = min(max(first, 0), field.height - 1)
    return first, max(min(last, field.height), first + 1)


def _sampled_motion(
    field: MotionField, tile: Tile, tile_px: int, halo_px: int
) -> tuple[Tensor, Tensor, Tensor | None]:
    """M(p) − p float32 [2, T, T], J⁻¹ float32 [2, 2], and trust [T, T] or ``None`` for 1."""
    nodes = tile_px // LATTICE_PX + 2
    axis = torch.linspace(0, tile_px - 1, nodes, dtype=torch.float64)
    x = axis + (tile.left - halo_px - (field.width - 1) / 2)
    y = axis + (tile.top - halo_px - (field.height - 1) / 2)
    points = torch.stack((x[None].expand(nodes, -1), y[:, None].expand(-1, nodes)), -1)
    shift = field.at(points) - points
    span = tile_px - 1
    along_x = (shift[:, -1] - shift[:, 0]).mean(0) / span
    along_y = (shift[-1] - shift[0]).mean(0) / span
    slope = torch.linalg.inv(torch.eye(2, dtype=torch.float64) + torch.stack((along_x, along_y), 1))
    fine = _filled(shift.movedim(-1, 0), tile_px)
    if field.confidence is None:
        return fine, slope.float(), None
    return fine, slope.float(), _filled(field.confidence_at(points)[None], tile_px)[0]


def _filled(nodes: Tensor, side: int) -> Tensor:
    """Values [C, n, n] on a lattice, bilinearly to [C, side, side], corner to corner."""
    filled = functional.interpolate(
        nodes[None].float(), (side, side), mode="bilinear", align_corners=True
    )
    return filled[0]

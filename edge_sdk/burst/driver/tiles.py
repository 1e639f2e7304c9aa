"""Tiles of a burst: where they lie, and each frame's crop along its motion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.stages.encode import MAX_OFFSET_PX
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration import MotionField

LATTICE_PX = 4
"""Distance of the points at which the motion is evaluated; between them it is interpolated."""
RIGID_LATTICE_PX = 16
"""The same for a motion without offsets, which hardly bends."""
SHIFT_STEPS = 16384
"""Steps of a pixel to which shifts are rounded there."""


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
        pixels: float32 [3, R, C]: at each pixel the frame's pixel nearest to where the motion takes
            it; beyond the frame's edge the nearest on it.
        offset: float32 [2, R, C]: where these samples lie on the reference, relative to the pixel.
        confidence: float32 [1, R, C]: trust in the motion where the samples lie on the frame, else
            0.
    """

    pixels: Tensor
    offset: Tensor
    confidence: Tensor


def bands(region: Rectangle, max_px: int) -> Iterator[list[Rectangle]]:
    """Cover a region with tiles that touch, of nearly equal sides up to ``max_px``; by rows."""
    columns = list(cuts(region.width, max_px))
    for top, height in cuts(region.height, max_px):
        yield [
            Rectangle(top=region.top + top, left=region.left + left, height=height, width=width)
            for left, width in columns
        ]


def cuts(length: int, max_length: int) -> Iterator[tuple[int, int]]:
    """Starts and lengths of the fewest parts of at most ``max_length``, nearly equal."""
    count = -(-length // max_length)
    ends = [length * index // count for index in range(count + 1)]
    for start, end in pairwise(ends):
        yield start, end - start


def crop_reference(strip: Strip, tile: Rectangle, halo_px: int) -> FrameCrop:
    """Crop the reference itself, R × C = tile and halo: its samples lie on its pixels."""
    width = strip.pixels.shape[-1]
    rows = torch.arange(tile.height + 2 * halo_px) + (tile.top - halo_px)
    columns = torch.arange(tile.width + 2 * halo_px) + (tile.left - halo_px)
    last = strip.top + strip.pixels.shape[1] - 1
    pixels = strip.pixels[:, (rows.clamp(strip.top, last) - strip.top)]
    pixels = pixels[:, :, columns.clamp(0, width - 1)]
    on_rows = (rows >= 0) & (rows < strip.height)
    on_columns = (columns >= 0) & (columns < width)
    confidence = (on_rows[:, None] & on_columns[None, :]).float()
    return FrameCrop(pixels, torch.zeros(2, len(rows), len(columns)), confidence[None])


def crop_frame(strip: Strip, field: MotionField, tile: Rectangle, halo_px: int) -> FrameCrop:
    """Crop a frame along its motion, to the nearest whole pixel of each of the tile's pixels.

    A pixel p of the tile takes the frame's pixel n nearest to M(p); that sample lies at
    p + J⁻¹(n − M(p)) on the reference, with J the slope of M in the middle of the picture.

    Args:
        strip: rows of the frame, all that the tile can reach or those at the frame's edge.
        field: motion from the reference to the frame.
        tile: the tile on the reference.
        halo_px: margin around the tile.
    """
    shift, slope, trust = _sampled_motion(field, tile, halo_px)
    whole = torch.floor(shift + 0.5)
    remainder = whole - shift
    (xx, xy), (yx, yy) = slope
    offset = torch.stack(
        (xx * remainder[0] + xy * remainder[1], yx * remainder[0] + yy * remainder[1])
    )
    offset = offset.clamp_(-MAX_OFFSET_PX, MAX_OFFSET_PX)
    height, width = shift.shape[-2:]
    columns = whole[0].int() + _places(width, tile.left - halo_px)
    rows = whole[1].int() + _places(height, tile.top - halo_px)[:, None]
    pixels, inside = _gathered(strip, rows, columns)
    if inside is None:
        confidence = torch.ones(1, height, width) if trust is None else trust[None]
    else:
        confidence = (inside if trust is None else inside * trust)[None]
    return FrameCrop(pixels, offset, confidence)


def _places(count: int, first: int) -> Tensor:
    return torch.arange(count, dtype=torch.int32) + first


def _gathered(strip: Strip, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor | None]:
    """Pixels at places int32 [R, C], and 1 where they lie on the frame; ``None`` for everywhere."""
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


def reach_rows(field: MotionField, tiles: list[Rectangle], halo_px: int) -> tuple[int, int]:
    """First and last row (excluded) of a frame that a row of tiles may need, on the frame."""
    left, right = tiles[0].left - halo_px, tiles[-1].left + tiles[-1].width + halo_px
    top, bottom = tiles[0].top - halo_px, tiles[0].top + tiles[0].height + halo_px
    points = _lattice(field, (top, bottom), (left, right))
    # Between the points the shift is interpolated, so that no row lies beyond theirs but by them.
    shifts = (field.at(points) - points)[..., 1]
    first = top + int(shifts.min().floor()) - 1
    last = bottom + int(shifts.max().ceil()) + 1
    first = min(max(first, 0), field.height - 1)
    return first, max(min(last, field.height), first + 1)


def _lattice(field: MotionField, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
    """Positions of the lattice of the whole reference that enclose a rectangle: [m, n, 2]."""
    step = _spacing(field)
    y, x = (
        torch.arange(_node(start, step), -_node(1 - end, step) + 1, step, dtype=torch.float64)
        for start, end in (rows, columns)
    )
    x, y = x - (field.width - 1) / 2, y - (field.height - 1) / 2
    return torch.stack((x[None].expand(len(y), -1), y[:, None].expand(-1, len(x))), -1)


def _spacing(field: MotionField) -> int:
    # A motion without offsets is linear, or nearly.
    return RIGID_LATTICE_PX if field.offsets_px is None else LATTICE_PX


def _node(place: int, step: int) -> int:
    return place // step * step


def _sampled_motion(
    field: MotionField, tile: Rectangle, halo_px: int
) -> tuple[Tensor, tuple[tuple[float, float], tuple[float, float]], Tensor | None]:
    """M(p) − p float32 [2, R, C], J⁻¹ by rows, and trust [R, C] or ``None`` for 1.

    Nodes lie at multiples of the lattice's spacing on the reference, whatever the tile: all tiles
    see the same motion.
    """
    rows = (tile.top - halo_px, tile.top + tile.height + halo_px)
    columns = (tile.left - halo_px, tile.left + tile.width + halo_px)
    step = _spacing(field)
    points = _lattice(field, rows, columns)
    shift = field.at(points) - points
    before = (_node(rows[0], step), _node(columns[0], step))
    cut = (
        slice(rows[0] - before[0], rows[1] - before[0]),
        slice(columns[0] - before[1], columns[1] - before[1]),
    )
    # Finer than float32 can tell two shifts apart, a half pixel could be rounded either way.
    rounded = (shift * SHIFT_STEPS).round() / SHIFT_STEPS
    fine = _filled(rounded.movedim(-1, 0), step)[:, *cut]
    slope = _inverse_slope(field)
    if field.confidence is None:
        return fine, slope, None
    trust = field.confidence_at(points)
    if bool((trust == 1).all()):
        return fine, slope, None
    return fine, slope, _filled(trust[None], step)[0, *cut]


def _inverse_slope(field: MotionField) -> tuple[tuple[float, float], tuple[float, float]]:
    """J⁻¹, J the slope of the frame's motion in the middle of the picture."""
    matrix = field.matrix / field.matrix[2, 2]
    slope = matrix[:2, :2] - matrix[:2, 2:] @ matrix[2:, :2]
    (xx, xy), (yx, yy) = slope.tolist()
    whole = xx * yy - xy * yx
    return ((yy / whole, -xy / whole), (-yx / whole, xx / whole))


def _filled(nodes: Tensor, step: int) -> Tensor:
    """Values [C, m, n] on the lattice at all pixels from the first node to the last."""
    size = [step * (count - 1) + 1 for count in nodes.shape[1:]]
    filled = functional.interpolate(nodes[None].float(), size, mode="bilinear", align_corners=True)
    return filled[0]

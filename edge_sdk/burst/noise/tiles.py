"""What tiles of aligned frames show of noise, and of the texture that passes for it.

On tiles of 16×16 px, with d the difference of a frame and the reference at its nearest whole pixel,
carried to the same place by slopes and curvature, and D its 3×3 mean,

    v = ½·mean(d²),    c = 9·½·mean(D²)

are the noise of a pixel and of a mean, what is left of other light, and what texture adds:
aliasing, motion and sharpness that are not quite the same. Texture shows by itself: t, the mean
product of what both frames have beyond their 3×3 means, and u, that of the slopes of these means,
have no noise in them, for that of two frames is independent. The farther a frame's pixels lie from
the reference's, the more of its texture passes for noise: of frames, for each tile, the median of
the half that lies nearest counts. So neither what moved in few of them, nor a frame that differs
everywhere, raises the noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.photometry.evened import CLIPPED
from edge_sdk.burst.stages.steering import box_mean
from edge_sdk.imaging.margins import inner
from edge_sdk.registration import MotionField

TILE_PX = 16
MARGIN_PX = 2
MAX_TILES = 1200
"""Tiles that are looked at, evenly over the picture."""
MAX_FRAMES = 8
"""Frames that are, evenly over the burst."""
DARKEST, BRIGHTEST = 0.02, 0.95
"""Levels beyond which a tile may be clipped and hides its noise."""
SAME = (0.1 / 255) ** 2
"""Variance of a pixel under which two frames are the same: rounding alone gives eight times it."""
COPY_SHARE = 1 / 8
"""Part of other frames' variance under which a frame at rest is a copy of the reference."""
COPY_QUANTILE = 0.35
"""Quantile of a frame's tiles that it is told by; what moved in it is above."""
AT_REST = 0.05**2
"""Square of the rest of a shift, in pixels, that counts as none."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """What tiles show, by color.

    Attributes:
        fine: float64 [T, 3], v.
        coarse: float64 [T, 3], c.
        texture: float64 [T, 3, 2], t and u.
        slope: float64 [T, 3], mean square g of the slopes of both frames' 3×3 means.
        level: float64 [T, 3], mean of the reference.
    """

    fine: Tensor
    coarse: Tensor
    texture: Tensor
    slope: Tensor
    level: Tensor


def compared_tiles(
    source: FrameSource,
    reference: int,
    motions: Mapping[int, MotionField],
    shares: Mapping[int, float],
) -> Tiles | None:
    """What tiles of the reference show that frames of known motion show too.

    Args:
        source: the frames, all in one light.
        reference: index of the reference.
        motions: from the reference to other frames.
        shares: by frame, :attr:`~edge_sdk.burst.photometry.light.Light.noise_share`, where its
            light was another.

    Returns:
        The tiles that no color is clipped in, and that are not the same in all frames, as a bar or
        a mask is; ``None`` where there is no frame or no tile.
    """
    frames = list(motions)
    frames = frames[:: max(1, -(-len(frames) // MAX_FRAMES))]
    # Of a small picture tiles overlap.
    step = TILE_PX if source.height * source.width > 256 * TILE_PX**2 else TILE_PX // 2
    levels, seen = [], []
    for corners in _corner_rows(source, step):
        own = _patches(source, reference, corners, None)
        levels.append(inner(own.pixels, MARGIN_PX).mean((-2, -1)))
        others = [
            _compared(
                own.pixels,
                _patches(source, index, corners, motions[index]),
                shares.get(index, 1.0),
            )
            for index in frames
        ]
        if others:
            seen.append(torch.stack(others))
    if not seen:
        return None
    level, found = torch.cat(levels).double(), torch.cat(seen, 1)
    tiles = _middle(found[_originals(found)]).double()
    fine, coarse, finest, along, slope = tiles.unbind(-1)
    used = ~tiles.isnan().flatten(1).any(1) & (fine > SAME).any(1)
    used &= ((level > DARKEST) & (level < BRIGHTEST)).all(1)
    texture = torch.stack((finest, along), -1).clamp_min(0)
    return Tiles(*(part[used] for part in (fine, coarse, texture, slope, level)))


def _originals(seen: Tensor) -> Tensor:
    """Frames, bool [F], that are no copies of the reference written anew, of [F, n, 3, 6].

    A copy lies exactly where the reference does, and differs by far less than others do.
    """
    fine, rest = seen[..., 0], seen[..., -1]
    difference = fine.flatten(1).nanquantile(COPY_QUANTILE, dim=1).nan_to_num(torch.inf)
    at_rest = rest.flatten(1).nanmedian(1).values < AT_REST
    most = difference[difference < torch.inf].max() if bool((difference < torch.inf).any()) else 0.0
    return ~(at_rest & (difference < COPY_SHARE * most))


def _corner_rows(source: FrameSource, step: int) -> Iterator[Tensor]:
    """Rows and columns of tiles' corners, int64 [n, 2], one row of tiles after the other."""
    most = MARGIN_PX + TILE_PX
    rows, columns = (
        torch.arange(MARGIN_PX, max(length - most + 1, MARGIN_PX), step)
        for length in (source.height, source.width)
    )
    thinned = max(1, math.ceil((len(rows) * len(columns) / MAX_TILES) ** 0.5))
    for row in rows[thinned // 2 :: thinned]:
        across = columns[thinned // 2 :: thinned]
        yield torch.stack((row.expand(len(across)), across), -1)


@dataclass(frozen=True, eq=False)
class _Patches:
    """Tiles of a frame.

    Attributes:
        pixels: float32 [n, 3, 20, 20], with the margin.
        rest: float32 [n, 20, 20, 2], what the nearest pixel lies beside the place.
        shown: bool [n], whether the frame shows all of the tile.
    """

    pixels: Tensor
    rest: Tensor
    shown: Tensor


def _patches(
    source: FrameSource, index: int, corners: Tensor, field: MotionField | None
) -> _Patches:
    around = torch.arange(-MARGIN_PX, TILE_PX + MARGIN_PX)
    rows = (corners[:, :1] + around)[:, :, None].expand(-1, -1, len(around))
    columns = (corners[:, 1:] + around)[:, None, :].expand(-1, len(around), -1)
    rest = torch.zeros(*rows.shape, 2)
    shown = torch.ones(len(corners), dtype=torch.bool)
    if field is not None:
        moved = _moved(source, corners, field, around)
        whole = moved.round()
        rest = (whole - moved).float()
        columns, rows = (part.long() for part in whole.unbind(-1))
        limit = torch.tensor([source.width - 1, source.height - 1])
        shown = ((whole >= 0) & (whole <= limit)).flatten(1).all(1)
        columns, rows = columns.clamp(0, source.width - 1), rows.clamp(0, source.height - 1)
    top, bottom = int(rows.min()), int(rows.max()) + 1
    strip = source.rows(index, top, bottom)
    return _Patches(strip[:, rows - top, columns].movedim(0, 1), rest, shown)


def _moved(source: FrameSource, corners: Tensor, field: MotionField, around: Tensor) -> Tensor:
    """Where the pixels of tiles lie on a frame, float64 [n, 20, 20, 2]; linear over a tile."""
    middle = torch.tensor([(source.width - 1) / 2, (source.height - 1) / 2]).double()
    steps = torch.tensor([[0, 0], [0, TILE_PX], [TILE_PX, 0]])
    places = (corners[:, None] + steps).flip(-1) - middle
    origin, along_x, along_y = (field.at(places) + middle).unbind(1)
    across, down = ((end - origin)[:, None, None] / TILE_PX for end in (along_x, along_y))
    share = around.double()
    return (
        origin[:, None, None]
        + share[None, None, :, None] * across
        + (share[None, :, None, None] * down)
    )


def _compared(own: Tensor, other: _Patches, share: float) -> Tensor:
    """V, c, t, u, g of tiles by color and the square of the rest, [n, 3, 6].

    They are no numbers where the tile is not shown, or the frame or the reference is clipped.
    """
    mean, other_mean = box_mean(own), box_mean(other.pixels)
    product = inner(inner(own, 1) - mean, 1) * inner(inner(other.pixels, 1) - other_mean, 1)
    slope_x, slope_y = _slopes(mean)
    other_x, other_y = _slopes(other_mean)
    along = slope_x * other_x + slope_y * other_y
    squares = slope_x.square() + slope_y.square() + other_x.square() + other_y.square()
    rest = other.rest[:, None, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    carried = _carried(inner((own + other.pixels) / 2, 1), *rest.unbind(-1))
    difference = inner(other.pixels - own, MARGIN_PX) - carried
    beside = rest.square().sum(-1).expand_as(difference)
    fine = difference.square().mean((-2, -1)) / (2 * share)
    coarse = box_mean(difference).square().mean((-2, -1)) * (9 / (2 * share))
    seen = torch.stack(
        (fine, coarse, *(part.mean((-2, -1)) for part in (product, along, squares, beside))), -1
    )
    clipped = torch.maximum(own, other.pixels).flatten(1).amax(1) >= CLIPPED
    seen[~other.shown | clipped] = torch.nan
    return seen


def _middle(seen: Tensor) -> Tensor:
    """Medians over frames, [n, 3, 5], of the nearer half: float [F, n, 3, 6] as :func:`_compared`.

    The farther a frame's pixels lie from the reference's, the more of its texture passes for noise.
    """
    rest = seen[..., -1:]
    near = rest <= rest.nanmedian(0).values
    return torch.where(near, seen[..., :-1], torch.nan).nanmedian(0).values


def _carried(x: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """What a picture gains from its pixels to places beside them: Taylor's series to squares."""
    middle = inner(x, 1)
    slope_x, slope_y = _slopes(x)
    bend_x = x[..., 1:-1, 2:] + x[..., 1:-1, :-2] - 2 * middle
    bend_y = x[..., 2:, 1:-1] + x[..., :-2, 1:-1] - 2 * middle
    twist = (x[..., 2:, 2:] + x[..., :-2, :-2] - x[..., 2:, :-2] - x[..., :-2, 2:]) / 4
    straight = right * slope_x + down * slope_y
    return straight + right * down * twist + (right**2 * bend_x + down**2 * bend_y) / 2


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    across = (x[..., 1:-1, 2:] - x[..., 1:-1, :-2]) / 2
    return across, (x[..., 2:, 1:-1] - x[..., :-2, 1:-1]) / 2

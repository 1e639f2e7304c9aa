"""Noise of a burst, measured between aligned frames.

The noise of a processed picture is smooth, and hardly shows in one frame; between frames it does.
On tiles of 16×16 px, with d the difference of a frame and the reference at its nearest whole pixel,
carried to the same place by slopes and curvature, and D its 3×3 mean,

    v = ½·mean(d²),    c = 9·½·mean(D²)

are the noise of a pixel and of a mean, what is left of other light, and what texture adds:
aliasing, motion and sharpness that are not quite the same. Texture shows by itself: t, the mean
product of what both frames have beyond their 3×3 means, and u, that of the slopes of these means,
have no noise in them, for that of two frames is independent. So

    v ≈ Σ_k s_k²·h_k(ℓ) + a·t + b·u

is fitted, ℓ the level of the tile and h_k the hats between ``LEVELS``, as the quantile
``QUIET_SHARE`` of relative deviations (Koenker & Bassett 1978), and s_k are the curve's points. Of
the tiles, the share ``CALM_SHARE`` counts whose slopes g, of the 3×3 means of both frames, are
least; of frames, for each tile, the median of the half that lies nearest to the reference's pixels:
so neither what moved nor a frame that differs everywhere raises the noise. Neighboring points are
tied to each other as ``TIE`` tiles would.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.noise.curve import Noise, level_hats, luma_std
from edge_sdk.burst.stages.noise_map import LEVELS
from edge_sdk.registration import MotionField

TILE_PX = 16
MARGIN_PX = 2
MAX_TILES = 1200
"""Tiles that are looked at, evenly over the picture."""
MAX_FRAMES = 8
"""Frames that are, evenly over the burst."""
LEAST_TILES = 12
"""Tiles that it takes to tell noise from texture."""
CALM_SHARE = 0.6
QUIET_SHARE = 0.35
QUIET_BIAS = (0.98, 0.94)
"""What that quantile of calm tiles gives of white noise, for a pixel and for a mean."""
TIE = 1.0
EVEN_TEXTURE = 0.02
"""Square of texture's relative variation over tiles under which it counts as even."""
DARKEST, BRIGHTEST = 0.02, 0.95
"""Levels beyond which a tile may be clipped and hides its noise."""
ITERATIONS = 20
LEAST_DEVIATION = 0.02
"""Relative deviation under which a tile fits as well as it can."""
MAX_SMOOTHING = 20.0
"""How often the noise seen in one frame a camera's smoothing may hide; real phones came to 11."""


def measure_noise(
    source: FrameSource, reference: int, motions: Mapping[int, MotionField], single_std: float
) -> Noise:
    """Noise of one frame, between a reference and frames of known motion, all in one light.

    Args:
        source: the frames.
        reference: index of the reference.
        motions: from the reference to other frames.
        single_std: noise seen in the reference alone, on values in [0, 1]. It is the answer where
            nothing can be compared, and ``MAX_SMOOTHING`` times as much is the most for a pixel.

    Returns:
        Its curves.
    """
    tiles = _tiles(source, reference, motions)
    if tiles is None or len(tiles.texture) < LEAST_TILES:
        return Noise.white(single_std)
    calm = [_calm(tiles.level[:, color], tiles.slope[:, color]) for color in range(3)]
    fine, coarse = (
        torch.stack(
            [
                _curve(values[:, c], tiles.level[:, c], tiles.texture[:, c], calm[c])
                for c in range(3)
            ]
        ).sqrt()
        / bias
        for values, bias in zip((tiles.fine, tiles.coarse), QUIET_BIAS, strict=True)
    )
    fine = fine.clamp_max(MAX_SMOOTHING * single_std)
    # Nine pixels that all go along have thrice the noise of nine that do not.
    coarse = torch.minimum(coarse, 3 * fine)
    at_tiles = torch.stack([level_hats(tiles.level[:, c]) @ coarse[c] for c in range(3)])
    return Noise(fine, coarse, luma_std(at_tiles.square().mean(1).sqrt()))


@dataclass(frozen=True, eq=False)
class _Tiles:
    """What tiles show, by color: v, c, t and u, g, and the level of the reference.

    All are float64 [T, 3], but ``texture`` is [T, 3, 2].
    """

    fine: Tensor
    coarse: Tensor
    texture: Tensor
    slope: Tensor
    level: Tensor


def _tiles(
    source: FrameSource, reference: int, motions: Mapping[int, MotionField]
) -> _Tiles | None:
    frames = list(motions)
    frames = frames[:: max(1, -(-len(frames) // MAX_FRAMES))]
    # Of a small picture tiles overlap.
    step = TILE_PX if source.height * source.width > 256 * TILE_PX**2 else TILE_PX // 2
    found = []
    for corners in _corner_rows(source, step):
        own = _patches(source, reference, corners, None)
        level = own.pixels[..., MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX].mean((-2, -1))
        seen = [
            _compared(own.pixels, _patches(source, index, corners, motions[index]))
            for index in frames
        ]
        if seen:
            found.append(torch.cat((_middle(torch.stack(seen)), level[:, :, None]), -1))
    if not found:
        return None
    tiles = torch.cat(found).double()
    fine, coarse, finest, along, slope, level = tiles.unbind(-1)
    used = ~tiles.isnan().flatten(1).any(1)
    used &= ((level > DARKEST) & (level < BRIGHTEST)).all(1)
    texture = torch.stack((finest, along), -1).clamp_min(0)
    return _Tiles(*(part[used] for part in (fine, coarse, texture, slope, level)))


def _corner_rows(source: FrameSource, step: int) -> Iterator[Tensor]:
    """Rows and columns of tiles' corners, int64 [n, 2], one row of tiles after the other."""
    most = MARGIN_PX + TILE_PX
    rows, columns = (
        torch.arange(MARGIN_PX, max(length - most + 1, MARGIN_PX), step)
        for length in (source.height, source.width)
    )
    thinned = max(1, round((len(rows) * len(columns) / MAX_TILES) ** 0.5))
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
        middle = torch.tensor([(source.width - 1) / 2, (source.height - 1) / 2]).double()
        moved = field.at(torch.stack((columns, rows), -1) - middle) + middle
        whole = moved.round()
        rest = (whole - moved).float()
        columns, rows = (part.long() for part in whole.unbind(-1))
        limit = torch.tensor([source.width - 1, source.height - 1])
        shown = ((whole >= 0) & (whole <= limit)).flatten(1).all(1)
        columns, rows = columns.clamp(0, source.width - 1), rows.clamp(0, source.height - 1)
    top, bottom = int(rows.min()), int(rows.max()) + 1
    strip = source.rows(index, top, bottom)
    return _Patches(strip[:, rows - top, columns].movedim(0, 1), rest, shown)


def _compared(own: Tensor, other: _Patches) -> Tensor:
    """V, c, t, u, g of tiles by color and the square of the rest, [n, 3, 6].

    They are no numbers where the tile is not shown.
    """
    mean, other_mean = _box_mean(own), _box_mean(other.pixels)
    product = _inner(_inner(own, 1) - mean, 1) * _inner(_inner(other.pixels, 1) - other_mean, 1)
    slope_x, slope_y = _slopes(mean)
    other_x, other_y = _slopes(other_mean)
    along = slope_x * other_x + slope_y * other_y
    squares = slope_x.square() + slope_y.square() + other_x.square() + other_y.square()
    rest = other.rest[:, None, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    carried = _carried(_inner((own + other.pixels) / 2, 1), *rest.unbind(-1))
    difference = _inner(other.pixels - own, MARGIN_PX) - carried
    beside = rest.square().sum(-1).expand_as(difference)
    fine = difference.square().mean((-2, -1)) / 2
    coarse = _box_mean(difference).square().mean((-2, -1)) * (9 / 2)
    seen = torch.stack(
        (fine, coarse, *(part.mean((-2, -1)) for part in (product, along, squares, beside))), -1
    )
    seen[~other.shown] = torch.nan
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
    middle = _inner(x, 1)
    slope_x, slope_y = _slopes(x)
    bend_x = x[..., 1:-1, 2:] + x[..., 1:-1, :-2] - 2 * middle
    bend_y = x[..., 2:, 1:-1] + x[..., :-2, 1:-1] - 2 * middle
    twist = (x[..., 2:, 2:] + x[..., :-2, :-2] - x[..., 2:, :-2] - x[..., :-2, 2:]) / 4
    straight = right * slope_x + down * slope_y
    return straight + right * down * twist + (right**2 * bend_x + down**2 * bend_y) / 2


def _curve(values: Tensor, level: Tensor, texture: Tensor, calm: Tensor) -> Tensor:
    """Points of the curve, float64 [K], not negative: a quantile of the tiles, by its own loss."""
    values, texture, hats = values[calm], texture[calm], level_hats(level[calm])
    count = hats.shape[1]
    basis = torch.cat((hats, texture / texture.mean(0).clamp_min(1e-12)), 1)
    steps = torch.diff(torch.eye(basis.shape[1], dtype=torch.float64)[:count], dim=0)
    found = torch.zeros(basis.shape[1], dtype=torch.float64)
    found[:count] = values.median()
    used = torch.ones(basis.shape[1], dtype=torch.bool)
    for _ in range(ITERATIONS):
        expected = (basis @ found).clamp_min(1e-12)
        beyond = (values - basis @ found) / expected
        deviation = beyond.abs().clamp_min(LEAST_DEVIATION)
        side = torch.where(beyond > 0, QUIET_SHARE, 1 - QUIET_SHARE)
        weight = 2 * side / (deviation * expected.square())
        points = found[:count].clamp_min(1e-12)
        ties = TIE / (deviation.median() * points[1:] * points[:-1])
        normal = basis.T @ (weight[:, None] * basis) + steps.T @ (ties[:, None] * steps)
        # Texture that is everywhere the same cannot be told from noise, and is then no texture.
        normal[count:, count:] += EVEN_TEXTURE * weight.sum() * torch.eye(len(normal) - count)
        diagonal = normal.diagonal()
        normal += 1e-9 * torch.diag(diagonal.clamp_min(1e-6 * float(diagonal.max())))
        target = basis.T @ (weight * values)
        found = torch.zeros_like(found)
        found[used] = torch.linalg.solve(normal[used][:, used], target[used])
        # Texture that makes a tile quieter is chance.
        used[count:] &= found[count:] >= 0
        found.clamp_min_(0)
    return found[:count]


def _calm(level: Tensor, slope: Tensor) -> Tensor:
    """Indices of the tiles of least slope, as large a share of those near each of ``LEVELS``."""
    nearest = level_hats(level).argmax(1)
    found = []
    for knot in range(len(LEVELS)):
        near = (nearest == knot).nonzero()[:, 0]
        least = slope[near].argsort(stable=True)[: math.ceil(CALM_SHARE * len(near))]
        found.append(near[least])
    return torch.cat(found)


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    across = (x[..., 1:-1, 2:] - x[..., 1:-1, :-2]) / 2
    return across, (x[..., 2:, 1:-1] - x[..., :-2, 1:-1]) / 2


def _box_mean(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 3, 1)


def _inner(x: Tensor, margin: int) -> Tensor:
    return x[..., margin:-margin, margin:-margin]

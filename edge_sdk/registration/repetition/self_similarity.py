"""By which shifts a picture repeats, told from its correlation with itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

CELL_PX = 16
"""Texture is measured over squares of this side, and tiles begin at their corners."""
TILE_PX = 64
"""Side of a tile."""
TILES, PART_PX = 4, 128
"""Most tiles in each direction, and length that takes one: that with most texture of its part."""
REACH_PX = 48
"""Largest shift that is looked at, in each direction."""
LEAST_OVERLAP = 0.25
"""Share of the tiles that must still lie on the picture when shifted."""
TEXTURE_STD = 2 / 255
"""A tile of less contrast than this shows nothing that could repeat."""
ALIKE = 0.5
"""Correlation of the tiles with what is a shift away, from which on the picture repeats."""
GLANCE = 0.8
"""Part of that which must be seen first without regard to the contrast of what is away."""
PROMINENCE = 0.1
"""How far correlation must rise again on every way from no shift: along an edge it never falls."""
MAX_PERIODS = 4
"""Shifts that are returned, at most."""
NEARER = 0.005
"""Correlation that counts as much as a pixel of shift, where there are more."""


def periods(picture: Tensor) -> Tensor:
    """Shifts by which a picture looks like itself, apart from those about no shift at all.

    On at most 16 tiles, the mean of their correlation with the picture s pixels away, times the
    root of the share of the tiles that are still on it, is a hill ρ(s) around s = 0, with ridges
    along which an edge slides on itself. A repeating scene has more hills: peaks of ρ ≥ ``ALIKE``
    that no way from s = 0 reaches without falling by ``PROMINENCE``.

    Args:
        picture: float [1, 1, H, W], slightly smoothed.

    Returns:
        Whole shifts float32 [K, 2] as (x, y), of each and its opposite only one; K ≤ 4, the most
        alike first. Empty for a picture that does not repeat.
    """
    correlation = _tiles_correlation(picture)
    if correlation is None:
        return picture.new_zeros(0, 2)
    correlation = (correlation + correlation.flip(0, 1)) / 2
    peaks = _peaks(correlation, ALIKE)
    if not bool(peaks.any()):
        return picture.new_zeros(0, 2)
    peaks &= correlation - _reached(correlation) >= PROMINENCE
    places = peaks.nonzero()
    shifts = (places.flip(1) - REACH_PX).to(picture)
    rank = correlation[places[:, 0], places[:, 1]] - NEARER * shifts.norm(dim=1)
    return shifts[rank.argsort(descending=True)[:MAX_PERIODS]]


def _tiles_correlation(picture: Tensor) -> Tensor | None:
    """ρ of :func:`periods`, float32 [2R + 1, 2R + 1]; −1 where too little is on the picture.

    ``None`` if there is no texture, or if a first look finds nothing that repeats.
    """
    height, width = picture.shape[-2:]
    down, across = (min(TILE_PX, side) // CELL_PX for side in (height, width))
    if min(down, across) == 0:
        return None
    rows, columns = CELL_PX * down, CELL_PX * across
    around = functional.pad(picture[0, 0], (REACH_PX,) * 4)
    tiles, windows, insides = [], [], []
    for top, left in _textured(picture, down, across):
        tile = picture[0, 0, top : top + rows, left : left + columns]
        mean = tile.mean()
        tile = tile - mean
        if float(tile.square().mean()) < TEXTURE_STD**2:
            continue
        inside = _Inside.of(picture.shape, top, left, rows, columns)
        window = around[top : top + rows + 2 * REACH_PX, left : left + columns + 2 * REACH_PX]
        tiles.append(tile)
        windows.append(inside.centered(window, mean))
        insides.append(inside)
    if not tiles:
        return None
    size = windows[0].shape
    products = torch.fft.rfft2(torch.stack(tiles), s=size).conj_physical_()
    products *= torch.fft.rfft2(torch.stack(windows))
    cross = torch.fft.irfft2(products, s=size)[:, : 2 * REACH_PX + 1, : 2 * REACH_PX + 1]
    count = torch.stack([inside.count for inside in insides])
    share = count.sum(0) / (len(tiles) * rows * columns)
    variance = torch.stack([tile.square().mean() for tile in tiles])[:, None, None]
    glance = _evidence((cross / variance).sum(0), count.sum(0), share)
    if not bool(_peaks(glance, GLANCE * ALIKE).any()):
        return None
    total = torch.zeros_like(share)
    for index, inside in enumerate(insides):
        total += inside.count * inside.correlation(tiles[index], windows[index], cross[index])
    return _evidence(total, count.sum(0), share)


def _evidence(total: Tensor, count: Tensor, share: Tensor) -> Tensor:
    """Correlations summed over pixels, as a mean times √share: few pixels must agree better."""
    mean = total / count.clamp_min(1.0) * share.sqrt()
    return mean.masked_fill(share < LEAST_OVERLAP, -1.0)


@dataclass(frozen=True, eq=False)
class _Inside:
    """Which part of a tile lies on the picture at each shift.

    Attributes:
        first: int64 [2R + 1] of rows and of columns: the first that does.
        end: the same: the first after those that do.
        on: first and end, in rows and in columns, of what of the window is on the picture.
        count: float32 [2R + 1, 2R + 1]: pixels that do.
    """

    first: tuple[Tensor, Tensor]
    end: tuple[Tensor, Tensor]
    on: tuple[tuple[int, int], tuple[int, int]]
    count: Tensor

    @staticmethod
    def of(size: torch.Size, top: int, left: int, rows: int, columns: int) -> _Inside:
        """Of a tile of ``rows`` × ``columns`` with its corner there, on a picture of a size."""
        shift = torch.arange(-REACH_PX, REACH_PX + 1)
        first, end, on = [], [], []
        for corner, length, side in ((top, rows, size[-2]), (left, columns, size[-1])):
            first.append((-shift - corner).clamp(0, length))
            end.append((side - shift - corner).clamp(0, length))
            begin = REACH_PX - corner
            on.append((max(begin, 0), min(begin + side, length + 2 * REACH_PX)))
        count = (end[0] - first[0])[:, None] * (end[1] - first[1])
        return _Inside((first[0], first[1]), (end[0], end[1]), (on[0], on[1]), count.float())

    def centered(self, window: Tensor, mean: Tensor) -> Tensor:
        """A window less a mean, and 0 beyond the picture still."""
        (top, bottom), (left, right) = self.on
        centered = torch.zeros_like(window)
        centered[top:bottom, left:right] = window[top:bottom, left:right] - mean
        return centered

    def sums(self, plane: Tensor, moves: bool) -> Tensor:
        """Sums over the part on the picture, at each shift: of the tile, or of what it lies on."""
        integral = functional.pad(plane.double().cumsum(0).cumsum(1), (1, 0, 1, 0))
        shift = torch.arange(2 * REACH_PX + 1) if moves else 0
        top, left = (first + shift for first in self.first)
        bottom, right = (end + shift for end in self.end)
        rows = integral[bottom] - integral[top]
        return (rows[:, right] - rows[:, left]).float()

    def correlation(self, tile: Tensor, window: Tensor, cross: Tensor) -> Tensor:
        """Correlation of a tile with what is s away, float32 [2R + 1, 2R + 1].

        Args:
            tile: float32 [rows, columns], without its mean.
            window: what lies around it, less the same mean.
            cross: sums of the products of the two, [2R + 1, 2R + 1].
        """
        count = self.count.clamp_min(1.0)
        first, other = self.sums(tile, False) / count, self.sums(window, True) / count
        least = TEXTURE_STD**2
        own = (self.sums(tile.square(), False) / count - first.square()).clamp_min(least)
        away = (self.sums(window.square(), True) / count - other.square()).clamp_min(least)
        return (cross / count - first * other) * (own * away).rsqrt()


def _textured(picture: Tensor, down: int, across: int) -> list[tuple[int, int]]:
    """Row and column of the corners of the tiles, of so many cells, with most texture."""
    slope_y = (picture[..., 2:, 1:-1] - picture[..., :-2, 1:-1]).square_()
    slope_x = (picture[..., 1:-1, 2:] - picture[..., 1:-1, :-2]).square_()
    energy = functional.pad(slope_y.add_(slope_x), (1, 1, 1, 1))
    tiles = functional.avg_pool2d(functional.avg_pool2d(energy, CELL_PX), (down, across), 1)
    rows, columns = tiles.shape[-2:]
    parts = [min(TILES, -(-side // PART_PX)) for side in picture.shape[-2:]]
    size = (min(parts[0], rows), min(parts[1], columns))
    _, chosen = functional.adaptive_max_pool2d(tiles, size, return_indices=True)
    places: list[int] = sorted(set(chosen.flatten().tolist()))
    return [(CELL_PX * (place // columns), CELL_PX * (place % columns)) for place in places]


def _peaks(correlation: Tensor, least: float) -> Tensor:
    """Peaks, other than that of no shift; of a shift and its opposite, the one right or below."""
    peaks = (correlation >= least) & (correlation == _dilated(correlation, 5))
    peaks.view(-1)[: peaks.numel() // 2 + 1] = False
    return peaks


def _dilated(plane: Tensor, side: int) -> Tensor:
    return functional.max_pool2d(plane[None, None], side, 1, side // 2)[0, 0]


def _reached(correlation: Tensor) -> Tensor:
    """Least correlation that has to be passed on the best way to each shift from no shift."""
    reached = torch.full_like(correlation, -2.0)
    reached[REACH_PX, REACH_PX] = correlation[REACH_PX, REACH_PX]
    while True:
        further = torch.minimum(_dilated(reached, 3), correlation)
        if torch.equal(further, reached):
            return reached
        reached = further

"""By which shifts a picture repeats, told from its correlation with itself."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

CELL_PX = 16
"""Texture is measured over squares of this side, and tiles begin at their corners."""
TILE_PX = 64
"""Side of a tile."""
TILES = 4
"""Tiles in each direction: of each part of the picture the tile with most texture."""
REACH_PX = 48
"""Largest shift that is looked at, in each direction."""
LEAST_OVERLAP = 0.25
"""Share of the tiles that must still lie on the picture when shifted."""
TEXTURE_STD = 2 / 255
"""A tile of less contrast than this shows nothing that could repeat."""
ALIKE = 0.5
"""Mean correlation of the tiles with what is a shift away, from which on the picture repeats."""
PROMINENCE = 0.1
"""How far correlation must rise again on every way from no shift: along an edge it never falls."""
MAX_PERIODS = 4
"""Shifts that are returned, at most."""
NEARER = 0.005
"""Correlation that counts as much as a pixel of shift, where there are more."""


def periods(picture: Tensor) -> Tensor:
    """Shifts by which a picture looks like itself, apart from those about no shift at all.

    On at most 16 tiles, the mean of their correlation with the picture s pixels away, ρ(s), is a
    hill around s = 0 with ridges along which an edge slides on itself. A repeating scene has more
    hills: peaks of ρ ≥ ``ALIKE`` that no way from s = 0 reaches without falling by ``PROMINENCE``.

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
    peaks = (correlation >= ALIKE) & (correlation == _dilated(correlation, 5))
    # Of a shift and its opposite, the one to the right or below.
    peaks.view(-1)[: peaks.numel() // 2 + 1] = False
    if not bool(peaks.any()):
        return picture.new_zeros(0, 2)
    peaks &= correlation - _reached(correlation) >= PROMINENCE
    places = peaks.nonzero()
    shifts = (places.flip(1) - REACH_PX).to(picture)
    rank = correlation[places[:, 0], places[:, 1]] - NEARER * shifts.norm(dim=1)
    return shifts[rank.argsort(descending=True)[:MAX_PERIODS]]


def _tiles_correlation(picture: Tensor) -> Tensor | None:
    """Mean correlation of the tiles with what is s away, float32 [2R + 1, 2R + 1]; −1 if unknown.

    ``None`` if there is no texture.
    """
    height, width = picture.shape[-2:]
    down, across = (min(TILE_PX, side) // CELL_PX for side in (height, width))
    if min(down, across) == 0:
        return None
    rows, columns = CELL_PX * down, CELL_PX * across
    corners = _textured(picture, down, across)
    size = (rows + 2 * REACH_PX, columns + 2 * REACH_PX)
    around = functional.pad(picture[0, 0], (REACH_PX,) * 4)
    known = functional.pad(torch.ones_like(picture[0, 0]), (REACH_PX,) * 4)
    windows, masks = (
        torch.stack([plane[y : y + size[0], x : x + size[1]] for y, x in corners])
        for plane in (around, known)
    )
    inner = (slice(None), slice(REACH_PX, REACH_PX + rows), slice(REACH_PX, REACH_PX + columns))
    windows = (windows - windows[inner].mean((-2, -1), keepdim=True)) * masks
    tiles = windows[inner]
    textured = tiles.square().mean((-2, -1)).sqrt() >= TEXTURE_STD
    if not bool(textured.any()):
        return None
    windows, masks, tiles = windows[textured], masks[textured], tiles[textured]
    ones = torch.ones_like(tiles[:1])
    left = torch.fft.rfft2(torch.cat((ones, tiles, tiles.square())), s=size).conj()
    right = torch.fft.rfft2(torch.cat((masks, windows, windows.square())))
    one, tile, tile_square = left[:1], *left[1:].chunk(2)
    mask, window, window_square = right.chunk(3)
    products = (one * mask, tile * mask, tile_square * mask, one * window, one * window_square)
    sums = torch.fft.irfft2(torch.stack((*products, tile * window)), s=size)
    sums = sums[..., : 2 * REACH_PX + 1, : 2 * REACH_PX + 1]
    count, first, first_square, second, second_square, cross = sums
    count = count.clamp_min(1.0)
    least = TEXTURE_STD**2
    variance = (first_square / count - (first / count).square()).clamp_min(least)
    other = (second_square / count - (second / count).square()).clamp_min(least)
    covariance = cross / count - first * second / count.square()
    total = count.sum(0)
    mean = (count * covariance / (variance * other).sqrt()).sum(0) / total
    return mean.masked_fill(total < LEAST_OVERLAP * tiles.numel(), -1.0)


def _textured(picture: Tensor, down: int, across: int) -> list[tuple[int, int]]:
    """Row and column of the corners of the tiles of ``down`` × ``across`` cells with most texture."""
    slope_y = (picture[..., 2:, 1:-1] - picture[..., :-2, 1:-1]).square_()
    slope_x = (picture[..., 1:-1, 2:] - picture[..., 1:-1, :-2]).square_()
    energy = functional.pad(slope_y.add_(slope_x), (1, 1, 1, 1))
    tiles = functional.avg_pool2d(functional.avg_pool2d(energy, CELL_PX), (down, across), 1)
    rows, columns = tiles.shape[-2:]
    size = (min(TILES, rows), min(TILES, columns))
    _, chosen = functional.adaptive_max_pool2d(tiles, size, return_indices=True)
    places: list[int] = chosen.flatten().unique().tolist()
    return [(CELL_PX * (place // columns), CELL_PX * (place % columns)) for place in places]


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

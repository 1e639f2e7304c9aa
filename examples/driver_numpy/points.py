"""What a reference is prepared by: its levels, the points that speak for a motion, whole shifts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .stages import Array, Stages

MAX_SHIFT_PX, MAX_PIXELS = 64, 4_000_000
"""Shift that is searched in any case, and pixels from which on a level is not compared."""


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a level of the reference that speak for a motion, in B blocks of 64."""

    size: tuple[int, ...]  # rows and columns of the level
    coefficients: Array  # float32 [10, B, 64], of ``expand``
    row: Array  # float32 [B, 64]
    column: Array  # float32 [B, 64]
    real: Array  # bool [B, 64], whether there is a point

    def only(self, chosen: Array | list[int]) -> Points:
        """Some of the blocks."""
        places = (self.row[chosen], self.column[chosen], self.real[chosen])
        return Points(self.size, self.coefficients[:, chosen], *places)

    def within(self, stages: Stages, row: Array, column: Array) -> Array:
        """Whether places lie on the level and not at its edge, where margins have been seen."""
        margin, inside = stages.table("registration.alignment.points").MARGIN_PX, self.real
        for place, side in ((row, self.size[0]), (column, self.size[1])):
            inside = inside & (place >= margin) & (place < side - margin)
        return inside


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference, prepared once for all frames."""

    levels: list[Array]  # float32 [h, w] each, from the finest that is compared
    points: list[Points]  # of each level
    judged: Points  # some of the finest, by which frames are accepted
    larger: list[tuple[int, ...]]  # sizes of levels that are too large to be compared
    reach_px: float  # largest shift that is searched, on the frame
    reach: int  # the same on the coarsest level
    high: tuple[Array, float]  # h of the coarsest level and its k
    own: Array  # B of it searched for on itself, by −n
    stretch: tuple[float, float]  # factor, and the value that becomes ½

    def stretched(self, level: Array) -> Array:
        """A level as ``expand`` and ``align`` see it."""
        return stretched(level, self.stretch)


def prepared(stages: Stages, luma: Array) -> Reference:
    """Prepare luma, float32 [h, w], for frames that are aligned to it."""
    table = stages.table("registration.alignment.global_motion")
    every = levels_of(stages, luma)
    levels = [level for level in every if level.size <= MAX_PIXELS] or every[-1:]
    most = [table.FINE_POINTS] + [table.COARSE_POINTS] * (len(levels) - 1)
    stretch = _stretch(stages, levels[0])
    seen = [stretched(level, stretch) for level in levels]
    points = [_points(stages, *each) for each in zip(seen, most, strict=True)]
    judged, count = points[0], len(points[0].real)
    if count > table.JUDGED_BLOCKS:
        golden = stages.table("registration.alignment.points").GOLDEN
        spread = {int(count * (golden * k % 1)) for k in range(table.JUDGED_BLOCKS)}
        judged = judged.only(sorted(spread))
    share = stages.table("registration.registrar").SEARCHED_SHARE
    reach_px = max(MAX_SHIFT_PX, share * min(luma.shape))
    reach, (high, k) = math.ceil(reach_px / 2 ** (len(every) - 1)), _high(stages, levels[-1])
    own = stages.search(high, high, (k, k), reach)[1, ::-1, ::-1]
    larger = [level.shape for level in every[: -len(levels)]]
    return Reference(levels, points, judged, larger, reach_px, reach, (high, k), own, stretch)


def stretched(level: Array, stretch: tuple[float, float]) -> Array:
    """½ + factor·(level − middle), in float32."""
    factor, middle = np.array(stretch, np.float32)
    return level if factor == 1 else np.float32(0.5) + (level - middle) * factor


def _stretch(stages: Stages, level: Array) -> tuple[float, float]:
    """What a dark or dull reference is stretched by: a power of two, about its mean."""
    table = stages.table("registration.alignment.stretch")
    deviation = float(level.std(dtype=np.float64))
    if deviation > table.CONTRAST / 2:
        return 1.0, 0.5
    asked = math.log2(table.CONTRAST / max(deviation, table.CONTRAST / table.MOST))
    return 2.0 ** math.floor(asked), float(level.mean(dtype=np.float64))


def levels_of(stages: Stages, luma: Array) -> list[Array]:
    """Levels of luma [h, w], finest first."""
    levels = [stages.whole("smooth", luma)]
    coarsest_px = stages.table("registration.alignment.levels").COARSEST_PX
    while min(levels[-1].shape) // 2 >= coarsest_px:
        levels.append(stages.whole("halve", levels[-1]))
    return levels


def whole_shifts(stages: Stages, reference: Reference, level: Array) -> list[tuple[int, int]]:
    """Shifts (x, y) by which the coarsest level of a frame may lie off, best first."""
    table, (height, width) = stages.table("registration.alignment.peaks"), level.shape
    (own_high, own_k), (high, k) = reference.high, _high(stages, level)
    cross, other = stages.search(own_high, high, (own_k, k), reference.reach)
    reach_y, reach_x = cross.shape[0] // 2, cross.shape[1] // 2
    y, x = np.mgrid[-reach_y : reach_y + 1, -reach_x : reach_x + 1]
    share = (1 - abs(y) / height) * (1 - abs(x) / width)
    correlation = cross / np.sqrt(reference.own * other + table.FLAT**2)
    evidence = correlation * np.sqrt(share) - table.TIE * np.hypot(x, y)
    evidence[share < table.LEAST_OVERLAP] = -1
    best, peaks = float(evidence.max()), []
    if best < table.NOTHING:
        return [(0, 0)]
    for row, column in np.argwhere(evidence > -1):
        near = evidence[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        if evidence[row, column] == near.max():
            shift = (int(column) - reach_x, int(row) - reach_y)
            peaks.append((float(evidence[row, column]), shift))
    peaks.sort(key=lambda peak: -peak[0])
    least = max(table.OTHER_PEAK * best, table.LEAST_PEAK)
    return [shift for own, shift in peaks[: table.PEAKS] if own == best or own >= least]


def _high(stages: Stages, level: Array) -> tuple[Array, float]:
    """What a level [h, w] differs by from its surroundings, and k, by which it is compressed."""
    high = stages.whole("surround", level)
    share = stages.table("registration.stages.search").COMPRESSION
    return high, share * math.sqrt((high.astype(np.float64) ** 2).mean())


def _points(stages: Stages, level: Array, most: int) -> Points:
    """The point of each cell of a level where slopes are steepest; in strips of whole blocks."""
    (height, width), cell = level.shape, math.ceil(math.sqrt(level.size / most))
    cells = stages.table("registration.alignment.points").BLOCK_CELLS
    side, around = cells * cell, 2 * stages.halo_px("smooth")
    rows = side * max(1, (stages.driver.shapes["expand"][2] - 2 * around) // side)
    padded = np.pad(level, stages.halo_px("expand") + around, mode="edge")
    places, taken = [], []
    for top in range(0, height, rows):
        strip = padded[top : min(top + rows, height) + len(padded) - height]
        c = stages.tiled("expand", strip[None])
        energy = stages.tiled("smooth", stages.tiled("smooth", (c[1] ** 2 + c[2] ** 2)[None]))[0]
        for first, left in np.ndindex(math.ceil(len(energy) / side), math.ceil(width / side)):
            for down, right in np.ndindex(cells, cells):
                y, x = side * first + cell * down, side * left + cell * right
                part = energy[y : y + cell, x : x + cell]
                row, column = divmod(int(part.argmax()), part.shape[1]) if part.size else (-y, -x)
                places.append((y + row + top, x + column, part.size > 0))
                taken.append(c[:, y + row + around, x + column + around])
    row, column, real = np.array(places, np.float32).T.reshape(3, -1, cells**2)
    coefficients = np.stack(taken, 1).reshape(-1, *row.shape)
    points = Points(level.shape, coefficients, row, column, real > 0)
    points = replace(points, real=points.within(stages, row, column))
    return points.only(np.flatnonzero(points.real.any(1)))

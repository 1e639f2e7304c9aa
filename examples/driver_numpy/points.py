"""What a reference is prepared by: its levels, the points that speak for a motion, whole shifts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .stages import HALOS_PX, Stages, continued

MAX_SHIFT_PX, MAX_PIXELS = 64, 4_000_000
"""Shift that is searched in any case, and pixels from which on a level is not compared."""
TIE = 1e-5
"""Evidence per pixel of shift that counts as none: of equals the smallest shift wins."""
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a level of the reference, of h × w pixels, in B blocks of 64.

    Attributes:
        size: h and w.
        coefficients: float32 [10, B, 64], of ``expand``.
        row: float32 [B, 64].
        column: float32 [B, 64].
        real: bool [B, 64], whether there is a point.
    """

    size: tuple[int, int]
    coefficients: np.ndarray
    row: np.ndarray
    column: np.ndarray
    real: np.ndarray

    def only(self, chosen: np.ndarray) -> Points:
        """Some of the blocks."""
        places = (self.row[chosen], self.column[chosen], self.real[chosen])
        return Points(self.size, self.coefficients[:, chosen], *places)


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference, prepared once for all frames.

    Attributes:
        levels: float32 [h, w] each, from the finest that is compared.
        points: those of each level.
        judged: some of the finest, by which frames are accepted.
        larger: rows and columns of levels that are too large to be compared, finest first.
        reach_px: largest shift that is searched, on the frame.
        reach: the same on the coarsest level.
        high: h of the coarsest level, and its k.
        own: B of it searched for on itself, by −n.
    """

    levels: list[np.ndarray]
    points: list[Points]
    judged: Points
    larger: list[tuple[int, int]]
    reach_px: float
    reach: int
    high: tuple[np.ndarray, float]
    own: np.ndarray


def prepared(stages: Stages, luma: np.ndarray) -> Reference:
    """Prepare luma, float32 [h, w], for frames that are aligned to it."""
    table = stages.driver.table("registration.alignment.global_motion")
    every = levels_of(stages, luma)
    levels = [level for level in every if level.size <= MAX_PIXELS] or every[-1:]
    larger = [(level.shape[0], level.shape[1]) for level in every[: -len(levels)]]
    points = [
        _points(stages, level, table.COARSE_POINTS if index else table.FINE_POINTS)
        for index, level in enumerate(levels)
    ]
    judged, count, most = points[0], len(points[0].real), table.JUDGED_BLOCKS
    if count > most:
        # Multiples of the golden ratio leave no gaps and no stripes.
        judged = judged.only(np.unique([int(count * (GOLDEN * k % 1)) for k in range(most)]))
    share = stages.driver.table("registration.registrar").SEARCHED_SHARE
    reach_px = max(MAX_SHIFT_PX, share * min(luma.shape))
    reach, (high, k) = math.ceil(reach_px / 2 ** (len(every) - 1)), _high(stages, levels[-1])
    own = stages.search(high, high, [k, k], reach)[1, ::-1, ::-1]
    return Reference(levels, points, judged, larger, reach_px, reach, (high, k), own)


def levels_of(stages: Stages, luma: np.ndarray) -> list[np.ndarray]:
    """Levels of luma [h, w], finest first."""
    levels = [stages.smooth(luma)]
    while (
        min(levels[-1].shape) // 2
        >= stages.driver.table("registration.alignment.levels").COARSEST_PX
    ):
        levels.append(stages.halve(levels[-1]))
    return levels


def whole_shifts(stages: Stages, reference: Reference, level: np.ndarray) -> list[tuple[int, int]]:
    """Shifts (x, y) by which the coarsest level of a frame may lie off, best first."""
    table, (height, width) = stages.driver.table("registration.alignment.peaks"), level.shape
    (own_high, own_k), (high, k) = reference.high, _high(stages, level)
    cross, other = stages.search(own_high, high, [own_k, k], reference.reach)
    rows, columns = cross.shape
    y, x = np.mgrid[-(rows // 2) : rows // 2 + 1, -(columns // 2) : columns // 2 + 1]
    share = (1 - abs(y) / height) * (1 - abs(x) / width)
    correlation = cross / np.sqrt(reference.own * other + table.FLAT**2)
    evidence = correlation * np.sqrt(share) - TIE * np.hypot(x, y)
    evidence[share < table.LEAST_OVERLAP] = -1
    if evidence.max() < table.NOTHING:
        return [(0, 0)]
    least = max(table.OTHER_PEAK * evidence.max(), table.LEAST_PEAK)
    peaks = []
    for row, column in np.argwhere(evidence > -1):
        near = evidence[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        if evidence[row, column] == near.max():
            peaks.append((evidence[row, column], int(x[row, column]), int(y[row, column])))
    peaks.sort(key=lambda peak: -peak[0])
    kept = peaks[:1] + [peak for peak in peaks[1 : table.PEAKS] if peak[0] >= least]
    return [(x, y) for _, x, y in kept]


def within(stages: Stages, row: np.ndarray, column: np.ndarray, points: Points) -> np.ndarray:
    """Whether places lie on a level and not at its edge, where margins have been seen."""
    margin = stages.driver.table("registration.alignment.points").MARGIN_PX
    return _inside(row, points.size[0], margin) & _inside(column, points.size[1], margin)


def _inside(place: np.ndarray, size: int, margin: int) -> np.ndarray:
    return (place >= margin) & (place < size - margin)


def _high(stages: Stages, level: np.ndarray) -> tuple[np.ndarray, float]:
    """H of a level and k, by which it is compressed."""
    high = stages.surround(level)
    share = stages.driver.table("registration.stages.search").COMPRESSION
    return high, share * math.sqrt((high.astype(np.float64) ** 2).mean())


def _points(stages: Stages, level: np.ndarray, most: int) -> Points:
    """The point of each cell of a level where slopes are steepest; in strips of whole blocks."""
    (height, width), halo = level.shape, HALOS_PX["expand"]
    cell = math.ceil(math.sqrt(height * width / most))
    cells = stages.driver.table("registration.alignment.points").BLOCK_CELLS
    side, around = cells * cell, 2 * HALOS_PX["smooth"]
    rows = side * max(1, (stages.driver.shapes["expand"][2] - 2 * around) // side)
    padded = continued(level, halo + around)
    places, taken = [], []
    for top in range(0, height, rows):
        strip = padded[top : min(top + rows, height) + 2 * (halo + around)]
        c = stages.tiled("expand", strip[None])
        energy = stages.tiled("smooth", stages.tiled("smooth", (c[1] ** 2 + c[2] ** 2)[None]))[0]
        for block_top in range(0, len(energy), side):
            for left in range(0, width, side):
                for down, right in np.ndindex(cells, cells):
                    y, x = block_top + cell * down, left + cell * right
                    part = energy[y : y + cell, x : x + cell]
                    if part.size:
                        row, column = divmod(int(part.argmax()), part.shape[1])
                        y, x = y + row, x + column
                    else:
                        y, x = 0, 0
                    places.append((y + top, x, part.size > 0))
                    taken.append(c[:, y + around, x + around])
    row, column, real = np.array(places).T.reshape(3, -1, cells**2).astype(np.float32)
    coefficients = np.stack(taken, 1).reshape(-1, *row.shape)
    points = Points((height, width), coefficients, row, column, real > 0)
    points = replace(points, real=points.real & within(stages, row, column, points))
    return points.only(points.real.any(1))

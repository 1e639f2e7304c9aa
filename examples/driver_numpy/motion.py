"""How one frame lies on the reference: whole shifts, then Gauss–Newton from level to level."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .stages import EXPAND_HALO_PX, SMOOTH_HALO_PX, Driver, Stages, continued

MAX_SHIFT_PX, MAX_PIXELS = 64, 4_000_000
"""Shift that is searched in any case; larger levels are not compared."""
TIE = 1e-5
"""Evidence per pixel of shift that counts as none: of equals the smallest shift wins."""
DAMPING = 1e-9
NO_OUTLIERS = 100.0
"""Spread with which every pixel counts."""
LEAST = 0.25
"""Share of the reference that a frame must show, and correlation² times its root."""
QUANTIZATION, NOISE_MARGIN = (1 / 255) ** 2 / 6, 1.3
"""Of two frames at rest: variance of rounding, and what counts as noise over that of noise."""
GOLDEN = (math.sqrt(5.0) - 1.0) / 2
POINTS, EQUATIONS = "registration.alignment.points.", "registration.alignment.equations."
PEAKS, RIVALS = "registration.alignment.peaks.", "registration.alignment.rivals."
REFINING, GLOBAL = "registration.alignment.refining.", "registration.alignment.global_motion."


@dataclass(frozen=True, eq=False)
class Points:
    """Points of a level of the reference that speak for a motion, in B blocks of 64.

    Attributes:
        size: rows and columns of the level.
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

    @property
    def radius(self) -> float:
        """Half of the longer side."""
        return max(self.size) / 2

    @property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """X and y from the middle, float32 [B, 64] each."""
        height, width = self.size
        x = self.column - np.float32((width - 1) / 2)
        return x, self.row - np.float32((height - 1) / 2)

    def only(self, chosen: np.ndarray) -> Points:
        """Some of the blocks."""
        parts = (self.row[chosen], self.column[chosen], self.real[chosen])
        return Points(self.size, self.coefficients[:, chosen], *parts)


@dataclass(frozen=True, eq=False)
class Motion:
    """One motion of a frame on a level: matrix [3, 3], gain and offset of its light, spread."""

    matrix: np.ndarray
    gain: float
    offset: float
    spread: float
    step_px: float = math.inf


@dataclass(frozen=True, eq=False)
class Sums:
    """Of blocks: products [5, 4, B] of v_x, v_y, v, 1, r with w·(v_x, v_y, v, 1); m·r², m·e, m."""

    products: np.ndarray
    squares: np.ndarray
    fits: np.ndarray
    shares: np.ndarray


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference, prepared once: its levels, points of each, and what shifts are searched by."""

    levels: list[np.ndarray]
    points: list[Points]
    judged: Points
    high: np.ndarray
    bound: float
    own: np.ndarray
    skipped: int
    reach_px: float


@dataclass(frozen=True, eq=False)
class Found:
    """What a frame's motion is, float64 [3, 3] on whole pictures, or why it is left out."""

    matrix: np.ndarray
    overlap: float
    explained: float
    reason: str = ""


def moved(
    matrix: np.ndarray, x: np.ndarray | float, y: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Where positions of the reference lie on the frame."""
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    across = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth
    return across, (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth


def prepared(stages: Stages, luma: np.ndarray) -> Reference:
    """Prepare luma, float32 [h, w], for frames that are aligned to it."""
    driver = stages.driver
    levels = _levels(stages, luma)
    skipped = 0
    while levels[skipped].size > MAX_PIXELS and skipped < len(levels) - 1:
        skipped += 1
    levels = levels[skipped:]
    fine, coarse = (driver.count(GLOBAL + name) for name in ("FINE_POINTS", "COARSE_POINTS"))
    points = [_points(stages, level, coarse if k else fine) for k, level in enumerate(levels)]
    count, most = len(points[0].real), driver.count(GLOBAL + "JUDGED_BLOCKS")
    # Multiples of the golden ratio leave no gaps and no stripes.
    spread = [int(count * (GOLDEN * k % 1.0)) for k in range(most)] if count > most else count
    judged = points[0].only(np.unique(spread if count > most else np.arange(count)))
    share = driver.number("registration.registrar.SEARCHED_SHARE")
    reach_px = max(MAX_SHIFT_PX, share * min(luma.shape))
    high, bound = _high(stages, levels[-1])
    reach = math.ceil(reach_px / 2 ** (skipped + len(levels) - 1))
    own = stages.search((high, high), (bound, bound), reach)[1, ::-1, ::-1]
    return Reference(levels, points, judged, high, bound, own, skipped, reach_px)


def aligned(stages: Stages, reference: Reference, luma: np.ndarray, noise_std: float) -> Found:
    """Align a frame by its luma; ``noise_std`` is the noise of one frame on luma."""
    levels = _levels(stages, luma)[reference.skipped :]
    last = len(levels) - 1
    motions = [
        _looked_at(stages, reference.points[last], levels[last], shift)
        for shift in _shifts(stages, reference, levels[last])
    ]
    for index in range(last, -1, -1):
        points, level = reference.points[index], levels[index]
        if index < last:
            motions = [replace(each, matrix=_finer(each.matrix, level)) for each in motions]
        motions = [_refined(stages, points, level, each, index == 0) for each in motions]
        if index < last or index == 0:
            motions = _settled(stages, points, level, motions)
    judged = [_judged(stages, reference.judged, levels[0], each) for each in motions]
    overlap, explained = judged[0]
    matrix = motions[0].matrix
    undecided = any(_fits_too(stages.driver, other, explained) for _, other in judged[1:])
    whole = luma
    for _ in range(reference.skipped):
        matrix, whole = _finer(matrix, whole), whole
    matrix = matrix / matrix[2, 2]
    reason = _reason(stages.driver, reference, Found(matrix, overlap, explained), undecided)
    if reason and _rests(stages.driver, reference, levels[0], noise_std):
        return Found(np.eye(3), 1.0, explained)
    return Found(matrix, overlap, explained, reason)


def _levels(stages: Stages, luma: np.ndarray) -> list[np.ndarray]:
    levels = [stages.smooth(luma)]
    least = stages.driver.count("registration.alignment.levels.COARSEST_PX")
    while min(levels[-1].shape) // 2 >= least:
        levels.append(stages.halve(levels[-1]))
    return levels


def _finer(matrix: np.ndarray, level: np.ndarray) -> np.ndarray:
    """A motion on the level above ``level``, on that."""
    height, width = level.shape
    scaling = np.diag([2.0, 2.0, 1.0])
    scaling[:2, 2] = -0.5 * (width % 2), -0.5 * (height % 2)
    return scaling @ matrix @ np.linalg.inv(scaling)


def _points(stages: Stages, level: np.ndarray, most: int) -> Points:
    """One point of each cell of a level, where slopes are steepest; in strips of whole blocks."""
    height, width = level.shape
    cell = max(1, math.ceil(math.sqrt(height * width / most)))
    side = cell * stages.driver.count(POINTS + "BLOCK_CELLS")
    around = 2 * SMOOTH_HALO_PX
    rows = side * max(1, (stages.driver.shapes["expand"][2] - 2 * around) // side)
    padded = continued(level, EXPAND_HALO_PX + around)
    places, taken = [], []
    for top in range(0, height, rows):
        strip = padded[top : min(top + rows, height) + 2 * (EXPAND_HALO_PX + around)]
        c = stages.tiled("expand", strip[None], EXPAND_HALO_PX)
        energy = (c[1] * c[1] + c[2] * c[2])[None]
        smooth = stages.tiled("smooth", energy, SMOOTH_HALO_PX)
        smooth = stages.tiled("smooth", smooth, SMOOTH_HALO_PX)[0]
        inner = c[:, around:-around, around:-around]
        for block_top in range(0, len(smooth), side):
            for left in range(0, width, side):
                block = smooth[block_top : block_top + side, left : left + side]
                for row, column in _steepest(block, cell, side // cell):
                    real = row >= 0
                    row, column = (row + block_top, column + left) if real else (0, 0)
                    places.append((row + top, column, real))
                    taken.append(inner[:, row, column])
    row, column, real = np.array(places).reshape(-1, (side // cell) ** 2, 3).transpose(2, 0, 1)
    row, column = row.astype(np.float32), column.astype(np.float32)
    real = real.astype(bool) & _within(stages.driver, row, column, level.shape)
    coefficients = np.stack(taken, 1).reshape(-1, *row.shape)
    return Points((height, width), coefficients, row, column, real).only(real.any(1))


def _steepest(energy: np.ndarray, cell: int, cells: int) -> list[tuple[int, int]]:
    """Row and column of the largest value in each of cells × cells of a block; −1 for none."""
    found = []
    for top in range(0, cells * cell, cell):
        for left in range(0, cells * cell, cell):
            part = energy[top : top + cell, left : left + cell]
            row, column = divmod(int(part.argmax()), part.shape[1]) if part.size else (0, 0)
            found.append((top + row, left + column) if part.size else (-1, -1))
    return found


def _within(
    driver: Driver, row: np.ndarray, column: np.ndarray, size: tuple[int, ...]
) -> np.ndarray:
    margin = driver.count(POINTS + "MARGIN_PX")
    on_rows = (row >= margin) & (row < size[0] - margin)
    return on_rows & (column >= margin) & (column < size[1] - margin)


def _high(stages: Stages, level: np.ndarray) -> tuple[np.ndarray, float]:
    high = stages.surround(level)
    share = stages.driver.number("registration.stages.search.COMPRESSION")
    return high, share * math.sqrt((high.astype(np.float64) ** 2).mean())


def _shifts(stages: Stages, reference: Reference, level: np.ndarray) -> list[tuple[int, int]]:
    """Peaks (x, y) of the correlation on the coarsest level, best first."""
    driver = stages.driver
    high, bound = _high(stages, level)
    (rows, columns), (height, width) = reference.own.shape, level.shape
    reach_y, reach_x = rows // 2, columns // 2
    highs, bounds = (reference.high, high), (reference.bound, bound)
    cross, other = stages.search(highs, bounds, max(reach_x, reach_y))
    y, x = np.mgrid[-reach_y : reach_y + 1, -reach_x : reach_x + 1]
    share = (1 - abs(y) / height) * (1 - abs(x) / width)
    correlation = cross / np.sqrt(reference.own * other + driver.number(PEAKS + "FLAT") ** 2)
    evidence = correlation * np.sqrt(share) - TIE * np.hypot(x, y)
    evidence[share < driver.number(PEAKS + "LEAST_OVERLAP")] = -1.0
    if evidence.max() < driver.number(PEAKS + "NOTHING"):
        return [(0, 0)]
    padded = np.pad(evidence, 1, constant_values=-np.inf)
    near = [padded[j : j + rows, i : i + columns] for j in range(3) for i in range(3)]
    peaks = np.flatnonzero((evidence >= np.max(near, axis=0)) & (evidence > -1.0))
    best = peaks[np.argsort(-evidence.flat[peaks], kind="stable")][: driver.count(PEAKS + "PEAKS")]
    least = driver.number(PEAKS + "OTHER_PEAK") * evidence.max()
    least = max(least, driver.number(PEAKS + "LEAST_PEAK"))
    kept = [int(place) for place in best if place == best[0] or evidence.flat[place] >= least]
    return [(place % columns - reach_x, place // columns - reach_y) for place in kept]


def _sums(stages: Stages, points: Points, frame: np.ndarray, at: Motion) -> Sums:
    """Stage ``align`` over all blocks, for a level of a frame, float32 [h, w], under a motion."""
    (height, width), (x, y) = points.size, points.places
    m = (at.matrix / at.matrix[2, 2]).astype(np.float32)
    shift_x = (m[0, 0] - 1) * x + m[0, 1] * y + m[0, 2]
    shift_y = m[1, 0] * x + (m[1, 1] - 1) * y + m[1, 2]
    whole_x, whole_y = np.rint(shift_x), np.rint(shift_y)
    back = np.linalg.inv(at.matrix[:2, :2] / at.matrix[2, 2]).astype(np.float32)
    rest_x, rest_y = whole_x - shift_x, whole_y - shift_y
    offset_x = back[0, 0] * rest_x + back[0, 1] * rest_y
    offset_y = back[1, 0] * rest_x + back[1, 1] * rest_y
    row, column = points.row + whole_y, points.column + whole_x
    shown = _within(stages.driver, row, column, points.size) & points.real
    rows = row.clip(0, height - 1).astype(int)
    values = frame[rows, column.clip(0, width - 1).astype(int)]
    planes = np.stack((values, offset_x, offset_y, shown), dtype=np.float32)
    numbers = (at.gain, at.offset, at.spread * _s(stages.driver))
    found = stages.align(np.concatenate((points.coefficients, planes)), numbers)
    return Sums(found[:20].reshape(5, 4, -1), found[20], found[21], shown.mean(1))


def _s(driver: Driver) -> float:
    return driver.number("registration.stages.expand.SCALE")


def _looked_at(
    stages: Stages, points: Points, frame: np.ndarray, shift: tuple[int, int]
) -> Motion:
    """A whole shift with the spread that it leaves before any step."""
    matrix = np.eye(3)
    matrix[:2, 2] = shift
    start = Motion(matrix, 1.0, 0.0, stages.driver.number(REFINING + "FIRST_SPREAD"))
    sums = _sums(stages, points, frame, start)
    return replace(start, spread=_spread(stages.driver, sums, start.spread))


def _refined(
    stages: Stages, points: Points, frame: np.ndarray, motion: Motion, finest: bool
) -> Motion:
    driver = stages.driver
    name = "TOLERANCE_PX" if finest else "COARSE_TOLERANCE_PX"
    for _ in range(driver.count(GLOBAL + "STEPS")):
        motion = _stepped(driver, points, _sums(stages, points, frame, motion), motion)
        if motion.step_px < driver.number(GLOBAL + name):
            break
    return motion


def _stepped(driver: Driver, points: Points, sums: Sums, at: Motion) -> Motion:
    """One step of Gauss–Newton; its unknowns are shifts along x and y and a turn, at the radius."""
    (height, width), radius = points.size, points.radius
    count = points.real.sum(1)
    x, y = ((part * points.real).sum(1, dtype=np.float64) / count for part in points.places)
    step, gain, offset = _solved(driver, sums, _directions(x / radius, y / radius))
    least = driver.number(REFINING + "MIN_GAIN")
    step = np.nan_to_num(step / at.gain, posinf=0.0, neginf=0.0) if at.gain > least else 0 * step
    corner_x = np.array([-1, 1, -1, 1]) * width / 2 / radius
    corner_y = np.array([-1, -1, 1, 1]) * height / 2 / radius
    along = _directions(corner_x, corner_y)
    step_px = float(np.hypot(step @ along[0], step @ along[1]).max())
    longest = driver.number(REFINING + "LONGEST_STEP_PX")
    # The step moves the reference; the frame's motion takes its inverse.
    back = _turned(-step * longest / max(step_px, longest), radius)
    spread = _spread(driver, sums, at.spread)
    return Motion(at.matrix @ back, at.gain + gain, at.offset + offset, spread, step_px)


def _directions(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How places, in radii, move along x and y by shifts and a turn of 1: [2, 3, n]."""
    one, none = np.ones_like(x), np.zeros_like(x)
    return np.array([[one, none, -y], [none, one, x]])


def _turned(step: np.ndarray, radius: float) -> np.ndarray:
    """exp(Σ d_k G_k) of shifts and a turn in pixels at the radius, [3, 3]."""
    x, y, turn = step / radius
    small = np.array([[0, -turn, x], [turn, 0, y], [0, 0, 0]])
    total, term = np.eye(3), np.eye(3)
    for order in range(1, 7):
        term = term @ small / order
        total = total + term
    total[:2, 2] *= radius
    return total


def _solved(driver: Driver, sums: Sums, moves: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Motion [3] and changes of gain and offset, by least squares over blocks."""
    least, fully = (driver.number(EQUATIONS + name) for name in ("FITS_LEAST", "FITS_FULLY"))
    fit = sums.fits / np.maximum(sums.shares, 1e-9)
    products = sums.products * np.clip((fit - least) / (fully - least), 0, 1)
    # w times the column of the motion, times v_x, v_y, v, 1 and r: [5, 3, B].
    along = products[:, None, 0] * moves[0] + products[:, None, 1] * moves[1]
    normal = along[0] @ moves[0].T + along[1] @ moves[1].T
    light, right = along[2:4].sum(-1).T, along[4].sum(-1)
    own, own_right = products[2:4, 2:].sum(-1), products[4, 2:].sum(-1)
    damping = DAMPING * (np.trace(normal) + np.trace(own)) + 1e-12
    through = light @ np.linalg.inv(own + damping * np.eye(2))
    rest = normal - through @ light.T + damping * np.eye(3)
    motion = np.linalg.solve(rest, right - through @ own_right)
    change = np.linalg.inv(own + damping * np.eye(2)) @ (own_right - light.T @ motion)
    return motion, float(change[0]), float(change[1]) / _s(driver)


def _spread(driver: Driver, sums: Sums, otherwise: float) -> float:
    shown = sums.shares > driver.number(EQUATIONS + "LEAST_SHARE")
    if not shown.any():
        return otherwise
    squares = np.sort(sums.squares[shown] / sums.shares[shown])
    median = math.sqrt(squares[(len(squares) - 1) // 2])
    return max(median / _s(driver), driver.number(EQUATIONS + "LEAST_SPREAD"))


def _settled(
    stages: Stages, points: Points, frame: np.ndarray, motions: list[Motion]
) -> list[Motion]:
    """The best of several motions of a frame, first, and those that it does not beat."""
    if len(motions) == 1:
        return motions
    driver = stages.driver
    least = min(each.spread for each in motions)
    sums = [_sums(stages, points, frame, replace(each, spread=least)) for each in motions]
    share = driver.number(RIVALS + "SHOWN")
    asked = [each.shares > share * points.real.mean(1) for each in sums]
    misfits = [1 - each.fits / np.maximum(each.shares, 1e-9) for each in sums]
    costs = [m[a].mean() if a.any() else math.inf for m, a in zip(misfits, asked, strict=True)]
    costs[0] *= driver.number(RIVALS + "BETTER")
    best = int(np.argmin(costs))
    kept = [motions[best]]
    for index, motion in enumerate(motions):
        both = asked[index] & asked[best]
        if index == best or _apart_px(points, motion, motions[best]) <= driver.number(
            RIVALS + "APART_PX"
        ):
            continue
        if not _beats(driver, misfits[index][both] - misfits[best][both]):
            kept.append(motion)
    return kept


def _apart_px(points: Points, one: Motion, other: Motion) -> float:
    """How far apart the corners of the level lie, at most, under two motions."""
    x = np.array([-1, 1, -1, 1]) * points.size[1] / 2
    y = np.array([-1, -1, 1, 1]) * points.size[0] / 2
    (x1, y1), (x2, y2) = moved(one.matrix, x, y), moved(other.matrix, x, y)
    return float(np.hypot(x1 - x2, y1 - y2).max())


def _beats(driver: Driver, gained: np.ndarray) -> bool:
    """Whether a motion beats another, of which misfits are so much larger."""
    chance, least, agreed = (driver.number(RIVALS + k) for k in ("CHANCE", "EVIDENCE", "AGREED"))
    evidence, against = gained[gained > chance].sum(), -gained[gained < -chance].sum()
    return bool(evidence >= least and evidence >= agreed * against)


def _judged(
    stages: Stages, points: Points, frame: np.ndarray, at: Motion
) -> tuple[float, float]:
    """Share of the reference that a frame shows, and the squared correlation there."""
    sums = _sums(stages, points, frame, replace(at, spread=NO_OUTLIERS))
    (square, first), (_, count), (product, rest) = sums.products[2:, 2:].sum(-1)
    count = max(count, 1e-9)
    variance = max(square / count - (first / count) ** 2, 0.0)
    shared = product / count - first * rest / count**2
    slope = shared / max(variance, 1e-9)
    seen = variance * max(at.gain + slope, 0.0) ** 2
    left = max(sums.squares.sum() / count - (rest / count) ** 2 - shared * slope, 0.0)
    return float(sums.shares.mean() / points.real.mean()), float(seen / max(seen + left, 1e-9))


def _fits_too(driver: Driver, other: float, best: float) -> bool:
    """Whether a squared correlation is so near that of the best that a frame is undecided."""
    worse, still = driver.number(GLOBAL + "WORSE"), driver.number(GLOBAL + "WORSE_STILL")
    return other >= driver.number(GLOBAL + "BELIEVED") and 1 - other <= worse * (1 - best) + still


def _reason(driver: Driver, reference: Reference, found: Found, undecided: bool) -> str:
    """Why a frame is left out; empty if it is not."""
    if not np.isfinite(found.matrix).all():
        return "no motion could be found"
    beyond_px = driver.number("registration.verdict.BEYOND_PX")
    if np.abs(found.matrix[:2, 2]).max() > reference.reach_px + beyond_px:
        return "lies beyond what is searched"
    if found.overlap < LEAST:
        return f"shows only {found.overlap:.0%} of the reference"
    if not found.explained * math.sqrt(found.overlap) >= LEAST:
        return f"does not match the reference (correlation² {found.explained:.2f})"
    return "fits in several places" if undecided else ""


def _rests(driver: Driver, reference: Reference, level: np.ndarray, noise_std: float) -> bool:
    """Whether a frame differs from the reference at rest by noise and brightness alone."""
    taps = np.exp(-0.5 * np.arange(-3, 4.0) ** 2 / driver.number("registration.stages.levels.SMOOTH_PX") ** 2)
    passed = float((taps**2).sum() / taps.sum() ** 2) ** 2
    expected = (2 * noise_std**2 * passed + QUANTIZATION) / 4**reference.skipped
    difference = level.astype(np.float64) - reference.levels[0]
    return float(difference.var()) <= NOISE_MARGIN * expected

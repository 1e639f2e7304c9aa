"""How a frame lies on the reference: Gauss–Newton from level to level, and whether to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .points import Points, Reference, levels_of, whole_shifts
from .stages import Array, Stages

LEAST = 0.25
"""Share of the reference that a frame must show, and correlation² times its root."""
SIDES_X, SIDES_Y = np.array((-0.5, 0.5, -0.5, 0.5)), np.array((-0.5, -0.5, 0.5, 0.5))
"""Corners of a picture, in its sides."""


@dataclass(frozen=True, eq=False)
class Level:
    """A level of a frame, float32 [h, w], and the points of the reference on it."""

    stages: Stages
    points: Points
    frame: Array

    @property
    def scale(self) -> float:
        """S, factor of values and slopes."""
        return float(self.stages.table("registration.stages.expand").SCALE)


@dataclass(frozen=True, eq=False)
class Motion:
    """One motion of a frame on a level: matrix [3, 3], gain and offset of its light, spread."""

    matrix: Array
    gain: float
    offset: float
    spread: float
    step_px: float = math.inf


@dataclass(frozen=True, eq=False)
class Sums:
    """Of blocks: products [5, 4, B] of v_x, v_y, v, 1, r with w·(v_x, v_y, v, 1); m·r², m·e, m."""

    products: Array
    squares: Array
    fits: Array
    shares: Array


@dataclass(frozen=True, eq=False)
class Found:
    """A frame's motion, float64 [3, 3], and why it is left out, if it is."""

    matrix: Array
    overlap: float
    explained: float
    reason: str = ""


def moved(matrix: Array, x: Array, y: Array) -> tuple[Array, Array]:
    """Where positions of the reference lie on the frame."""
    there_x, there_y, depth = (row[0] * x + row[1] * y + row[2] for row in matrix)
    return there_x / depth, there_y / depth


def lower_median(values: Array) -> float:
    """The median, of an even number the lower one of both in the middle."""
    return float(np.sort(values, axis=None)[(values.size - 1) // 2])


def aligned(stages: Stages, reference: Reference, luma: Array, noise_std: float) -> Found:
    """Align a frame by its luma, float32 [h, w], on which a frame's noise is ``noise_std``."""
    frames = levels_of(stages, luma)[len(reference.larger) :]
    pairs = zip(reference.points, map(reference.stretched, frames), strict=True)
    levels = [Level(stages, *pair) for pair in pairs]
    first = float(stages.table("registration.alignment.refining").FIRST_SPREAD)
    motions = []
    for x, y in whole_shifts(stages, reference, frames[-1]):
        start = Motion(np.array(((1.0, 0, x), (0, 1, y), (0, 0, 1))), 1.0, 0.0, first)
        # The spread that is left before any step.
        spread = _spread(levels[-1], _sums(levels[-1], start), first)
        motions.append(replace(start, spread=spread))
    for index in range(len(levels) - 1, -1, -1):
        level, is_coarsest, is_finest = levels[index], index == len(levels) - 1, index == 0
        if not is_coarsest:
            sizes = level.points.size
            motions = [replace(each, matrix=_finer(each.matrix, *sizes)) for each in motions]
        motions = [_refined(level, each, is_finest) for each in motions]
        if not is_coarsest or is_finest:
            motions = _settled(level, motions)
    judge = replace(levels[0], points=reference.judged)
    (overlap, explained), *others = (_judged(judge, each) for each in motions)
    matrix = motions[0].matrix
    for size in reversed(reference.larger):
        matrix = _finer(matrix, *size)
    found = Found(matrix / matrix[2, 2], overlap, explained)
    reason = _reason(stages, reference, found, [other for _, other in others])
    if reason and _rests(stages, reference, frames[0], noise_std):
        return Found(np.eye(3), 1.0, explained)
    return replace(found, reason=reason)


def _finer(matrix: Array, height: int, width: int) -> Array:
    """A motion on half a level, of that on the level, of height × width."""
    scaling = np.array([[2, 0, -0.5 * (width % 2)], [0, 2, -0.5 * (height % 2)], [0, 0, 1]])
    return np.asarray(scaling @ matrix @ np.linalg.inv(scaling))


def _sums(level: Level, at: Motion) -> Sums:
    """Stage ``align`` over all blocks, under a motion without perspective: a shift and a turn."""
    stages, points, m = level.stages, level.points, at.matrix.astype(np.float32)
    height, width = points.size
    x = points.column - np.float32((width - 1) / 2)
    y = points.row - np.float32((height - 1) / 2)
    shift_x = (m[0, 0] - 1) * x + m[0, 1] * y + m[0, 2]
    shift_y = m[1, 0] * x + (m[1, 1] - 1) * y + m[1, 2]
    whole_x, whole_y = np.rint(shift_x), np.rint(shift_y)
    rest_x, rest_y = whole_x - shift_x, whole_y - shift_y
    back = np.linalg.inv(at.matrix[:2, :2]).astype(np.float32)
    offset_x, offset_y = (to_x * rest_x + to_y * rest_y for to_x, to_y in back)
    row, column = points.row + whole_y, points.column + whole_x
    shown = points.within(stages, row, column)
    rows, columns = row.clip(0, height - 1), column.clip(0, width - 1)
    values = level.frame[rows.astype(int), columns.astype(int)]
    planes = np.stack((values, offset_x, offset_y, shown), dtype=np.float32)
    numbers = (at.gain, at.offset, at.spread * level.scale)
    found = stages.align(np.concatenate((points.coefficients, planes)), numbers)
    return Sums(found[:20].reshape(5, 4, -1), found[20], found[21], shown.mean(1))


def _refined(level: Level, motion: Motion, is_finest: bool) -> Motion:
    """Up to so many steps, fewer once they are small."""
    table = level.stages.table("registration.alignment.global_motion")
    tolerance_px = table.TOLERANCE_PX if is_finest else table.COARSE_TOLERANCE_PX
    for _ in range(table.STEPS):
        motion = _stepped(level, _sums(level, motion), motion)
        if motion.step_px < tolerance_px:
            break
    return motion


def _stepped(level: Level, sums: Sums, at: Motion) -> Motion:
    """One step of Gauss–Newton; its unknowns are shifts along x and y and a turn, at the radius."""
    table, points = level.stages.table("registration.alignment.refining"), level.points
    (height, width), radius, count = points.size, max(points.size) / 2, points.real.sum(1)
    x = (points.column * points.real).sum(1, dtype=np.float64) / count - (width - 1) / 2
    y = (points.row * points.real).sum(1, dtype=np.float64) / count - (height - 1) / 2
    step, gain, offset = _solved(level, sums, _directions(x / radius, y / radius))
    step = step / at.gain if at.gain > table.MIN_GAIN and np.isfinite(step).all() else np.zeros(3)
    corners = _directions(SIDES_X * width / radius, SIDES_Y * height / radius)
    step_px = float(np.hypot(step @ corners[0], step @ corners[1]).max())
    # The step moves the reference; the frame's motion takes its inverse.
    shortened = -step * table.LONGEST_STEP_PX / max(step_px, table.LONGEST_STEP_PX)
    back = _turned(shortened, radius, table.SERIES)
    spread = _spread(level, sums, at.spread)
    return Motion(at.matrix @ back, at.gain + gain, at.offset + offset, spread, step_px)


def _directions(x: Array, y: Array) -> Array:
    """How places, in radii, move along x and y by shifts and a turn of 1: [2, 3, n]."""
    one, none = np.ones_like(x), np.zeros_like(x)
    return np.array([[one, none, -y], [none, one, x]])


def _turned(step: Array, radius: float, terms: int) -> Array:
    """exp(Σ d_k G_k) of shifts and a turn in pixels at the radius, [3, 3]."""
    x, y, turn = step / radius
    small = np.array([[0, -turn, x], [turn, 0, y], [0, 0, 0]])
    total, term = np.eye(3), np.eye(3)
    for order in range(1, terms + 1):
        term = term @ small / order
        total = total + term
    total[:2, 2] *= radius
    return total


def _solved(level: Level, sums: Sums, moves: Array) -> tuple[Array, float, float]:
    """Motion [3] and changes of gain and offset, by least squares over blocks."""
    table = level.stages.table("registration.alignment.equations")
    fit = sums.fits / np.maximum(sums.shares, 1e-9) - table.FITS_LEAST
    products = sums.products * (fit / (table.FITS_FULLY - table.FITS_LEAST)).clip(0, 1)
    # w times the column of the motion, times v_x, v_y, v, 1 and r: [5, 3, B].
    along = products[:, None, 0] * moves[0] + products[:, None, 1] * moves[1]
    normal = along[0] @ moves[0].T + along[1] @ moves[1].T
    light, right = along[2:4].sum(-1).T, along[4].sum(-1)
    own, own_right = products[2:4, 2:].sum(-1), products[4, 2:].sum(-1)
    damping = table.DAMPING * (np.trace(normal) + np.trace(own)) + 1e-12
    inverse = np.linalg.inv(own + damping * np.eye(2))
    rest = normal - light @ inverse @ light.T + damping * np.eye(3)
    motion = np.linalg.solve(rest, right - light @ inverse @ own_right)
    change = inverse @ (own_right - light.T @ motion)
    return motion, float(change[0]), float(change[1]) / level.scale


def _spread(level: Level, sums: Sums, otherwise: float) -> float:
    """Robust deviation of residuals: the lower median over the blocks that are shown."""
    table = level.stages.table("registration.alignment.equations")
    shown = sums.shares > table.LEAST_SHARE
    if not shown.any():
        return otherwise
    median = lower_median(sums.squares[shown] / sums.shares[shown])
    return max(math.sqrt(median) / level.scale, float(table.LEAST_SPREAD))


def _settled(level: Level, motions: list[Motion]) -> list[Motion]:
    """The best of several motions of a frame, first, and those that it does not beat."""
    if len(motions) == 1:
        return motions
    table, (height, width) = level.stages.table("registration.alignment.rivals"), level.points.size
    least = min(each.spread for each in motions)
    sums = [_sums(level, replace(each, spread=least)) for each in motions]
    asked = [each.shares > table.SHOWN * level.points.real.mean(1) for each in sums]
    misfits = [1 - each.fits / np.maximum(each.shares, 1e-9) for each in sums]
    costs = [m[a].mean() if a.any() else math.inf for m, a in zip(misfits, asked, strict=True)]
    costs[0] *= table.BETTER
    best = costs.index(min(costs))
    kept = [motions[best]]
    best_x, best_y = moved(kept[0].matrix, SIDES_X * width, SIDES_Y * height)
    for index, motion in enumerate(motions):
        x, y = moved(motion.matrix, SIDES_X * width, SIDES_Y * height)
        both = asked[index] & asked[best]
        gained = misfits[index][both] - misfits[best][both]
        evidence = gained[gained > table.CHANCE].sum()
        against = -gained[gained < -table.CHANCE].sum()
        beaten = evidence >= table.EVIDENCE and evidence >= table.AGREED * against
        if np.hypot(x - best_x, y - best_y).max() > table.APART_PX and not beaten:
            kept.append(motion)
    return kept


def _judged(level: Level, at: Motion) -> tuple[float, float]:
    """Share of the reference that a frame shows, and the squared correlation there."""
    spread = level.stages.table("registration.alignment.refining").NO_OUTLIERS
    sums = _sums(level, replace(at, spread=spread))
    (square, first), (_, count), (product, rest) = sums.products[2:, 2:].sum(-1)
    count = max(count, 1e-9)
    variance = max(square / count - (first / count) ** 2, 0.0)
    shared = product / count - first * rest / count**2
    # What the frame holds is g·v + r.
    both = max(at.gain * variance + shared, 0.0)
    own = at.gain * (both + shared) + sums.squares.sum() / count - (rest / count) ** 2
    explained = both**2 / max(variance, 1e-9) / max(own, 1e-9)
    return float(sums.shares.mean() / level.points.real.mean()), float(explained)


def _reason(stages: Stages, reference: Reference, found: Found, others: list[float]) -> str:
    """Why a frame is left out; ``others`` are the squared correlations of other motions."""
    table = stages.table("registration.alignment.global_motion")
    if not np.isfinite(found.matrix).all():
        return "no motion could be found"
    beyond_px = stages.table("registration.verdict").BEYOND_PX
    if np.abs(found.matrix[:2, 2]).max() > reference.reach_px + beyond_px:
        return "lies beyond what is searched"
    if found.overlap < LEAST:
        return f"shows only {found.overlap:.0%} of the reference"
    if not found.explained * math.sqrt(found.overlap) >= LEAST:
        return f"does not match the reference (correlation² {found.explained:.2f})"
    least = 1 - table.WORSE * (1 - found.explained) - table.WORSE_STILL
    undecided = any(other >= max(least, table.BELIEVED) for other in others)
    return "fits in several places" if undecided else ""


def _rests(stages: Stages, reference: Reference, frame: Array, noise_std: float) -> bool:
    """Whether a frame differs from the reference at rest by noise and brightness alone."""
    std = stages.table("registration.stages.levels").SMOOTH_PX
    taps = np.exp(-0.5 * (np.arange(-3, 4) / std) ** 2)
    passed = float((taps**2).sum() / taps.sum() ** 2) ** 2
    table = stages.table("registration.verdict")
    expected = (2 * noise_std**2 * passed + table.QUANTIZATION) / 4 ** len(reference.larger)
    difference = frame.astype(np.float64) - reference.levels[0]
    return float(difference.var()) <= float(table.NOISE_MARGIN * expected)

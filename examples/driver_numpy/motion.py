"""How a frame lies on the reference: Gauss–Newton from level to level, and whether to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .points import Points, Reference, levels_of, whole_shifts, within
from .stages import Stages

DAMPING = 1e-9
NO_OUTLIERS = 100.0
"""Spread with which every pixel counts."""
LEAST = 0.25
"""Share of the reference that a frame must show, and correlation² times its root."""
QUANTIZATION, NOISE_MARGIN = (1 / 255) ** 2 / 6, 1.3
"""Of two frames at rest: variance by rounding, and what counts as noise over that of noise."""
SIDES = np.array([-0.5, 0.5, -0.5, 0.5]), np.array([-0.5, -0.5, 0.5, 0.5])
"""Corners of a picture, along x and y, in its sides."""


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
class Found:
    """A frame's motion, float64 [3, 3], and why it is left out, if it is."""

    matrix: np.ndarray
    overlap: float
    explained: float
    reason: str = ""


def moved(matrix: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where positions of the reference lie on the frame."""
    there_x, there_y, depth = (row[0] * x + row[1] * y + row[2] for row in matrix)
    return there_x / depth, there_y / depth


def aligned(stages: Stages, reference: Reference, luma: np.ndarray, noise_std: float) -> Found:
    """Align a frame by its luma, float32 [h, w], on which a frame's noise is ``noise_std``."""
    levels = levels_of(stages, luma)[len(reference.larger) :]
    last = len(levels) - 1
    motions = [
        _starting(stages, reference.points[last], levels[last], shift)
        for shift in whole_shifts(stages, reference, levels[last])
    ]
    for index in range(last, -1, -1):
        points, level = reference.points[index], levels[index]
        if index < last:
            motions = [replace(each, matrix=_finer(each.matrix, *level.shape)) for each in motions]
        motions = [_refined(stages, points, level, each, index == 0) for each in motions]
        if index < last or index == 0:
            motions = _settled(stages, points, level, motions)
    judged = [_judged(stages, reference.judged, levels[0], each) for each in motions]
    matrix = motions[0].matrix
    for height, width in reversed(reference.larger):
        matrix = _finer(matrix, height, width)
    found = Found(matrix / matrix[2, 2], *judged[0])
    reason = _reason(stages, reference, found, [explained for _, explained in judged[1:]])
    if reason and _rests(stages, reference, levels[0], noise_std):
        return Found(np.eye(3), 1.0, found.explained)
    return replace(found, reason=reason)


def _starting(stages: Stages, points: Points, frame: np.ndarray, shift: tuple[int, int]) -> Motion:
    """A whole shift, and the spread that it leaves before any step."""
    matrix = np.eye(3)
    matrix[:2, 2] = shift
    spread = stages.driver.table("registration.alignment.refining").FIRST_SPREAD
    start = Motion(matrix, 1.0, 0.0, spread)
    return replace(start, spread=_spread(stages, _sums(stages, points, frame, start), spread))


def _finer(matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    """A motion on a level of height × width, of that on the level that was halved of it."""
    scaling = np.array([[2, 0, -0.5 * (width % 2)], [0, 2, -0.5 * (height % 2)], [0, 0, 1]])
    return scaling @ matrix @ np.linalg.inv(scaling)


def _sums(stages: Stages, points: Points, frame: np.ndarray, at: Motion) -> Sums:
    """Stage ``align`` over all blocks, for a level of a frame, float32 [h, w], under a motion.

    The model is a shift and a turn: matrices have no perspective.
    """
    (height, width), m = points.size, at.matrix.astype(np.float32)
    x = points.column - np.float32((width - 1) / 2)
    y = points.row - np.float32((height - 1) / 2)
    shift_x = (m[0, 0] - 1) * x + m[0, 1] * y + m[0, 2]
    shift_y = m[1, 0] * x + (m[1, 1] - 1) * y + m[1, 2]
    whole_x, whole_y = np.rint(shift_x), np.rint(shift_y)
    back = np.linalg.inv(at.matrix[:2, :2]).astype(np.float32)
    rest_x, rest_y = whole_x - shift_x, whole_y - shift_y
    offset_x = back[0, 0] * rest_x + back[0, 1] * rest_y
    offset_y = back[1, 0] * rest_x + back[1, 1] * rest_y
    row, column = points.row + whole_y, points.column + whole_x
    shown = within(stages, row, column, points) & points.real
    rows, columns = row.clip(0, height - 1), column.clip(0, width - 1)
    values = frame[rows.astype(int), columns.astype(int)]
    planes = np.stack((values, offset_x, offset_y, shown), dtype=np.float32)
    scale = stages.driver.table("registration.stages.expand").SCALE
    numbers = (at.gain, at.offset, at.spread * scale)
    found = stages.align(np.concatenate((points.coefficients, planes)), numbers)
    return Sums(found[:20].reshape(5, 4, -1), found[20], found[21], shown.mean(1))


def _refined(
    stages: Stages, points: Points, frame: np.ndarray, motion: Motion, finest: bool
) -> Motion:
    """Up to so many steps, fewer once they are small."""
    table = stages.driver.table("registration.alignment.global_motion")
    tolerance_px = table.TOLERANCE_PX if finest else table.COARSE_TOLERANCE_PX
    for _ in range(table.STEPS):
        motion = _stepped(stages, points, _sums(stages, points, frame, motion), motion)
        if motion.step_px < tolerance_px:
            break
    return motion


def _stepped(stages: Stages, points: Points, sums: Sums, at: Motion) -> Motion:
    """One step of Gauss–Newton; its unknowns are shifts along x and y and a turn, at the radius."""
    table = stages.driver.table("registration.alignment.refining")
    (height, width), radius = points.size, max(points.size) / 2
    count = points.real.sum(1)
    x = (points.column * points.real).sum(1, dtype=np.float64) / count - (width - 1) / 2
    y = (points.row * points.real).sum(1, dtype=np.float64) / count - (height - 1) / 2
    step, gain, offset = _solved(stages, sums, _directions(x / radius, y / radius))
    step = step / at.gain if at.gain > table.MIN_GAIN and np.isfinite(step).all() else np.zeros(3)
    corners = _directions(SIDES[0] * width / radius, SIDES[1] * height / radius)
    step_px = float(np.hypot(step @ corners[0], step @ corners[1]).max())
    # The step moves the reference; the frame's motion takes its inverse.
    back = _turned(-step * table.LONGEST_STEP_PX / max(step_px, table.LONGEST_STEP_PX), radius)
    spread = _spread(stages, sums, at.spread)
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


def _solved(stages: Stages, sums: Sums, moves: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Motion [3] and changes of gain and offset, by least squares over blocks."""
    table = stages.driver.table("registration.alignment.equations")
    fit = sums.fits / np.maximum(sums.shares, 1e-9) - table.FITS_LEAST
    products = sums.products * (fit / (table.FITS_FULLY - table.FITS_LEAST)).clip(0, 1)
    # w times the column of the motion, times v_x, v_y, v, 1 and r: [5, 3, B].
    along = products[:, None, 0] * moves[0] + products[:, None, 1] * moves[1]
    normal = along[0] @ moves[0].T + along[1] @ moves[1].T
    light, right = along[2:4].sum(-1).T, along[4].sum(-1)
    own, own_right = products[2:4, 2:].sum(-1), products[4, 2:].sum(-1)
    damping = DAMPING * (np.trace(normal) + np.trace(own)) + 1e-12
    inverse = np.linalg.inv(own + damping * np.eye(2))
    rest = normal - light @ inverse @ light.T + damping * np.eye(3)
    motion = np.linalg.solve(rest, right - light @ inverse @ own_right)
    change = inverse @ (own_right - light.T @ motion)
    scale = stages.driver.table("registration.stages.expand").SCALE
    return motion, float(change[0]), float(change[1]) / scale


def _spread(stages: Stages, sums: Sums, otherwise: float) -> float:
    """Robust deviation of residuals: the lower median over the blocks that are shown."""
    table = stages.driver.table("registration.alignment.equations")
    shown = sums.shares > table.LEAST_SHARE
    if not shown.any():
        return otherwise
    squares = np.sort(sums.squares[shown] / sums.shares[shown])
    scale = stages.driver.table("registration.stages.expand").SCALE
    return max(math.sqrt(squares[(len(squares) - 1) // 2]) / scale, table.LEAST_SPREAD)


def _settled(
    stages: Stages, points: Points, frame: np.ndarray, motions: list[Motion]
) -> list[Motion]:
    """The best of several motions of a frame, first, and those that it does not beat."""
    if len(motions) == 1:
        return motions
    table = stages.driver.table("registration.alignment.rivals")
    least = min(each.spread for each in motions)
    sums = [_sums(stages, points, frame, replace(each, spread=least)) for each in motions]
    asked = [each.shares > table.SHOWN * points.real.mean(1) for each in sums]
    misfits = [1 - each.fits / np.maximum(each.shares, 1e-9) for each in sums]
    costs = [m[a].mean() if a.any() else math.inf for m, a in zip(misfits, asked, strict=True)]
    costs[0] *= table.BETTER
    best = costs.index(min(costs))
    kept = [motions[best]]
    for index, motion in enumerate(motions):
        corners = SIDES[0] * points.size[1], SIDES[1] * points.size[0]
        (x, y), (best_x, best_y) = (moved(m.matrix, *corners) for m in (motion, kept[0]))
        both = asked[index] & asked[best]
        gained = misfits[index][both] - misfits[best][both]
        evidence = gained[gained > table.CHANCE].sum()
        against = -gained[gained < -table.CHANCE].sum()
        beaten = evidence >= table.EVIDENCE and evidence >= table.AGREED * against
        if np.hypot(x - best_x, y - best_y).max() > table.APART_PX and not beaten:
            kept.append(motion)
    return kept


def _judged(stages: Stages, points: Points, frame: np.ndarray, at: Motion) -> tuple[float, float]:
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


def _reason(stages: Stages, reference: Reference, found: Found, others: list[float]) -> str:
    """Why a frame is left out; ``others`` are the squared correlations of other motions."""
    table = stages.driver.table("registration.alignment.global_motion")
    if not np.isfinite(found.matrix).all():
        return "no motion could be found"
    beyond_px = stages.driver.table("registration.verdict").BEYOND_PX
    if np.abs(found.matrix[:2, 2]).max() > reference.reach_px + beyond_px:
        return "lies beyond what is searched"
    if found.overlap < LEAST:
        return f"shows only {found.overlap:.0%} of the reference"
    if not found.explained * math.sqrt(found.overlap) >= LEAST:
        return f"does not match the reference (correlation² {found.explained:.2f})"
    least = 1 - table.WORSE * (1 - found.explained) - table.WORSE_STILL
    undecided = any(other >= max(least, table.BELIEVED) for other in others)
    return "fits in several places" if undecided else ""


def _rests(stages: Stages, reference: Reference, level: np.ndarray, noise_std: float) -> bool:
    """Whether a frame differs from the reference at rest by noise and brightness alone."""
    std = stages.driver.table("registration.stages.levels").SMOOTH_PX
    taps = np.exp(-0.5 * (np.arange(-3, 4) / std) ** 2)
    passed = float((taps**2).sum() / taps.sum() ** 2) ** 2
    expected = (2 * noise_std**2 * passed + QUANTIZATION) / 4 ** len(reference.larger)
    difference = level.astype(np.float64) - reference.levels[0]
    return float(difference.var()) <= NOISE_MARGIN * expected

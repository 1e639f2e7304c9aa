"""Frames and their light against that of the reference: measured, undone, or too far apart."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from .motion import Found, lower_median, moved
from .stages import Array, Stages

LIGHT, EXPOSURE = "burst.photometry.light", "burst.photometry.exposure"


@dataclass(frozen=True, eq=False)
class Light:
    """What a frame's light is of the reference's: b by color [3], and θ, empty for even light."""

    colors: Array
    waves: Array

    def gains(self, y: Array) -> Array:
        """1/a at rows y of the reference, from 0 to 1: float64 [3, n] for [n]."""
        along = 1 + _cosines(y.clip(0, 1), len(self.waves)) @ self.waves
        return np.asarray(1 / (self.colors[:, None] * along))


@dataclass(frozen=True, eq=False)
class Burst:
    """Frames, and what is known of them so far."""

    stages: Stages
    frames: list[Array]  # float32 [3, h, w] each, in [0, 1]
    alone: list[float]  # noise of luma that is seen in each alone
    given_std: float | None  # noise that the user gave
    scores: list[float]  # sharpness of each
    reference: int
    found: Mapping[int, Found]  # by frame but the reference, how it lies on it
    lights: Mapping[int, Light]  # by frame, where its light differs

    @property
    def matrices(self) -> dict[int, Array]:
        """Motions of the frames that may contribute."""
        return {index: each.matrix for index, each in self.found.items() if not each.reason}

    @property
    def used(self) -> list[int]:
        """Frames that contribute, the reference among them."""
        return sorted((self.reference, *self.matrices))

    @property
    def shown(self) -> set[int]:
        """Frames that show more than nothing, as a black one does not."""
        least = self.stages.table("burst.reference.choice").LEAST_SHOWN * max(self.scores)
        return {index for index, score in enumerate(self.scores) if score >= least}

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return self.frames[0].shape[1], self.frames[0].shape[2]


def luma_of(frame: Array) -> Array:
    """Luma in studio swing, float32 [h, w], of colors [3, h, w]."""
    red, green, blue = (np.float32(share / 255) for share in (65.481, 128.553, 24.966))
    return np.asarray(red * frame[0] + green * frame[1] + blue * frame[2] + np.float32(16 / 255))


def evened(burst: Burst) -> list[Array]:
    """All frames in the light of the reference."""
    frames, height = list(burst.frames), burst.size[0]
    toe = np.float32(burst.stages.table(LIGHT).TOE)
    clipped = np.float32(burst.stages.table("burst.photometry.evened").CLIPPED)
    for index, light in burst.lights.items():
        y = np.arange(height) - (height - 1) / 2
        _, back = moved(np.linalg.inv(burst.matrices[index]), np.zeros(height), y)
        gain = light.gains((back + height / 2) / height).astype(np.float32)[:, :, None]
        lit = ((frames[index] + toe) * gain - toe).clip(0, 1)
        frames[index] = np.where(frames[index] >= clipped, frames[index], lit)
    return frames


def lights_of(burst: Burst) -> dict[int, Light]:
    """The light of every frame that may contribute, where it differs from the reference's."""
    lights = {index: _light(burst, index) for index in burst.matrices}
    return {i: each for i, each in lights.items() if len(each.waves) or (each.colors != 1).any()}


def common_exposure(burst: Burst) -> int:
    """The sharpest frame, or where most are exposed otherwise, of those that most are like."""
    table, shown = burst.stages.table(EXPOSURE), sorted(burst.shown)

    def apart(one: tuple[Array, Array], other: tuple[Array, Array]) -> float:
        usable = one[1] & other[1]
        enough = usable.sum() >= table.LEAST_QUANTILES
        return abs(lower_median((one[0] - other[0])[usable])) if enough else math.inf

    exposures = [_exposure(burst, index) for index in shown]
    near = [sum(apart(a, b) < table.MOST_STOPS for a in exposures) - 1 for b in exposures]
    sharpest = burst.scores.index(max(burst.scores))
    if len(shown) < 3 or 2 * near[shown.index(sharpest)] >= len(shown) - 1:
        return sharpest
    common = [index for index, count in zip(shown, near, strict=True) if count == max(near)]
    return max(common, key=lambda index: burst.scores[index])


def far_exposures(burst: Burst) -> dict[int, str]:
    """Frames whose exposure is too far from the reference's, each with the reason."""
    table, apart = burst.stages.table(EXPOSURE), {}
    own, usable = _exposure(burst, burst.reference)
    for index in burst.matrices:
        if index in burst.lights:
            stops = table.CURVE_POWER * math.log2(float(burst.lights[index].colors.mean()))
            if abs(stops) >= table.MOST_STOPS - table.STOPS_ERROR:
                apart[index] = stops
        elif usable.sum() >= table.LEAST_QUANTILES:
            stops = float((_exposure(burst, index)[0] - own)[usable].max())
            if stops <= -table.MOST_STOPS:
                apart[index] = stops
    return {i: f"is exposed {stops:+.1f} stops to the reference" for i, stops in apart.items()}


def _means(frame: Array, side: int) -> Array:
    """Means of side×side pixels, float64 [3, ⌊h/side⌋, ⌊w/side⌋]."""
    rows, columns = frame.shape[1] // side, frame.shape[2] // side
    blocks = frame[:, : rows * side, : columns * side].reshape(-1, rows, side, columns, side)
    return np.asarray(blocks.mean((2, 4), dtype=np.float64))


def _at(means: Array, x: Array, y: Array) -> Array:
    """Means [3, r, c] at n places, in means from the corner, interpolated: [3, n]."""
    x, y = (x - 0.5).clip(0, means.shape[2] - 1), (y - 0.5).clip(0, means.shape[1] - 1)
    left = np.minimum(x.astype(int), means.shape[2] - 2)
    top = np.minimum(y.astype(int), means.shape[1] - 2)
    right, down = x - left, y - top
    above = means[:, top, left] * (1 - right) + means[:, top, left + 1] * right
    below = means[:, top + 1, left] * (1 - right) + means[:, top + 1, left + 1] * right
    return np.asarray(above * (1 - down) + below * down)


def _cosines(y: Array, count: int) -> Array:
    return np.cos(math.pi * y[:, None] * np.arange(1, count + 1))


def _light(burst: Burst, index: int) -> Light:
    """Light of a frame; steady where too little can be compared."""
    (height, width), table = burst.size, burst.stages.table(LIGHT)
    side, spacing = table.MEAN_PX, table.SPACING_PX
    step = spacing * math.ceil(math.sqrt(height * width / table.MOST_PLACES) / spacing)
    rows, columns = range(step // 2, height, step), range(step // 2, width, step)
    y, x = np.array([(row, column) for row in rows for column in columns], float).T
    there_x, there_y = moved(burst.matrices[index], x - width / 2, y - height / 2)
    shown = (abs(there_x) <= width / 2 - spacing) & (abs(there_y) <= height / 2 - spacing)
    own, other = (_means(burst.frames[k], side) for k in (burst.reference, index))
    before = _at(own, x / side, y / side)
    after = _at(other, (there_x + width / 2) / side, (there_y + height / 2) / side)
    darker, brighter = np.minimum(before, after).min(0), np.maximum(before, after).max(0)
    used = shown & (darker > table.DARKEST) & (brighter < table.BRIGHTEST)
    if used.sum() < table.LEAST_PLACES:
        return Light(np.ones(3), np.empty(0))
    padded = np.pad(own, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = abs(padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / 2
    slope = np.maximum(across, abs(padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / 2)
    slope = _at(slope, x / side, y / side)[:, used]
    before, after = before[:, used] + table.TOE, after[:, used] + table.TOE
    return _fitted(table, before, after, slope, y[used] / height)


def _fitted(table: SimpleNamespace, x: Array, z: Array, slope: Array, y: Array) -> Light:
    """Fit z ≈ b_c·(1 + Σ θ_j cos(π·j·y))·x, [3, n] at y [n]; sums are set equal, not squares."""
    certain = 1 / (table.ROUNDING**2 + (table.SLOPE_SHARE * slope) ** 2)
    count = min(table.WAVES, len(y) // table.LEAST_PLACES)
    basis, along = _cosines(y, count), np.ones_like(y)
    colors = np.array([lower_median(ratio) for ratio in z / x])
    for _ in range(table.ITERATIONS):
        residual = z - colors[:, None] * along * x
        scaled = residual**2 * certain
        bound = table.TUKEY**2 * max(table.MAD_TO_STD**2 * lower_median(scaled), 1.0)
        weight = np.maximum(1 - scaled / bound, 0) ** 2 * certain
        total = np.maximum((weight * along * x).sum(1), 1e-12)
        colors = (weight * z).sum(1) / total
        squares = (weight * residual) ** 2
        off = np.sqrt(squares.sum(1)) / total
        plain = colors[:, None] * x
        normal = _ridged(table, basis.T @ ((weight * plain).sum(0)[:, None] * basis))
        waves = np.linalg.solve(normal, basis.T @ (weight * (z - plain)).sum(0))
        along = 1 + basis @ waves
        noise = _ridged(table, basis.T @ (squares.sum(0)[:, None] * basis))
        certainty = normal @ np.linalg.solve(noise, normal)
    level, change = x.mean(1), abs(colors - 1)
    steady = (change * level < table.LEAST_CHANGE) | (change < table.ERRORS * off)
    banded = waves @ certainty @ waves > table.ERRORS**2 * count
    banded = banded and (basis @ waves).std(ddof=1) * level.mean() > table.LEAST_CHANGE
    return Light(np.where(steady, 1.0, colors), waves if banded else waves[:0])


def _ridged(table: SimpleNamespace, matrix: Array) -> Array:
    """A symmetric matrix that can be inverted where rows are missing."""
    return matrix + (table.RIDGE * matrix.diagonal().mean() + 1e-12) * np.eye(len(matrix))


def _exposure(burst: Burst, index: int) -> tuple[Array, Array]:
    """Light of a frame in stops, at its quantiles, and which of them are not clipped."""
    light, table = burst.stages.table(LIGHT), burst.stages.table(EXPOSURE)
    rows = slice(None, None, table.SPACING_PX // light.MEAN_PX)
    means = _means(burst.frames[index][1:2], light.MEAN_PX)[:, rows]
    levels = np.quantile(means, np.linspace(0.02, 0.98, table.QUANTILES))
    curve = ((levels + light.TOE) / (1 + light.TOE)) ** table.CURVE_POWER
    linear = np.where(levels <= 0.04045, levels / 12.92, curve)
    usable = (levels > light.DARKEST) & (levels < light.BRIGHTEST)
    return np.log2(np.maximum(linear, table.BLACK)), usable

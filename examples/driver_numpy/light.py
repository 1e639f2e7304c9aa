"""Light of frames against that of the reference: measured, undone, and too far apart to merge."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .motion import moved
from .stages import Driver

TOE = 0.055
"""Offset of the power law of sRGB's curve, whose power is ``CURVE_POWER``."""
CURVE_POWER = 2.4
DARKEST, BRIGHTEST = 0.04, 0.94
"""Means between which neither black nor white is clipped."""
CLIPPED = 254.5 / 255
ITERATIONS = 8
QUANTILES, LEAST_QUANTILES, QUANTILE_SPACING_PX = np.linspace(0.02, 0.98, 33), 4, 32
LIGHT, EXPOSURE = "burst.photometry.light.", "burst.photometry.exposure."


@dataclass(frozen=True, eq=False)
class Light:
    """What a frame's light is of the reference's: b by color [3], and θ, maybe empty."""

    colors: np.ndarray
    waves: np.ndarray

    @property
    def is_steady(self) -> bool:
        """Whether there is nothing to undo."""
        return not len(self.waves) and bool((self.colors == 1).all())

    @property
    def noise_share(self) -> float:
        """(1 + g²)/2, g the mean gain that brings the frame to the light of the reference."""
        return 0.5 + 0.5 * float((1 / self.colors).mean()) ** 2

    def gains(self, y: np.ndarray) -> np.ndarray:
        """1/a at rows y of the reference, from 0 to 1: float64 [3, n] for [n]."""
        along = 1 + _cosines(y.clip(0, 1), len(self.waves)) @ self.waves
        return 1 / (self.colors[:, None] * along)


def luma_of(frame: np.ndarray) -> np.ndarray:
    """Luma in studio swing, float32 [h, w], of colors [3, h, w]."""
    red, green, blue = (np.float32(k / 255) for k in (65.481, 128.553, 24.966))
    return red * frame[0] + green * frame[1] + blue * frame[2] + np.float32(16 / 255)


def lower_median(values: np.ndarray) -> float:
    """The median, of an even number the lower one of both in the middle."""
    return float(np.sort(values, axis=None)[(values.size - 1) // 2])


def evened(frame: np.ndarray, light: Light, matrix: np.ndarray) -> np.ndarray:
    """A frame, float32 [3, h, w], in the light of the reference."""
    height = frame.shape[1]
    rows = np.arange(height) - (height - 1) / 2
    _, y = moved(np.linalg.inv(matrix), 0 * rows, rows)
    gain = light.gains((y + height / 2) / height).astype(np.float32)[:, :, None]
    lit = ((frame + np.float32(TOE)) * gain - np.float32(TOE)).clip(0, 1)
    return np.where(frame >= np.float32(CLIPPED), frame, lit)


def lights_of(
    driver: Driver, frames: list[np.ndarray], reference: int, matrices: dict[int, np.ndarray]
) -> dict[int, Light]:
    """The light of every frame that has a motion, where it differs from the reference's."""
    own = _means(driver, frames[reference])
    found = {
        index: _light(driver, frames[index].shape[1:], own, _means(driver, frames[index]), matrix)
        for index, matrix in matrices.items()
    }
    return {index: light for index, light in found.items() if not light.is_steady}


def common_exposure(driver: Driver, frames: list[np.ndarray], scores: list[float]) -> int:
    """The sharpest frame, or where most are exposed otherwise, of those that most are like."""
    sharpest = scores.index(max(scores))
    if len(frames) < 3:
        return sharpest
    levels = [_quantiles(driver, frame) for frame in frames]
    most = driver.number(EXPOSURE + "MOST_STOPS")
    near = [sum(abs(_stops(other, own)) < most for other in levels) - 1 for own in levels]
    if 2 * near[sharpest] >= len(frames) - 1:
        return sharpest
    common = [index for index, count in enumerate(near) if count == max(near)]
    return max(common, key=lambda index: scores[index])


def far_exposures(
    driver: Driver,
    frames: list[np.ndarray],
    reference: int,
    lights: dict[int, Light],
    unmeasured: set[int],
) -> dict[int, str]:
    """Frames whose exposure is too far from the reference's, each with the reason."""
    most, error = (driver.number(EXPOSURE + name) for name in ("MOST_STOPS", "STOPS_ERROR"))
    found = {}
    for index, light in lights.items():
        stops = CURVE_POWER * math.log2(float(light.colors.mean()))
        if abs(stops) >= most - error:
            way = "darker" if stops < 0 else "brighter"
            found[index] = f"is exposed {abs(stops):.1f} stops {way} than the reference"
    own = _quantiles(driver, frames[reference])
    usable = (own > DARKEST) & (own < BRIGHTEST)
    for index in unmeasured if usable.sum() >= LEAST_QUANTILES else ():
        light = np.maximum(_linear(_quantiles(driver, frames[index])[usable]), 1e-5)
        stops = float(np.log2(_linear(own[usable]) / light).min())
        if stops >= most:
            found[index] = f"is exposed at least {stops:.1f} stops darker than the reference"
    return found


def _means(driver: Driver, frame: np.ndarray) -> np.ndarray:
    """Means of 4×4 pixels, float64 [3, ⌊h/4⌋, ⌊w/4⌋]."""
    side = driver.count(LIGHT + "MEAN_PX")
    rows, columns = frame.shape[1] // side, frame.shape[2] // side
    blocks = frame[:, : rows * side, : columns * side].reshape(-1, rows, side, columns, side)
    return blocks.mean((2, 4), dtype=np.float64)


def _at(means: np.ndarray, x: np.ndarray, y: np.ndarray, side: int) -> np.ndarray:
    """Means [3, r, c] interpolated at n places, in pixels from the frame's corner: [3, n]."""
    column = (x / side - 0.5).clip(0, means.shape[2] - 1)
    row = (y / side - 0.5).clip(0, means.shape[1] - 1)
    left = np.minimum(column.astype(int), means.shape[2] - 2)
    top = np.minimum(row.astype(int), means.shape[1] - 2)
    right, down = column - left, row - top
    above = means[:, top, left] * (1 - right) + means[:, top, left + 1] * right
    below = means[:, top + 1, left] * (1 - right) + means[:, top + 1, left + 1] * right
    return above * (1 - down) + below * down


def _cosines(y: np.ndarray, count: int) -> np.ndarray:
    return np.cos(math.pi * y[:, None] * np.arange(1, count + 1))


def _light(
    driver: Driver, size: tuple[int, ...], own: np.ndarray, means: np.ndarray, matrix: np.ndarray
) -> Light:
    """Light of a frame by means [3, r, c] of the reference and of the frame."""
    (height, width), side = size, driver.count(LIGHT + "MEAN_PX")
    spacing, most = driver.count(LIGHT + "SPACING_PX"), driver.count(LIGHT + "MOST_PLACES")
    step = spacing * math.ceil(math.sqrt(height * width / most) / spacing)
    places = np.mgrid[step // 2 : height : step, step // 2 : width : step].reshape(2, -1)
    y, x = places.astype(np.float64)
    there_x, there_y = moved(matrix, x - width / 2, y - height / 2)
    shown = (abs(there_x) <= width / 2 - spacing) & (abs(there_y) <= height / 2 - spacing)
    x, y, there_x, there_y = (part[shown] for part in (x, y, there_x, there_y))
    before = _at(own, x, y, side)
    after = _at(means, there_x + width / 2, there_y + height / 2, side)
    used = ((before > DARKEST) & (before < BRIGHTEST)).all(0)
    used &= ((after > DARKEST) & (after < BRIGHTEST)).all(0)
    if used.sum() < driver.count(LIGHT + "LEAST_PLACES"):
        return Light(np.ones(3), np.empty(0))
    slope = _at(_slopes(own), x, y, side)[:, used]
    return _fitted(driver, before[:, used] + TOE, after[:, used] + TOE, slope, y[used] / height)


def _slopes(means: np.ndarray) -> np.ndarray:
    """The larger difference between neighboring means, across or down."""
    padded = np.pad(means, ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = abs(padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2])
    return np.maximum(across, abs(padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1])) / 2


def _fitted(
    driver: Driver, x: np.ndarray, z: np.ndarray, slope: np.ndarray, y: np.ndarray
) -> Light:
    """Fit z ≈ b_c·(1 + Σ θ_j cos(π·j·y))·x, [3, n] at y [n]; sums are set equal, not squares."""
    errors, tukey = (driver.number(LIGHT + name) for name in ("ERRORS", "TUKEY"))
    certain = 1 / ((1 / 1020) ** 2 + (slope / 4) ** 2)
    waves_most, places = driver.count(LIGHT + "WAVES"), driver.count(LIGHT + "LEAST_PLACES")
    count = min(waves_most, len(y) // places)
    basis, along = _cosines(y, count), np.ones_like(y)
    colors = np.array([lower_median(ratio) for ratio in z / x])
    for _ in range(ITERATIONS):
        residual = z - colors[:, None] * along * x
        scaled = residual**2 * certain
        bound = tukey**2 * max(1.4826**2 * lower_median(scaled), 1.0)
        weight = np.maximum(1 - scaled / bound, 0) ** 2 * certain
        total = np.maximum((weight * along * x).sum(1), 1e-12)
        colors = (weight * z).sum(1) / total
        off = np.sqrt(((weight * residual) ** 2).sum(1)) / total
        plain = colors[:, None] * x
        normal = basis.T @ ((weight * plain).sum(0)[:, None] * basis)
        normal += 1e-9 * normal.diagonal().mean() * np.eye(count)
        waves = np.linalg.solve(normal, basis.T @ (weight * (z - plain)).sum(0))
        along = 1 + basis @ waves
        noise = basis.T @ (((weight * residual) ** 2).sum(0)[:, None] * basis)
        certainty = normal @ np.linalg.solve(noise + 1e-12 * np.eye(count), normal)
    level, change = x.mean(1), abs(colors - 1)
    colors = np.where((change * level < 1 / 255) | (change < errors * off), 1.0, colors)
    banded = waves @ certainty @ waves > errors**2 * count
    banded = banded and (basis @ waves).std(ddof=1) * level.mean() > 1 / 255
    return Light(colors, waves if banded else waves[:0])


def _quantiles(driver: Driver, frame: np.ndarray) -> np.ndarray:
    """Quantiles of means of 4×4 pixels of green, of every eighth row of means: float64 [33]."""
    side, height = driver.count(LIGHT + "MEAN_PX"), frame.shape[1]
    tops = range(0, height - side + 1, QUANTILE_SPACING_PX)
    rows = [_means(driver, frame[1:2, top : top + side]) for top in tops]
    return np.quantile(np.concatenate(rows), QUANTILES)


def _stops(levels: np.ndarray, own: np.ndarray) -> float:
    """Stops from one frame's quantiles to another's; infinite without any in common."""
    usable = (levels > DARKEST) & (levels < BRIGHTEST) & (own > DARKEST) & (own < BRIGHTEST)
    if usable.sum() < LEAST_QUANTILES:
        return math.inf
    return lower_median(np.log2(_linear(levels[usable]) / _linear(own[usable])))


def _linear(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + TOE) / 1.055) ** CURVE_POWER)

"""The blur of the lens, by what two halves of the frames have in common."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from .light import luma_of
from .merging import Place, Plan, blended, cuts, summed
from .stages import Driver, Stages

MEAN_LOG_POWER = np.array(
    (0.0, -0.973, -1.738, -2.287, -2.741, -3.319, -3.707, -4.102, -4.706, -5.148)
)
"""Mean of scenes, from the first ring that is looked at."""
SQUARE_PX = 16
HALVES, SPECTRUM, ESTIMATE = "burst.lens.halves.", "burst.lens.spectrum.", "burst.lens.estimate."


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power by ring, added over blocks: common to both halves, their own; number of blocks."""

    common: np.ndarray
    own: np.ndarray
    blocks: int


def measured_lens(stages: Stages, plan: Plan) -> float:
    """Standard deviation of the blur, in pixels of a frame; a sharp one where it cannot be told."""
    driver = stages.driver
    spectrum = _halves_spectrum(stages, plan)
    found = lens_of(driver, spectrum) if spectrum.blocks else None
    return driver.number("burst.stages.blur.DEFAULT_LENS_PX") if found is None else found


def _halves_spectrum(stages: Stages, plan: Plan) -> Spectrum:
    driver, (height, width) = stages.driver, plan.size
    tile, block = driver.count(HALVES + "TILE_PX"), driver.count(SPECTRUM + "BLOCK_PX")
    rows, columns = list(cuts(height, tile)), list(cuts(width, tile))
    smallest = min(length for _, length in rows + columns)
    order = sorted(plan.matrices, key=lambda index: plan.matrices[index].flatten().tolist())
    rings = driver.count(SPECTRUM + "RINGS")
    common, own, blocks = np.zeros(rings), np.zeros(rings), 0
    if order and driver.count(HALVES + "SCALE") * (smallest - 2) >= block:
        halves = [
            replace(plan, matrices={index: plan.matrices[index] for index in order[1::2]}),
            replace(
                plan,
                matrices={index: plan.matrices[index] for index in order[::2]},
                reference_weight=0.0,
            ),
        ]
        places = [Place(top, left, down, right) for top, down in rows for left, right in columns]
        for place in _detailed(driver, plan, places):
            (first, _), (second, trust) = (_half(stages, half, place) for half in halves)
            for pair in _blocks(driver, first, second, trust):
                more_common, more_own = _powers(driver, *pair)
                common, own, blocks = common + more_common, own + more_own, blocks + 1
    return Spectrum(common, own, blocks)


def _detailed(driver: Driver, plan: Plan, places: list[Place]) -> list[Place]:
    """The places of steepest slopes."""
    luma = plan.frames[plan.reference].mean(0, dtype=np.float64)

    def steepness(place: Place) -> float:
        rows = luma[place.top : place.top + place.height]
        part = rows[:, place.left : place.left + place.width]
        across, down = part[:, 2:] - part[:, :-2], part[2:] - part[:-2]
        return float((across**2).mean() + (down**2).mean())

    return sorted(places, key=steepness, reverse=True)[: driver.count(HALVES + "PLACES")]


def _half(stages: Stages, plan: Plan, place: Place) -> tuple[np.ndarray, np.ndarray]:
    """Luma of a half at a place on the finer grid, and the trust in its frames, [h, w]."""
    sums, trusts = summed(stages, plan, place)
    features = blended(stages, plan, sums, plan.noise, 0.0)
    scale = stages.driver.count(HALVES + "SCALE")
    _, height, width = features.shape
    colors = np.empty((3, scale * height, scale * width), np.float32)
    for a in range(scale):
        for b in range(scale):
            colors[:, a::scale, b::scale] = features[scale * a + b : 3 * scale**2 : scale**2]
    trust = sum(trusts.values(), np.zeros((place.height, place.width)))
    return luma_of(colors), trust


def _blocks(
    driver: Driver, first: np.ndarray, second: np.ndarray, trust: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Blocks of both halves that count: all squares of them have trust."""
    side, least = driver.count(SPECTRUM + "BLOCK_PX"), driver.number(HALVES + "LEAST_TRUST")
    height, width = first.shape
    found = []
    for row in range(0, 1 + (height - side) // (side // 2)):
        for column in range(0, 1 + (width - side) // (side // 2)):
            squares = [
                trust[SQUARE_PX * r : SQUARE_PX * (r + 1), SQUARE_PX * c : SQUARE_PX * (c + 1)]
                for r in (row, row + 1)
                for c in (column, column + 1)
            ]
            if all(square.mean() >= least for square in squares):
                top, left = row * side // 2, column * side // 2
                inside = (slice(top, top + side), slice(left, left + side))
                found.append((first[inside], second[inside]))
    return found


def _rings(driver: Driver) -> np.ndarray:
    """The ring of every frequency of a real transform of a block."""
    side, rings = driver.count(SPECTRUM + "BLOCK_PX"), driver.count(SPECTRUM + "RINGS")
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)
    return (np.hypot(down, across) * 2 * rings).astype(int)


def _powers(
    driver: Driver, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Common power and mean own power of two blocks by ring."""
    window = np.hanning(len(first))
    window = window[:, None] * window
    a, b = (
        np.fft.rfft2((block.astype(np.float64) - block.mean(dtype=np.float64)) * window)
        for block in (first, second)
    )
    rings, count = _rings(driver), driver.count(SPECTRUM + "RINGS")
    powers = [(a * b.conj()).real, 0.5 * (abs(a) ** 2 + abs(b) ** 2)]
    common, own = (
        np.array([power[rings == ring].mean() for ring in range(count)]) for power in powers
    )
    return common, own


def lens_of(driver: Driver, spectrum: Spectrum) -> float | None:
    """The lens that explains a spectrum, as the mean over all; ``None`` where none does."""
    names = ("DISTRUST", "RING_STD", "SLOPE_STD", "BEND_STD", "MOST_MISFIT", "MOST_SLOPE")
    distrust, ring_std, slope_std, bend_std, most_misfit, most_slope = (
        driver.number(ESTIMATE + name) for name in names
    )
    first, count = driver.count(ESTIMATE + "FIRST_RING"), len(MEAN_LOG_POWER)
    common = spectrum.common[first : first + count]
    share = common / np.maximum(spectrum.own[first : first + count], 1e-12)
    lost = np.flatnonzero(share < driver.number(ESTIMATE + "LEAST_COMMON"))
    known = int(lost[0]) if len(lost) else count
    if known < driver.count(ESTIMATE + "LEAST_RINGS"):
        return None
    rings, ring = _rings(driver), np.arange(count) + first
    scale, all_rings = driver.count(HALVES + "SCALE"), driver.count(SPECTRUM + "RINGS")
    frequency = scale * (ring + 0.5) / (2 * all_rings)
    x = np.log(frequency) - np.log(frequency).mean()
    basis = np.stack((np.ones(count), x, x**2 - (x**2).mean()), 1)[:known]
    modes = np.array([(rings == k).sum() for k in ring])[:known]
    share, frequency = share[:known], frequency[:known]
    variance = (1 / share**2 + 1) / (2 * spectrum.blocks * modes / 4)
    variance += (distrust * (1 / share - 1)) ** 2 + ring_std**2
    level = np.log(common[:known]) - MEAN_LOG_POWER[:known]
    prior = np.diag([1e-3, slope_std**-2, bend_std**-2])
    weighted = basis / variance[:, None]
    steps = driver.count(ESTIMATE + "STEPS")
    blurs = np.arange(steps + 1) / steps * driver.number("burst.stages.blur.MAX_LENS_PX")
    misfits, slopes = [], []
    for blur in blurs:
        left = level + 4 * math.pi**2 * blur**2 * frequency**2
        parts = np.linalg.solve(basis.T @ weighted + prior, weighted.T @ left)
        misfits.append(float((left**2 / variance).sum() - (weighted.T @ left) @ parts))
        slopes.append(float(parts[1]))
    best = int(np.argmin(misfits))
    likelihood = np.exp(-0.5 * (np.array(misfits) - misfits[best]))
    likelihood /= likelihood.sum()
    mean = float(likelihood @ blurs)
    spread = math.sqrt(likelihood @ (blurs - mean) ** 2)
    unlike = misfits[best] > most_misfit * (known - 2) or slopes[best] > most_slope * slope_std
    too_wide = spread > driver.number(ESTIMATE + "MOST_SPREAD_PX")
    return None if unlike or too_wide else mean

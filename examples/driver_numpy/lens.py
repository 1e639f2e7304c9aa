"""The blur of the lens, by what two halves of the frames have in common."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from .light import Burst, luma_of
from .merging import Place, blended, cuts, summed
from .stages import Array

MEAN_LOG_POWER = (0.0, -0.973, -1.738, -2.287, -2.741, -3.319, -3.707, -4.102, -4.706, -5.148)
"""Mean of scenes by ring, from the first that is looked at."""


def measured_lens(burst: Burst, noise: Array) -> float:
    """Standard deviation of the blur, in pixels of a frame; a sharp one where it cannot be told."""
    table, spectrum = burst.table("burst.lens.halves"), burst.table("burst.lens.spectrum")
    order = sorted(burst.matrices, key=lambda index: burst.matrices[index].flatten().tolist())
    with_reference, without = (
        replace(burst, found={index: burst.found[index] for index in order[start::2]})
        for start in (1, 0)
    )
    powers = []
    for place in _detailed(burst) if order else ():
        first, _ = _half(with_reference, noise, place, 1.5)
        second, trust = _half(without, noise, place, 0.0)
        side = spectrum.BLOCK_PX
        for row in range((first.shape[0] - side) // (side // 2) + 1):
            for column in range((first.shape[1] - side) // (side // 2) + 1):
                # Blocks are two squares wide and begin at every square.
                if trust[row : row + 2, column : column + 2].min() >= table.LEAST_TRUST:
                    top, left = row * side // 2, column * side // 2
                    block = slice(top, top + side), slice(left, left + side)
                    powers.append(_powers(first[block], second[block]))
    found = _lens_of(burst, np.array(powers)) if powers else None
    return burst.table("burst.stages.blur").DEFAULT_LENS_PX if found is None else found


def _detailed(burst: Burst) -> list[Place]:
    """The places of steepest slopes; none where one is smaller than a block."""
    table, (height, width) = burst.table("burst.lens.halves"), burst.size
    luma = burst.frames[burst.reference].mean(0, dtype=np.float64)
    places = []
    for top, rows in cuts(height, table.TILE_PX):
        for left, columns in cuts(width, table.TILE_PX):
            part = luma[top : top + rows, left : left + columns]
            slopes = part[:, 2:] - part[:, :-2], part[2:] - part[:-2]
            steepness = sum(float((slope**2).mean()) for slope in slopes)
            places.append((steepness, Place(top, left, rows, columns)))
    smallest = min(min(place.height, place.width) for _, place in places)
    if table.SCALE * (smallest - 2) < burst.table("burst.lens.spectrum").BLOCK_PX:
        return []
    places.sort(key=lambda place: -place[0])
    return [place for _, place in places[: table.PLACES]]


def _half(burst: Burst, noise: Array, place: Place, reference_weight: float) -> tuple[Array, Array]:
    """Luma of a half at a place on the finer grid; trust in its frames by squares of it."""
    scale = burst.table("burst.lens.halves").SCALE
    band = summed(burst, noise, place, reference_weight)
    features = blended(burst, band.planes, noise, 0.0)
    _, height, width = features.shape
    colors = np.empty((3, scale * height, scale * width), np.float32)
    for phase in range(scale**2):
        row, column = divmod(phase, scale)
        colors[:, row::scale, column::scale] = features[phase : 3 * scale**2 : scale**2]
    trust = sum(band.trusts.values(), np.zeros((place.height, place.width)))
    side = burst.table("burst.effective_frames").SQUARE_PX
    tops, lefts = range(0, place.height, side), range(0, place.width, side)
    squares = [[trust[y : y + side, x : x + side].mean() for x in lefts] for y in tops]
    return luma_of(colors), np.array(squares)


def _powers(first: Array, second: Array) -> tuple[Array, Array]:
    """Common and own power of two blocks at all frequencies of a half plane."""
    window = np.hanning(len(first))
    window = window[:, None] * window
    a = np.fft.rfft2((first - first.mean(dtype=np.float64)) * window)
    b = np.fft.rfft2((second - second.mean(dtype=np.float64)) * window)
    return (a * b.conj()).real, 0.5 * (abs(a) ** 2 + abs(b) ** 2)


def _lens_of(burst: Burst, powers: Array) -> float | None:
    """The mean of all lenses, each by how well it explains powers [n, 2, f_y, f_x] of blocks.

    ``None`` where none does, or where that says hardly anything.
    """
    table, spectrum = burst.table("burst.lens.estimate"), burst.table("burst.lens.spectrum")
    side, rings, count = spectrum.BLOCK_PX, spectrum.RINGS, len(MEAN_LOG_POWER)
    frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    ring_of = (frequencies * 2 * rings).astype(int)
    ring = np.arange(count) + table.FIRST_RING
    common, own = (np.array([power[ring_of == k].mean() for k in ring]) for power in powers.sum(0))
    share = common / np.maximum(own, 1e-12)
    known = next((k for k in range(count) if share[k] < table.LEAST_COMMON), count)
    if known < table.LEAST_RINGS:
        return None
    frequency = burst.table("burst.lens.halves").SCALE * (ring + 0.5) / (2 * rings)
    x = np.log(frequency) - np.log(frequency).mean()
    basis = np.stack((np.ones(count), x, x**2 - (x**2).mean()), 1)[:known]
    modes = np.array([(ring_of == k).sum() for k in ring])[:known]
    share, frequency = share[:known], frequency[:known]
    variance = (1 / share**2 + 1) / (2 * len(powers) * modes / 4)
    variance += (table.DISTRUST * (1 / share - 1)) ** 2 + table.RING_STD**2
    level = np.log(common[:known]) - MEAN_LOG_POWER[:known]
    prior = np.diag((1e-3, table.SLOPE_STD**-2, table.BEND_STD**-2))
    weighted, misfits, slopes = basis / variance[:, None], [], []
    blurs = np.linspace(0, burst.table("burst.stages.blur").MAX_LENS_PX, table.STEPS + 1)
    for blur in blurs:
        left = level + 4 * math.pi**2 * blur**2 * frequency**2
        parts = np.linalg.solve(basis.T @ weighted + prior, weighted.T @ left)
        misfits.append(float((left**2 / variance).sum() - (weighted.T @ left) @ parts))
        slopes.append(float(parts[1]))
    best = misfits.index(min(misfits))
    likelihood = np.exp(-0.5 * (np.array(misfits) - misfits[best]))
    mean = float((likelihood * blurs).sum() / likelihood.sum())
    spread = math.sqrt((likelihood * (blurs - mean) ** 2).sum() / likelihood.sum())
    unlike = misfits[best] > table.MOST_MISFIT * (known - 2)
    unlike = unlike or slopes[best] > table.MOST_SLOPE * table.SLOPE_STD
    return None if unlike or spread > table.MOST_SPREAD_PX else mean

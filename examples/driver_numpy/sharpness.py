"""How sharp frames are, by the energy of their Laplacian, and how sharp their lens is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from .light import Burst, luma_of
from .merging import REFERENCE_WEIGHT, Place, blended, cuts, summed
from .stages import Array, Stages

ENERGY = "burst.reference.gradient_energy"


@dataclass(frozen=True, eq=False)
class Sharpness:
    """Of one frame, by level from the finest: S, P, parts of E by blocks [h, w], which are flat."""

    signal: list[float]
    noise: list[float]
    blocks: list[Array]
    flat: list[Array]


def sharpness_of(stages: Stages, luma: Array) -> Sharpness:
    """Measure the luma of a frame, float32 [h, w]."""
    found, level, side = (
        Sharpness([], [], [], []),
        luma,
        stages.table("burst.stages.score").BLOCK_PX,
    )
    table = stages.table(ENERGY)
    for index, bias in enumerate(table.QUIET_BIAS):
        level = stages.whole("halve", level) if index else level
        height, width = level.shape[0] - 2, level.shape[1] - 2
        shown = np.pad(np.ones((height, width)), 1)
        means = stages.tiled("score", np.stack((level, shown)), shrink=side)[0]
        sums = means.astype(np.float64) * side**2
        side_y, side_x = min(side, height), min(side, width)
        whole = sums[: height // side_y, : width // side_x] / (side_y * side_x)
        changing, noise = np.sort(whole[whole > table.FLAT]), 0.0
        if len(changing):
            quiet = changing[max(math.ceil(table.QUIET_SHARE * len(changing)), 1) - 1]
            noise = float(quiet) / bias * len(changing) / whole.size
        found.noise.append(noise)
        found.blocks.append(sums / (height * width))
        found.flat.append(found.blocks[-1] * sums.size <= table.FLAT)
        found.signal.append(max(float(found.blocks[-1].sum()) - noise, 0.0))
        if min(level.shape) // 2 < table.SMALLEST_LEVEL_PX:
            break
    return found


def noise_of_one(stages: Stages, luma: Array) -> float:
    """Standard deviation of white noise by Immerkær's mask, on the quietest blocks of [h, w]."""
    (height, width), table = luma.shape, stages.table("burst.reference.noise")
    side = min(table.BLOCK_PX, height - 2, width - 2)
    down = luma[:-2] + luma[2:] - 2 * luma[1:-1]
    response = np.abs(down[:, :-2] + down[:, 2:] - 2 * down[:, 1:-1])
    tops, lefts = range(0, height - 1 - side, side), range(0, width - 1 - side, side)
    means = [response[y : y + side, x : x + side].mean() for y in tops for x in lefts]
    changing = [mean for mean in means if mean >= table.UNCHANGED]
    quiet = float(np.quantile(changing, table.QUIET_SHARE)) if changing else 0.0
    return quiet * math.sqrt(math.pi / 2) / 6 / float(table.QUIET_BIAS)


def scores_of(stages: Stages, measured: list[Sharpness]) -> list[float]:
    """Σ S²/(S + P) of frames, without what some of them have lost."""
    table, scores = stages.table("burst.reference.lost_parts"), []
    alive = sum((~_grown(each.flat[0], table.MOTION_BLOCKS)).astype(int) for each in measured)
    for each in measured:
        single = each.flat[0] & (alive > (len(measured) - 1) / 2)
        lost = _of_areas(single, table.LEAST_LOST_BLOCKS)
        kept = _without(stages, each, lost)
        scores.append(sum(s * s / (s + p) for s, p in kept if s > 0))
    return scores


def _without(stages: Stages, found: Sharpness, lost: Array) -> Iterator[tuple[float, float]]:
    """S and P as if lost blocks of the finest level, bool [h, w], if any, held noise alone."""
    border_px = stages.table("burst.reference.lost_parts").BORDER_PX
    if not lost.any():
        yield from zip(found.signal, found.noise, strict=True)
        return
    for level, blocks in enumerate(found.blocks):
        factor, gone = 2**level, np.zeros(blocks.shape, bool)
        side = stages.table("burst.stages.score").BLOCK_PX
        grown = _grown(lost, math.ceil(border_px * factor / side))
        for row, column in np.ndindex(*blocks.shape):
            top, left = row * factor, column * factor
            gone[row, column] = grown[top : top + factor, left : left + factor].any()
        noisy = ~found.flat[level]
        everywhere = found.noise[level] / max(noisy.mean(), 1 / noisy.size)
        taken = max(blocks[gone].sum() - everywhere * (gone & noisy).mean(), 0.0)
        yield max(found.signal[level] - taken, 0.0), everywhere


def _grown(mask: Array, reach: int) -> Array:
    """A mask [h, w] with all that lies up to ``reach`` beside it."""
    grown = np.zeros_like(mask)
    for row, column in np.argwhere(mask):
        top, left = max(row - reach, 0), max(column - reach, 0)
        grown[top : row + reach + 1, left : column + reach + 1] = True
    return grown


def _of_areas(mask: Array, least: int) -> Array:
    """What of a mask lies in areas of so many blocks or more, joined by sides or corners."""
    left, kept = np.pad(mask, 1), np.zeros_like(mask)
    for start in np.argwhere(left):
        area, waiting = [], [(int(start[0]), int(start[1]))]
        while waiting:
            row, column = waiting.pop()
            if left[row, column]:
                left[row, column] = False
                area.append((row - 1, column - 1))
                waiting += [(row + j - 1, column + i - 1) for j, i in np.ndindex(3, 3)]
        for row, column in area if len(area) >= least else []:
            kept[row, column] = True
    return kept


def measured_lens(burst: Burst, noise: Array) -> float:
    """Standard deviation of the blur, in pixels of a frame; a sharp one where it cannot be told."""
    table = burst.stages.table("burst.lens.halves")
    side = burst.stages.table("burst.lens.spectrum").BLOCK_PX
    order = sorted(burst.matrices, key=lambda index: burst.matrices[index].flatten().tolist())
    with_reference, without = (
        replace(burst, found={index: burst.found[index] for index in order[start::2]})
        for start in (1, 0)
    )
    powers = []
    for place in _detailed(burst) if order else ():
        first, _ = _half(with_reference, noise, place, REFERENCE_WEIGHT)
        second, trust = _half(without, noise, place, 0.0)
        for row, column in np.ndindex(*(2 * n // side - 1 for n in first.shape)):
            # Blocks are two squares wide and begin at every square.
            if trust[row : row + 2, column : column + 2].min() >= table.LEAST_TRUST:
                top, left = row * side // 2, column * side // 2
                block = slice(top, top + side), slice(left, left + side)
                powers.append(_powers(first[block], second[block]))
    found = _lens_of(burst, np.array(powers)) if powers else None
    default = float(burst.stages.table("burst.stages.blur").DEFAULT_LENS_PX)
    return default if found is None else found


def _detailed(burst: Burst) -> list[Place]:
    """The places of steepest slopes; none where files are of another scale, or places too small."""
    table, (height, width) = burst.stages.table("burst.lens.halves"), burst.size
    luma = burst.frames[burst.reference].mean(0, dtype=np.float64)
    places = []
    for top, rows in cuts(height, table.TILE_PX):
        for left, columns in cuts(width, table.TILE_PX):
            part = luma[top : top + rows, left : left + columns]
            slopes = part[:, 2:] - part[:, :-2], part[2:] - part[:-2]
            steepness = sum(float((slope**2).mean()) for slope in slopes)
            places.append((steepness, Place(top, left, rows, columns)))
    smallest = min(min(place.height, place.width) for _, place in places)
    least = burst.stages.table("burst.lens.spectrum").BLOCK_PX
    if burst.stages.driver.scale != table.SCALE or table.SCALE * (smallest - 2) < least:
        return []
    places.sort(key=lambda place: -place[0])
    return [place for _, place in places[: table.PLACES]]


def _half(burst: Burst, noise: Array, place: Place, reference_weight: float) -> tuple[Array, Array]:
    """Luma of a half at a place on the finer grid; trust in its frames by squares of it."""
    scale = burst.stages.table("burst.lens.halves").SCALE
    planes, trusts = summed(burst, noise, place, reference_weight)
    features = blended(burst, planes, noise, 0.0)
    _, height, width = features.shape
    phases = features[: 3 * scale**2].reshape(3, scale, scale, height, width)
    colors = phases.transpose(0, 3, 1, 4, 2).reshape(3, scale * height, scale * width)
    trust = trusts.sum(0, dtype=np.float64)
    side = burst.stages.table("burst.effective_frames").SQUARE_PX
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
    table, spectrum = (burst.stages.table("burst.lens." + k) for k in ("estimate", "spectrum"))
    side, rings, count = spectrum.BLOCK_PX, spectrum.RINGS, len(table.MEAN_LOG_POWER)
    frequencies = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    ring_of = (frequencies * 2 * rings).astype(int)
    ring = np.arange(count) + table.FIRST_RING
    common, own = (np.array([power[ring_of == k].mean() for k in ring]) for power in powers.sum(0))
    share = common / np.maximum(own, 1e-12)
    known = next((k for k in range(count) if share[k] < table.LEAST_COMMON), count)
    if known < table.LEAST_RINGS:
        return None
    frequency = burst.stages.table("burst.lens.halves").SCALE * (ring + 0.5) / (2 * rings)
    x = np.log(frequency) - np.log(frequency).mean()
    basis = np.stack((np.ones(count), x, x**2 - (x**2).mean()), 1)[:known]
    modes = np.array([(ring_of == k).sum() for k in ring])[:known]
    share, frequency = share[:known], frequency[:known]
    variance = (1 / share**2 + 1) / (2 * len(powers) * modes / 4)
    variance += (table.DISTRUST * (1 / share - 1)) ** 2 + table.RING_STD**2
    level = np.log(common[:known]) - table.MEAN_LOG_POWER[:known]
    prior = np.diag((1e-3, table.SLOPE_STD**-2, table.BEND_STD**-2))
    weighted, misfits, slopes = basis / variance[:, None], [], []
    blurs = np.linspace(0, burst.stages.table("burst.stages.blur").MAX_LENS_PX, table.STEPS + 1)
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

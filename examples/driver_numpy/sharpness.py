"""How sharp frames are: energy of the Laplacian over octaves, without what noise gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .stages import Array, Stages

QUIET_SHARE, QUIET_BIAS = 0.25, (0.841, 0.865, 0.870, 0.871)
"""Quantile of 8×8 blocks, and what it is of the mean over all, by level, for white noise."""
FLAT, SMALLEST_LEVEL_PX = 1e-12, 16
"""Mean square of the Laplacian up to which a block holds one value; least side of a level."""
NOISE_BLOCK_PX, NOISE_BIAS, UNCHANGED = 16, 0.943, 1e-6
"""Noise of one frame: side of blocks, bias of their quantile, response to one value."""


@dataclass(frozen=True, eq=False)
class Sharpness:
    """Of one frame: S and P by level from the finest, parts of E by blocks [h, w]."""

    signal: list[float]
    noise: list[float]
    blocks: list[Array]

    @property
    def score(self) -> float:
        """Σ S²/(S + P)."""
        pairs = zip(self.signal, self.noise, strict=True)
        return sum(s * s / (s + p) for s, p in pairs if s > 0)


def sharpness_of(stages: Stages, luma: Array) -> Sharpness:
    """Measure the luma of a frame, float32 [h, w]."""
    found, level, side = Sharpness([], [], []), luma, stages.table("burst.stages.score").BLOCK_PX
    for index, bias in enumerate(QUIET_BIAS):
        level = stages.whole("halve", level) if index else level
        height, width = level.shape[0] - 2, level.shape[1] - 2
        shown = np.pad(np.ones((height, width)), 1)
        means = stages.tiled("score", np.stack((level, shown)), shrink=side)[0]
        sums = means.astype(np.float64) * side**2
        side_y, side_x = min(side, height), min(side, width)
        whole = sums[: height // side_y, : width // side_x] / (side_y * side_x)
        changing, noise = np.sort(whole[whole > FLAT]), 0.0
        if len(changing):
            quiet = changing[max(math.ceil(QUIET_SHARE * len(changing)), 1) - 1]
            noise = float(quiet) / bias * len(changing) / whole.size
        found.noise.append(noise)
        found.blocks.append(sums / (height * width))
        found.signal.append(max(float(found.blocks[-1].sum()) - noise, 0.0))
        if min(level.shape) // 2 < SMALLEST_LEVEL_PX:
            break
    return found


def noise_of_one(luma: Array) -> float:
    """Standard deviation of white noise by Immerkær's mask, on the quietest blocks of [h, w]."""
    (height, width), side = luma.shape, min(NOISE_BLOCK_PX, *(size - 2 for size in luma.shape))
    down = luma[:-2] + luma[2:] - 2 * luma[1:-1]
    response = np.abs(down[:, :-2] + down[:, 2:] - 2 * down[:, 1:-1])
    tops, lefts = range(0, height - 1 - side, side), range(0, width - 1 - side, side)
    means = [response[y : y + side, x : x + side].mean() for y in tops for x in lefts]
    changing = [mean for mean in means if mean >= UNCHANGED]
    quiet = float(np.quantile(changing, QUIET_SHARE)) if changing else 0.0
    return quiet * math.sqrt(math.pi / 2) / 6 / NOISE_BIAS


def scores_of(stages: Stages, measured: list[Sharpness]) -> list[float]:
    """Scores of frames, without what some of them have lost."""
    table = stages.table("burst.reference.lost_parts")
    flat = [_are_flat(each.blocks[0]) for each in measured]
    alive = sum((~_grown(each, table.MOTION_BLOCKS)).astype(int) for each in flat)
    scores = []
    for each, own in zip(measured, flat, strict=True):
        single = own & (alive > (len(measured) - 1) / 2)
        lost = _of_areas(single, table.LEAST_LOST_BLOCKS)
        scores.append(_without(stages, each, lost).score if lost.any() else each.score)
    return scores


def _are_flat(blocks: Array) -> Array:
    return blocks * blocks.size <= FLAT


def _without(stages: Stages, found: Sharpness, lost: Array) -> Sharpness:
    """The same frame as if some blocks of the finest level, bool [h, w], held noise alone."""
    border_px = stages.table("burst.reference.lost_parts").BORDER_PX
    side, signal, noise = stages.table("burst.stages.score").BLOCK_PX, [], []
    for level, blocks in enumerate(found.blocks):
        factor, gone = 2**level, np.zeros(blocks.shape, bool)
        grown = _grown(lost, math.ceil(border_px * factor / side))
        for row, column in np.ndindex(*blocks.shape):
            top, left = row * factor, column * factor
            gone[row, column] = grown[top : top + factor, left : left + factor].any()
        noisy = ~_are_flat(blocks)
        everywhere = found.noise[level] / max(noisy.mean(), 1 / noisy.size)
        taken = max(blocks[gone].sum() - everywhere * (gone & noisy).mean(), 0.0)
        signal.append(max(found.signal[level] - taken, 0.0))
        noise.append(everywhere)
    return Sharpness(signal, noise, found.blocks)


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

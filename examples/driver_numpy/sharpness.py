"""How sharp frames are: energy of the Laplacian over octaves, without what noise gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .stages import Stages

QUIET_SHARE, QUIET_BIAS = 0.25, (0.841, 0.865, 0.870, 0.871)
"""Quantile of 8×8 blocks, and what it is of the mean over all, by level, for white noise."""
FLAT = 1e-12
"""Mean square of the Laplacian up to which a block holds one value."""
SMALLEST_LEVEL_PX = 16
NOISE_BLOCK_PX, NOISE_BIAS, UNCHANGED = 16, 0.943, 1e-6
"""Noise of one frame: side of blocks, bias of their quantile, response to one value."""


@dataclass(frozen=True, eq=False)
class Sharpness:
    """Of one frame: S and P by level from the finest, parts of E by blocks, noise of luma."""

    signal: list[float]
    noise: list[float]
    blocks: list[np.ndarray]
    noise_std: float

    @property
    def score(self) -> float:
        """Σ S²/(S + P)."""
        pairs = zip(self.signal, self.noise, strict=True)
        return sum(s * s / (s + p) for s, p in pairs if s > 0)


def sharpness_of(stages: Stages, luma: np.ndarray) -> Sharpness:
    """Measure the luma of a frame, float32 [h, w]."""
    signal, noise, blocks, level = [], [], [], luma
    side = stages.driver.table("burst.stages.score").BLOCK_PX
    for index, bias in enumerate(QUIET_BIAS):
        level = stages.halve(level) if index else level
        height, width = level.shape[0] - 2, level.shape[1] - 2
        shown = np.pad(np.ones((height, width)), 1)
        means = stages.tiled("score", np.stack((level, shown)), shrink=side)[0]
        sums = means.astype(np.float64) * side**2
        side_y, side_x = min(side, height), min(side, width)
        whole = sums[: height // side_y, : width // side_x] / (side_y * side_x)
        noise.append(_quiet(whole) / bias)
        blocks.append(sums / (height * width))
        signal.append(max(float(blocks[-1].sum()) - noise[-1], 0.0))
        if min(level.shape) // 2 < SMALLEST_LEVEL_PX:
            break
    return Sharpness(signal, noise, blocks, noise_of_one(luma))


def noise_of_one(luma: np.ndarray) -> float:
    """Standard deviation of white noise by Immerkær's mask, on the quietest blocks of [h, w]."""
    (height, width), side = luma.shape, min(NOISE_BLOCK_PX, *(size - 2 for size in luma.shape))
    down = luma[:-2] + luma[2:] - 2 * luma[1:-1]
    response = np.abs(down[:, :-2] + down[:, 2:] - 2 * down[:, 1:-1])
    means = [
        response[top : top + side, left : left + side].mean(dtype=np.float64)
        for top in range(0, height - 1 - side, side)
        for left in range(0, width - 1 - side, side)
    ]
    changing = [mean for mean in means if mean >= UNCHANGED]
    quiet = float(np.quantile(changing, QUIET_SHARE)) if changing else 0.0
    return quiet * math.sqrt(math.pi / 2) / 6 / NOISE_BIAS


def scores_of(stages: Stages, measured: list[Sharpness]) -> list[float]:
    """Scores of frames, without what some of them have lost."""
    parts = stages.driver.table("burst.reference.lost_parts")
    flat = [_are_flat(each.blocks[0]) for each in measured]
    alive = sum((~_grown(each, parts.MOTION_BLOCKS)).astype(int) for each in flat)
    scores = []
    for each, own in zip(measured, flat, strict=True):
        single = own & (alive > (len(measured) - 1) / 2)
        lost = _of_areas(single, parts.LEAST_LOST_BLOCKS)
        scores.append(_without(stages, each, lost).score if lost.any() else each.score)
    return scores


def _quiet(means: np.ndarray) -> float:
    """The quiet quantile of blocks that change, by their share."""
    changing = np.sort(means[means > FLAT])
    if not len(changing):
        return 0.0
    place = max(math.ceil(QUIET_SHARE * len(changing)), 1)
    return float(changing[place - 1]) * len(changing) / means.size


def _are_flat(blocks: np.ndarray) -> np.ndarray:
    return blocks * blocks.size <= FLAT


def _without(stages: Stages, found: Sharpness, lost: np.ndarray) -> Sharpness:
    """The same frame as if some blocks of the finest level, bool [h, w], held noise alone."""
    border_px = stages.driver.table("burst.reference.lost_parts").BORDER_PX
    side, signal, noise = stages.driver.table("burst.stages.score").BLOCK_PX, [], []
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
    return Sharpness(signal, noise, found.blocks, found.noise_std)


def _grown(mask: np.ndarray, reach: int) -> np.ndarray:
    """A mask [h, w] with all that lies up to ``reach`` beside it."""
    grown = np.zeros_like(mask)
    for row, column in np.argwhere(mask):
        grown[
            max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1
        ] = 1
    return grown


def _of_areas(mask: np.ndarray, least: int) -> np.ndarray:
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

"""How sharp frames are: energy of the Laplacian over octaves, without what noise gives."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .stages import SCORE_HALO_PX, Driver, Stages

QUIET_BIAS = (0.841, 0.865, 0.870, 0.871)
"""What the quiet quantile of 8×8 blocks is of the mean over all, by level, for white noise."""
QUIET_SHARE = 0.25
FLAT = 1e-12
"""Mean square of the Laplacian up to which a block holds one value."""
SMALLEST_LEVEL_PX = 16
NOISE_BLOCK_PX, NOISE_BIAS, UNCHANGED = 16, 0.943, 1e-6
"""Of the noise of one frame: side of blocks, bias of their quantile, response of one value."""


@dataclass(frozen=True, eq=False)
class Sharpness:
    """Energy of one frame, by level from the finest.

    Attributes:
        signal: S, by level.
        noise: P, by level.
        blocks: what each 8×8 block gives to the mean square of a level, [h, w] each.
        noise_std: noise of luma, seen in this frame alone.
    """

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
    signal, noise, blocks = [], [], []
    block_px = stages.driver.count("burst.stages.score.BLOCK_PX")
    level = luma
    for index, bias in enumerate(QUIET_BIAS):
        if index > 0:
            level = stages.halve(level)
        height, width = (side - 2 * SCORE_HALO_PX for side in level.shape)
        shown = np.pad(np.ones((height, width), np.float32), SCORE_HALO_PX)
        means = stages.tiled("score", np.stack((level, shown)), SCORE_HALO_PX, shrink=block_px)
        sums = means[0].astype(np.float64) * block_px**2
        side_y, side_x = min(block_px, height), min(block_px, width)
        whole = sums[: height // side_y, : width // side_x] / (side_y * side_x)
        noise.append(_quiet(whole, bias))
        blocks.append(sums / (height * width))
        signal.append(max(float(blocks[-1].sum()) - noise[-1], 0.0))
        if min(level.shape) // 2 < SMALLEST_LEVEL_PX:
            break
    return Sharpness(signal, noise, blocks, noise_of_one(luma))


def noise_of_one(luma: np.ndarray) -> float:
    """Standard deviation of white noise by Immerkær's mask, on the quietest blocks of [h, w]."""
    height, width = luma.shape
    side = min(NOISE_BLOCK_PX, height - 2, width - 2)
    down = luma[:-2] + luma[2:] - 2 * luma[1:-1]
    response = np.abs(down[:, :-2] + down[:, 2:] - 2 * down[:, 1:-1])
    means = [
        response[top : top + side, left : left + side].mean(dtype=np.float64)
        for top in range(0, height - 2 - side + 1, side)
        for left in range(0, width - 2 - side + 1, side)
    ]
    changing = [mean for mean in means if mean >= UNCHANGED]
    if not changing:
        return 0.0
    return float(np.quantile(changing, QUIET_SHARE)) * math.sqrt(math.pi / 2) / 6 / NOISE_BIAS


def scores_of(driver: Driver, measured: list[Sharpness]) -> list[float]:
    """Scores of frames, without what some of them have lost."""
    # Two blocks are as far as hands move frames.
    reach = driver.count("burst.reference.lost_parts.MOTION_BLOCKS")
    flat = [_are_flat(each.blocks[0]) for each in measured]
    alive = sum((~_grown(each, reach)).astype(int) for each in flat)
    scores = []
    for each, own in zip(measured, flat, strict=True):
        lost = _of_areas(driver, own & (alive > (len(measured) - 1) / 2))
        scores.append(_without(driver, each, lost).score if lost.any() else each.score)
    return scores


def _quiet(means: np.ndarray, bias: float) -> float:
    """Energy of noise by the means of a level's whole blocks."""
    changing = np.sort(means[means > FLAT])
    if not len(changing):
        return 0.0
    place = max(math.ceil(QUIET_SHARE * len(changing)), 1)
    return float(changing[place - 1]) / bias * len(changing) / means.size


def _are_flat(blocks: np.ndarray) -> np.ndarray:
    return blocks * blocks.size <= FLAT


def _without(driver: Driver, found: Sharpness, lost: np.ndarray) -> Sharpness:
    """The same frame as if some blocks of the finest level, bool [h, w], held noise alone."""
    signal, noise = [], []
    for level, blocks in enumerate(found.blocks):
        gone, noisy = _at_level(driver, lost, level, blocks), ~_are_flat(blocks)
        everywhere = found.noise[level] / max(noisy.mean(), 1 / noisy.size)
        taken = max(blocks[gone].sum() - everywhere * (gone & noisy).mean(), 0.0)
        signal.append(max(found.signal[level] - taken, 0.0))
        noise.append(everywhere)
    return Sharpness(signal, noise, found.blocks, found.noise_std)


def _at_level(driver: Driver, lost: np.ndarray, level: int, blocks: np.ndarray) -> np.ndarray:
    """Blocks of a level, as many as ``blocks``, that lost ones or their border reach."""
    factor = 2**level
    border_px = driver.count("burst.reference.lost_parts.BORDER_PX")
    grown = _grown(lost, -(-border_px * factor // driver.count("burst.stages.score.BLOCK_PX")))
    reached = np.zeros(blocks.shape, bool)
    for row in range(blocks.shape[0]):
        for column in range(blocks.shape[1]):
            down, right = row * factor, column * factor
            reached[row, column] = grown[down : down + factor, right : right + factor].any()
    return reached


def _grown(mask: np.ndarray, reach: int) -> np.ndarray:
    """A mask [h, w] with all that lies up to ``reach`` beside it."""
    height, width = mask.shape
    padded, grown = np.pad(mask, reach), np.zeros_like(mask)
    for down in range(2 * reach + 1):
        for right in range(2 * reach + 1):
            grown |= padded[down : down + height, right : right + width]
    return grown


def _of_areas(driver: Driver, mask: np.ndarray) -> np.ndarray:
    """What of a mask lies in areas that are large enough, joined by sides or corners."""
    least = driver.count("burst.reference.lost_parts.LEAST_LOST_BLOCKS")
    left, kept = np.pad(mask, 1), np.zeros_like(mask)
    for start in np.argwhere(left):
        area, waiting = [], [tuple(start)]
        while waiting:
            row, column = waiting.pop()
            if left[row, column]:
                left[row, column] = False
                area.append((row, column))
                near = (-1, 0, 1)
                waiting += [(row + down, column + right) for down in near for right in near]
        if len(area) >= least:
            for row, column in area:
                kept[row - 1, column - 1] = True
    return kept

"""Where a repeating reference tells a motion from the same motion a period further.

A rival of a motion M is M·S, S a shift by which the reference repeats. Both explain what repeats;
only places at which the reference does not match itself a period away can tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.frame_motions import FrameMotions
from edge_sdk.registration.motion import centered_grid, transform
from edge_sdk.registration.repetition.block_samples import (
    CAP,
    ERRORS,
    MISFIT_STD,
    NOTHING_THERE,
    Samples,
    robust_variance,
)
from edge_sdk.registration.sampling import sample_frames
from edge_sdk.registration.stages.align import CONTRAST_PX

PITCH_PX = 2
"""Distance of the points that are compared: closer ones share their noise."""
BLOCK_POINTS = 6
"""Points in a row of a block, and rows of it; blocks overlap by two thirds."""
STEP_POINTS = 2
"""Points from one block to the next."""
CONTRAST_SHARE, SURROUNDINGS_PX = 0.1, 3.0
"""Share of the contrast to what is about a pixel that two samplings may differ by.

Between pixels the finest texture is seen at less contrast than on them.
"""
MAX_BLOCKS = 64
"""Blocks that are compared for one rival, and as many where it would have them."""
MAX_LANDMARKS = 512
"""Points that a frame is searched for."""


@dataclass(frozen=True, eq=False)
class Rival:
    """A shift by which the reference repeats.

    Attributes:
        matrix: float64 [3, 3]: from a point to the one that looks like it.
        telling: blocks that differ from what is a period away, and those a period away from them.
    """

    matrix: Tensor
    telling: Samples

    @property
    def period_px(self) -> float:
        """Length of the shift."""
        return float(self.matrix[:2, 2].norm())


class Blocks:
    """All blocks of a smoothed reference [1, 1, H, W], and which of them differ a period away."""

    def __init__(self, picture: Tensor) -> None:
        self._picture = picture
        height, width = picture.shape[-2:]
        self._grid = centered_grid(height, width, like=picture)[::PITCH_PX, ::PITCH_PX]
        padded = functional.pad(picture, (1, 1, 1, 1), mode="replicate")
        slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
        slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
        self._slopes = torch.cat((slope_x, slope_y), 1)
        self._contrast = CONTRAST_PX**2 * self._slopes.square().sum(1, keepdim=True)
        high = picture - gaussian_blur(picture, SURROUNDINGS_PX)
        self._contrast += (CONTRAST_SHARE * high).square_()
        values = picture[..., ::PITCH_PX, ::PITCH_PX]
        spread = _pooled(values.square()) - _pooled(values).square()
        self._shown = spread[0, 0] > NOTHING_THERE

    def unlike(self, repeated: FrameMotions) -> Tensor:
        """Which blocks differ from what lies a period away, bool [K, R, C].

        Args:
            repeated: motions of the reference on itself, K of them.
        """
        rows, columns = self._grid.shape[:2]
        contrast = self._contrast[0, 0, ::PITCH_PX, ::PITCH_PX]
        values = self._picture[0, 0, ::PITCH_PX, ::PITCH_PX]
        found = []
        for index in range(len(repeated.matrices)):
            matrix = repeated.matrices[index]
            moved = transform(matrix.float(), self._grid.reshape(-1, 2))[None]
            sampled, inside = sample_frames(self._picture, moved)
            seen = sampled[0, 0].view(rows, columns)
            gain, offset = float(repeated.gain[index]), float(repeated.offset[index])
            residual = seen - gain * values - offset
            noise = robust_variance(residual[inside.view(rows, columns)])
            relative = residual.square() / (noise + gain**2 * contrast)
            on = inside.view(rows, columns).float()
            planes = torch.stack((relative.clamp_max(CAP), on, seen, seen.square()))
            misfit, shown, mean, square = _pooled(planes[None])[0]
            lost = square - mean.square() <= NOTHING_THERE
            least = 1 + 2 * ERRORS * MISFIT_STD
            found.append((misfit >= least) & (shown > 0.999) & self._shown & ~lost)
        return torch.stack(found)

    def everywhere(self, most: int) -> Samples:
        """Points of at most ``most`` blocks spread over the picture."""
        return self.samples(self._shown, most)

    def samples(self, chosen: Tensor, most: int) -> Samples:
        """Points of at most ``most`` of the blocks for which ``chosen`` [R, C] is true."""
        places = chosen.nonzero()
        places = places[:: max(1, -(-len(places) // most))]
        offsets = torch.arange(BLOCK_POINTS)
        rows = (STEP_POINTS * places[:, :1] + offsets)[:, :, None]
        columns = (STEP_POINTS * places[:, 1:] + offsets)[:, None, :]
        points = self._grid[rows, columns].flatten(1, 2)
        return self._at(points)

    def telling(self, chosen: Tensor, matrix: Tensor) -> Samples:
        """Blocks that differ a period away, and the blocks a period away from them."""
        here = self.samples(chosen, MAX_BLOCKS)
        there = self._at(transform(matrix.float(), here.points.flatten(0, 1)).view_as(here.points))
        height, width = self._picture.shape[-2:]
        span = there.points.new_tensor([width - 1, height - 1]) / 2
        on = (there.points.abs() <= span).flatten(1).all(1)
        pairs = [
            (getattr(here, each.name), getattr(there, each.name)[on]) for each in fields(Samples)
        ]
        return Samples(*(torch.cat(pair) for pair in pairs))

    def landmarks(self, chosen: Tensor) -> Tensor:
        """Points of the chosen blocks, each once, as rows of x, y and value, float32 [P, 3]."""
        raised = chosen.float()[None, None]
        size = [STEP_POINTS * (side - 1) + BLOCK_POINTS for side in chosen.shape]
        block = raised.new_ones(1, 1, BLOCK_POINTS, BLOCK_POINTS)
        covered = functional.conv_transpose2d(raised, block, stride=STEP_POINTS)[0, 0] > 0
        rows, columns = size
        points = self._grid[:rows, :columns][covered]
        values = self._picture[0, 0, ::PITCH_PX, ::PITCH_PX][:rows, :columns][covered]
        rows_taken = torch.cat((points, values[:, None]), 1)
        return rows_taken[:: max(1, -(-len(rows_taken) // MAX_LANDMARKS))]

    def _at(self, points: Tensor) -> Samples:
        planes = torch.cat((self._picture, self._contrast, self._slopes), 1)
        sampled, _ = sample_frames(planes, points.flatten(0, 1)[None])
        values, contrast, *slopes = sampled[0].view(4, *points.shape[:2])
        return Samples(points, values, contrast.clamp_min(0.0), torch.stack(slopes, -1))


def _pooled(planes: Tensor) -> Tensor:
    return functional.avg_pool2d(planes, BLOCK_POINTS, STEP_POINTS)

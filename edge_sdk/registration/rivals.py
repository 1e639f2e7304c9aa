"""Where a repeating reference tells a motion from the same motion a period further.

A rival of a motion M is M·S, S a shift by which the reference repeats. Both explain what repeats;
only places at which the reference does not match itself a period away can tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.gauss_newton import CONTRAST_PX, Refined
from edge_sdk.registration.motion import centered_grid, transform
from edge_sdk.registration.sampling import sample_frames
from edge_sdk.registration.template import Template

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
CAP = 9.0
"""Squared residuals, over their variance, count up to this."""
MISFIT_STD = 0.58
"""Standard deviation, by noise alone, of the difference of the misfits of two motions in a block.

The misfit of a block is the mean of its capped squared residuals over their variance: 1 for noise.
Its 36 points hold about ten independent ones, of variance 1.7 each: √(2·1.7/10).
"""
ERRORS = 3.0
"""Standard deviations by which a block must fit better to count for a motion."""
MAX_BLOCKS = 64
"""Blocks that are compared for one rival, and as many where it would have them."""
NORMAL = 1.4826
"""Standard deviation of normal values over the median of their absolutes."""
LEAST_VARIANCE = (1 / 65535) ** 2
MAX_LANDMARKS = 512
"""Points that a frame is searched for."""
NOTHING_THERE = 1e-10
"""Variance over a block below which it is a lost part of the picture."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Points of the reference, by blocks.

    Attributes:
        points: float32 [B, 36, 2], centered.
        values: float32 [B, 36], the reference there.
        contrast: float32 [B, 36]: square of what two samplings may differ by there.
    """

    points: Tensor
    values: Tensor
    contrast: Tensor

    def noise(self, frame: Tensor, matrix: Tensor, light: tuple[float, float]) -> float:
        """Robust variance of what the frame differs by under a motion [3, 3] where it shows them.

        Args:
            frame: float32 [1, 1, H, W].
            matrix: float64 [3, 3].
            light: gain and offset of the frame.
        """
        residual, inside, _ = self._residuals(frame, matrix[None], light)
        if not bool(inside.any()):
            return 1.0
        return float(robust_variance(residual[inside]))

    def misfit(
        self, frame: Tensor, matrices: Tensor, light: tuple[float, float], noise: float
    ) -> tuple[Tensor, Tensor]:
        """How badly a frame fits the blocks under motions.

        Args:
            frame: float32 [1, 1, H, W].
            matrices: float64 [M, 3, 3].
            light: gain and offset of the frame.
            noise: variance of residuals where the motion is right.

        Returns:
            Float32 [M, B], 1 for noise alone and at most ``CAP``, and bool [M, B]: whether the
            frame shows the block.
        """
        residual, inside, seen = self._residuals(frame, matrices, light)
        relative = residual.square() / (noise + light[0] ** 2 * self.contrast)
        textured = (seen - seen.mean(-1, keepdim=True)).square().mean(-1) > NOTHING_THERE
        return relative.clamp_max(CAP).mean(-1), inside.all(-1) & textured

    def _residuals(
        self, frame: Tensor, matrices: Tensor, light: tuple[float, float]
    ) -> tuple[Tensor, Tensor, Tensor]:
        flat = self.points.flatten(0, 1)
        moved = transform(matrices, flat.to(matrices)).float().flatten(0, 1)[None]
        sampled, inside = sample_frames(frame, moved)
        shape = (len(matrices), *self.values.shape)
        seen = sampled[0, 0].reshape(shape)
        return seen - light[0] * self.values - light[1], inside.reshape(shape), seen


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

    def __init__(self, picture: Tensor, template: Template) -> None:
        self._picture = picture
        self._template = template
        height, width = picture.shape[-2:]
        self._grid = centered_grid(height, width, like=picture)[::PITCH_PX, ::PITCH_PX]
        padded = functional.pad(picture, (1, 1, 1, 1), mode="replicate")
        slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
        slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
        self._contrast = CONTRAST_PX**2 * (slope_x.square_() + slope_y.square_())
        high = picture - gaussian_blur(picture, SURROUNDINGS_PX)
        self._contrast += (CONTRAST_SHARE * high).square_()
        values = picture[..., ::PITCH_PX, ::PITCH_PX]
        spread = _pooled(values.square()) - _pooled(values).square()
        self._shown = spread[0, 0] > NOTHING_THERE

    def unlike(self, repeated: Refined) -> Tensor:
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
            planes = torch.stack((relative.clamp_max(CAP), inside.view(rows, columns).float(), seen))
            misfit, shown, _ = _pooled(planes[None])[0]
            spread = _pooled(seen.square()[None, None]) - _pooled(seen[None, None]).square()
            lost = spread[0, 0] <= NOTHING_THERE
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
        pairs = zip(
            (here.points, here.values, here.contrast),
            (there.points[on], there.values[on], there.contrast[on]),
            strict=True,
        )
        return Samples(*(torch.cat(pair) for pair in pairs))

    def landmarks(self, chosen: Tensor) -> Tensor:
        """Points of the chosen blocks as rows of x, y and value, float32 [P, 3], each point once."""
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
        planes = torch.cat((self._picture, self._contrast), 1)
        sampled, _ = sample_frames(planes, points.flatten(0, 1)[None])
        values, contrast = sampled[0].view(2, *points.shape[:2])
        return Samples(points, values, contrast.clamp_min(0.0))


def robust_variance(residual: Tensor) -> Tensor:
    """Variance of residuals of any shape, by their median; one of 16 bits at least."""
    return (NORMAL * residual.abs().median()).square().clamp_min(LEAST_VARIANCE)


def _pooled(planes: Tensor) -> Tensor:
    return functional.avg_pool2d(planes, BLOCK_POINTS, STEP_POINTS)

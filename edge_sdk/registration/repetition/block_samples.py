"""How well frames fit blocks of the reference under a motion, and where the blocks pull them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.registration.motion import transform
from edge_sdk.registration.robust import NORMAL
from edge_sdk.registration.sampling import sample_frames

CAP = 9.0
"""Squared residuals, over their variance, count up to this."""
MISFIT_STD = 0.58
"""Standard deviation, by noise alone, of the difference of the misfits of two motions in a block.

The misfit of a block is the mean of its capped squared residuals over their variance: 1 for noise.
Its 36 points hold about ten independent ones, of variance 1.7 each: √(2·1.7/10).
"""
ERRORS = 3.0
"""Standard deviations by which a block must fit better to count for a motion."""
NOTHING_THERE = 1e-10
"""Variance over a block below which it is a lost part of the picture."""
LEAST_VARIANCE = (1 / 65535) ** 2


@dataclass(frozen=True, eq=False)
class Samples:
    """Points of the reference, by blocks.

    Attributes:
        points: float32 [B, 36, 2], centered.
        values: float32 [B, 36], the reference there.
        contrast: float32 [B, 36]: square of what two samplings may differ by there.
        slopes: float32 [B, 36, 2]: of the reference along x and y, per pixel.
    """

    points: Tensor
    values: Tensor
    contrast: Tensor
    slopes: Tensor

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

    def pull(
        self, frame: Tensor, matrix: Tensor, light: tuple[float, float], noise: float
    ) -> tuple[Tensor, Tensor]:
        """Where each block by itself would rather have a frame: least squares in its shift.

        The arguments are those of :meth:`misfit`.

        Returns:
            Normal matrices [B, 2, 2] and right sides [B, 2]; :func:`drift_px` solves them. Noise
            damps them: what has no texture stays where it is.
        """
        residual, _, _ = self._residuals(frame, matrix[None], light)
        slopes = light[0] * self.slopes
        normal = slopes.mT @ slopes + self.slopes.shape[1] * noise * torch.eye(2)
        return normal, (slopes.mT @ residual[0, :, :, None])[..., 0]

    def _residuals(
        self, frame: Tensor, matrices: Tensor, light: tuple[float, float]
    ) -> tuple[Tensor, Tensor, Tensor]:
        flat = self.points.flatten(0, 1)
        moved = transform(matrices, flat.to(matrices)).float().flatten(0, 1)[None]
        sampled, inside = sample_frames(frame, moved)
        shape = (len(matrices), *self.values.shape)
        seen = sampled[0, 0].reshape(shape)
        return seen - light[0] * self.values - light[1], inside.reshape(shape), seen


def drift_px(normal: Tensor, right: Tensor) -> Tensor:
    """Length [...] of the shifts that normal equations [..., 2, 2] and [..., 2] ask for."""
    step, _ = torch.linalg.solve_ex(normal, right[..., None])
    length: Tensor = step[..., 0].norm(dim=-1)
    return length


def robust_variance(residual: Tensor) -> Tensor:
    """Variance of residuals of any shape, by their median; one of 16 bits at least."""
    return (NORMAL * residual.abs().median()).square().clamp_min(LEAST_VARIANCE)

"""Kernels that follow edges: the covariance of the regression kernel at each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.exported import sum_tensors

MARGIN_PX = 3
"""Margin that :class:`Steering` consumes: two smoothings and a difference."""
NOISE_PASS = 0.1 / 3
"""What a slope's energy gains from unit noise in each color, after smoothing."""
SMALLEST_ENERGY = 1e-4
"""Energy of slopes under which a pixel hardly counts as an edge, on values in [0, 1]."""
SCALE = 16.0
"""Factor of slopes, so that half precision holds their squares."""
FLAT = 1e-3
"""Energy of slopes, so scaled, by which nothing is divided by 0."""
ROUND = 1e-6
"""Square of the share of one direction under which there is none."""


@dataclass(frozen=True)
class SteeringConfig:
    """Settings of :class:`Steering`.

    Attributes:
        narrowing: part of the kernel's width that a clear edge takes away across it, 0 to 1; 0
            leaves the kernel round.
        stretching: part that it adds along it.
    """

    narrowing: float = 0.4
    stretching: float = 0.0


class Steering(nn.Module):
    """The quadratic form of the kernel, from the structure tensor of the reference.

    With J the 3×3 mean of ∇Y∇Yᵀ of the smoothed luma Y, and n its main direction, the kernel's
    standard deviation is σ(1 − narrowing·A) along n and σ(1 + stretching·A) across n, where
    A = s/(s + noise) in [0, 1] and s is the difference of the eigenvalues of J.

    Args:
        kernel_std_px: σ, in pixels of a frame.
        config: settings.
    """

    def __init__(self, kernel_std_px: float, config: SteeringConfig) -> None:
        super().__init__()
        self.kernel_std_px = kernel_std_px
        self.config = config

    def forward(self, reference: Tensor, noise_variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Coefficients of ½ eᵀ C⁻¹ e = xx·x² + xy·x·y + yy·y² for e = (x, y) in pixels.

        Args:
            reference: float [1, 3, T, T] in [0, 1].
            noise_variance: float [1, 1, T − 6, T − 6] or of sides 1, noise of the reference,
                averaged over colors.

        Returns:
            Three float [1, 1, T − 6, T − 6].
        """
        luma = sum_tensors([reference[:, color : color + 1] for color in range(3)]) * (1.0 / 3.0)
        slope_x, slope_y = slopes(_smoothed(luma) * SCALE)
        xx, xy, yy = (
            box_mean(product)
            for product in (slope_x * slope_x, slope_x * slope_y, slope_y * slope_y)
        )
        across = xx - yy
        # Squares of what is itself a square leave half precision, those of shares do not.
        trace = xx + yy + FLAT
        even_share, turned_share = across / trace, 2.0 * xy / trace
        share = torch.sqrt(even_share * even_share + turned_share * turned_share + ROUND)
        strength = share * trace
        noise_energy = (noise_variance * NOISE_PASS + SMALLEST_ENERGY) * SCALE**2
        # With A = s/(s + noise), 1 − k·A is (noise + (1 − k)·s)/(noise + s): one division each.
        whole = strength + noise_energy
        quarter = 0.25 / self.kernel_std_px**2
        steep = self._inverse(whole, noise_energy, strength, -self.config.narrowing) * quarter
        flat = self._inverse(whole, noise_energy, strength, self.config.stretching) * quarter
        even, turned = steep + flat, (steep - flat) / share
        return even + turned * even_share, 2.0 * turned * turned_share, even - turned * even_share

    @staticmethod
    def _inverse(whole: Tensor, noise: Tensor, strength: Tensor, change: float) -> Tensor | float:
        """1/(1 + change·A)², by one division; 1 without change, and then none.

        Delegates leave the division of a tensor by itself to the processor, and what comes after.
        """
        if change == 0.0:
            return 1.0
        share = whole / (noise + (1.0 + change) * strength)
        return share * share


def box_mean(x: Tensor) -> Tensor:
    """Means over 3×3, float [N, C, T − 2, T − 2]; sums of views are faster than pooling here."""
    down = x[..., :-2, :] + x[..., 1:-1, :] + x[..., 2:, :]
    return (down[..., :-2] + down[..., 1:-1] + down[..., 2:]) * (1.0 / 9.0)


def slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences per pixel, smoothed across (Sobel/8): float [N, C, T − 2, T − 2] each."""
    down = x[..., :-2, :] + 2.0 * x[..., 1:-1, :] + x[..., 2:, :]
    right = x[..., :-2] + 2.0 * x[..., 1:-1] + x[..., 2:]
    slope_x = (down[..., 2:] - down[..., :-2]) * 0.125
    slope_y = (right[..., 2:, :] - right[..., :-2, :]) * 0.125
    return slope_x, slope_y


def _smoothed(x: Tensor) -> Tensor:
    rows = (x[..., :-2, :] + 2.0 * x[..., 1:-1, :] + x[..., 2:, :]) * 0.25
    return (rows[..., :-2] + 2.0 * rows[..., 1:-1] + rows[..., 2:]) * 0.25

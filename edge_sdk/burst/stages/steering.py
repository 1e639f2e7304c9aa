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
"""Factor of slopes and of differences, so that half precision holds their squares."""
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

    With J the 3×3 mean of ∇Y∇Yᵀ, Y the smoothed mean of the colors, and n its main direction, the
    kernel's standard deviation is σ(1 − narrowing·A) along n and σ(1 + stretching·A) across n,
    where A = s/(s + noise) in [0, 1] and s is the difference of the eigenvalues of J.

    Args:
        kernel_std_px: σ, in pixels of a frame.
        config: settings.
    """

    def __init__(self, kernel_std_px: float, config: SteeringConfig) -> None:
        super().__init__()
        self.kernel_std_px = kernel_std_px
        self.config = config

    def forward(
        self, slope_x: Tensor, slope_y: Tensor, noise_variance: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Coefficients of ½ eᵀ C⁻¹ e = xx·x² + xy·x·y + yy·y² for e = (x, y) in pixels.

        Args:
            slope_x: float [1, 3, T − 2, T − 2], of the reference, as :func:`slopes` gives them.
            slope_y: likewise.
            noise_variance: float [1, 1, T − 6, T − 6] or of sides 1, noise of the reference
                times ``SCALE``², averaged over colors.

        Returns:
            Three float [1, 1, T − 6, T − 6].
        """
        slope_x, slope_y = (_smoothed(_of_luma(slope)) for slope in (slope_x, slope_y))
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
        noise_energy = noise_variance * NOISE_PASS + SMALLEST_ENERGY * SCALE**2
        # 1/σ² over what it is without an edge, less 1: of what is near 1, half precision would keep
        # few digits of the part that turns the kernel.
        steep = self._excess(noise_energy, strength, -self.config.narrowing)
        flat = self._excess(noise_energy, strength, self.config.stretching)
        quarter = 0.25 / self.kernel_std_px**2
        even, turned = (steep + flat) * quarter + 2.0 * quarter, (steep - flat) * quarter / share
        return even + turned * even_share, 2.0 * turned * turned_share, even - turned * even_share

    @staticmethod
    def _excess(noise: Tensor, strength: Tensor, change: float) -> Tensor | float:
        """1/(1 + change·A)² − 1 = u·(u + 2), by one division; 0 without change, and then none.

        With A = s/(s + noise), u = 1/(1 + change·A) − 1 is −change·s/(noise + (1 + change)·s).
        Delegates leave the division of a tensor by itself to the processor, and what comes after.
        """
        if change == 0.0:
            return 0.0
        excess = strength * -change / (noise + (1.0 + change) * strength)
        return excess * (excess + 2.0)


def box_mean(x: Tensor) -> Tensor:
    """Means over 3×3, float [N, C, T − 2, T − 2]; sums of views are faster than pooling here."""
    down = x[..., :-2, :] + x[..., 1:-1, :] + x[..., 2:, :]
    return (down[..., :-2] + down[..., 1:-1] + down[..., 2:]) * (1.0 / 9.0)


def box_variance(x: Tensor) -> Tensor:
    """Variances over 3×3, float [N, C, T − 2, T − 2].

    The mean variance of columns of three and the variance of their means, each from the squares of
    differences between pairs: less than the difference of two large sums would leave is lost in
    half precision.
    """
    columns = _pair_squares(x[..., :-2, :], x[..., 1:-1, :], x[..., 2:, :])
    sums = x[..., :-2, :] + x[..., 1:-1, :] + x[..., 2:, :]
    within = columns[..., :-2] + columns[..., 1:-1] + columns[..., 2:]
    between = _pair_squares(sums[..., :-2], sums[..., 1:-1], sums[..., 2:])
    return within * (1.0 / 27.0) + between * (1.0 / 81.0)


def _pair_squares(first: Tensor, second: Tensor, third: Tensor) -> Tensor:
    """Nine times the variance of three values."""
    near, next_, far = second - first, third - second, third - first
    return near * near + next_ * next_ + far * far


def slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences per pixel, smoothed across (Sobel/8): float [N, C, T − 2, T − 2] each."""
    # Differences first: near values have an exact one in any precision.
    right, down = x[..., 2:] - x[..., :-2], x[..., 2:, :] - x[..., :-2, :]
    slope_x = (right[..., :-2, :] + 2.0 * right[..., 1:-1, :] + right[..., 2:, :]) * 0.125
    slope_y = (down[..., :-2] + 2.0 * down[..., 1:-1] + down[..., 2:]) * 0.125
    return slope_x, slope_y


def _of_luma(slope: Tensor) -> Tensor:
    """Slopes of the mean of the colors, times ``SCALE``."""
    return sum_tensors([slope[:, color : color + 1] for color in range(3)]) * (SCALE / 3.0)


def _smoothed(x: Tensor) -> Tensor:
    rows = (x[..., :-2, :] + 2.0 * x[..., 1:-1, :] + x[..., 2:, :]) * 0.25
    return (rows[..., :-2] + 2.0 * rows[..., 1:-1] + rows[..., 2:]) * 0.25

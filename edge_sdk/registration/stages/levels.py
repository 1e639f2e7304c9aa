"""Stages ``smooth``, ``halve`` and ``surround``: the levels that a frame is compared on.

The driver crops tiles with the margins named here, pixels beyond the edge taking the nearest one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.imaging.separable import gaussian_taps, separable

SMOOTH_PX = 1.0
"""Standard deviation of the blur of the finest level, against noise."""
HALVING_PX = 0.5
"""Standard deviation of the blur after a mean of 2×2, which alone would leave a level aliased."""
SURROUNDINGS_PX = 2.0
"""Standard deviation of the blur that surroundings are taken by."""
SMOOTH_HALO_PX = 3
"""Margin that :class:`Smooth` consumes."""
HALVE_HALO_PX = 4
"""Margin that :class:`Halve` consumes, in pixels of its input."""
SURROUND_HALO_PX = 6
"""Margin that :class:`Surround` consumes."""


class _Blur(nn.Module):
    """A Gaussian along both axes, float [N, 1, H, W] to [N, 1, H − 2·reach, W − 2·reach].

    In a graph it is one convolution, which an NPU sums up in more than half precision; beside one
    it is a sum of views, which a processor is faster with.
    """

    kernel: Tensor

    def __init__(self, std_px: float) -> None:
        super().__init__()
        taps = gaussian_taps(std_px)
        self.taps = taps.tolist()
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return functional.conv2d(x, self.kernel)
        return separable(x, self.taps)


class Smooth(nn.Module):
    """The finest level of luma Y: G ∗ Y, G a Gaussian of ``SMOOTH_PX``."""

    def __init__(self) -> None:
        super().__init__()
        self.blur = _Blur(SMOOTH_PX)

    def forward(self, luma: Tensor) -> Tensor:
        """Float [N, 1, T + 6, T + 6] in [0, 1] to float [N, 1, T, T]; T need not be square."""
        smooth: Tensor = self.blur(luma)
        return smooth


class Halve(nn.Module):
    """The level above: means of 2×2 pixels, blurred by a Gaussian of ``HALVING_PX``."""

    def __init__(self) -> None:
        super().__init__()
        self.blur = _Blur(HALVING_PX)

    def forward(self, level: Tensor) -> Tensor:
        """Float [N, 1, 2·T + 8, 2·T + 8] to float [N, 1, T, T]; T need not be square."""
        half: Tensor = self.blur(_means(level))
        return half


class Surround(nn.Module):
    """What a level differs by from its surroundings: h = Y − G ∗ Y, G of ``SURROUNDINGS_PX``."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.blur = _Blur(SURROUNDINGS_PX)
        # Δ − G as one kernel: half precision has few digits for the difference of two levels.
        kernel = -self.blur.kernel
        kernel[..., SURROUND_HALO_PX, SURROUND_HALO_PX] += 1.0
        self.register_buffer("kernel", kernel, persistent=False)

    def forward(self, level: Tensor) -> Tensor:
        """Float [N, 1, T + 12, T + 12] to float [N, 1, T, T]; T need not be square."""
        if torch.compiler.is_compiling():
            return functional.conv2d(level, self.kernel)
        halo = SURROUND_HALO_PX
        surroundings: Tensor = self.blur(level)
        return level[..., halo:-halo, halo:-halo] - surroundings


def _means(x: Tensor) -> Tensor:
    # The same means: delegates take a pool, a processor is faster with sums of views.
    if torch.compiler.is_compiling():
        return functional.avg_pool2d(x, 2)
    rows = x[..., ::2, :] + x[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) * 0.25

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


class Smooth(nn.Module):
    """The finest level of luma Y: G ∗ Y, G a Gaussian of ``SMOOTH_PX``."""

    def __init__(self) -> None:
        super().__init__()
        self.taps = gaussian_taps(SMOOTH_PX).tolist()

    def forward(self, luma: Tensor) -> Tensor:
        """Float [N, 1, T + 6, T + 6] in [0, 1] to float [N, 1, T, T]; T need not be square."""
        return separable(luma, self.taps)


class Halve(nn.Module):
    """The level above: means of 2×2 pixels, blurred by a Gaussian of ``HALVING_PX``."""

    def __init__(self) -> None:
        super().__init__()
        self.taps = gaussian_taps(HALVING_PX).tolist()

    def forward(self, level: Tensor) -> Tensor:
        """Float [N, 1, 2·T + 8, 2·T + 8] to float [N, 1, T, T]; T need not be square."""
        return separable(_means(level), self.taps)


class Surround(nn.Module):
    """What a level differs by from its surroundings: h = Y − G ∗ Y, G of ``SURROUNDINGS_PX``."""

    def __init__(self) -> None:
        super().__init__()
        self.taps = gaussian_taps(SURROUNDINGS_PX).tolist()

    def forward(self, level: Tensor) -> Tensor:
        """Float [N, 1, T + 12, T + 12] to float [N, 1, T, T]; T need not be square."""
        halo = SURROUND_HALO_PX
        return level[..., halo:-halo, halo:-halo] - separable(level, self.taps)


def _means(x: Tensor) -> Tensor:
    # The same means: delegates take a pool, a processor is faster with sums of views.
    if torch.compiler.is_compiling():
        return functional.avg_pool2d(x, 2)
    rows = x[..., ::2, :] + x[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) * 0.25

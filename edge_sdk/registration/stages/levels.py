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
    """The finest level of luma Y: G ∗ Y, G a Gaussian of ``SMOOTH_PX``.

    Args:
        convolves: whether by one convolution, see :class:`Convolved`.
    """

    def __init__(self, *, convolves: bool = False) -> None:
        super().__init__()
        self.blur = _blur(SMOOTH_PX, convolves)

    def forward(self, luma: Tensor) -> Tensor:
        """Float [N, 1, T + 6, T + 6] in [0, 1] to float [N, 1, T, T]; T need not be square."""
        smooth: Tensor = self.blur(luma)
        return smooth


class Halve(nn.Module):
    """The level above: means of 2×2 pixels, blurred by a Gaussian of ``HALVING_PX``.

    Args:
        convolves: whether by one convolution, see :class:`Convolved`.
    """

    def __init__(self, *, convolves: bool = False) -> None:
        super().__init__()
        self.blur = _blur(HALVING_PX, convolves)

    def forward(self, level: Tensor) -> Tensor:
        """Float [N, 1, 2·T + 8, 2·T + 8] to float [N, 1, T, T]; T need not be square."""
        half: Tensor = self.blur(_means(level))
        return half


class Surround(nn.Module):
    """What a level differs by from its surroundings: h = Y − G ∗ Y, G of ``SURROUNDINGS_PX``.

    Args:
        convolves: whether by one convolution, see :class:`Convolved`.
    """

    def __init__(self, *, convolves: bool = False) -> None:
        super().__init__()
        self.less_blur = _less_blur(SURROUNDINGS_PX) if convolves else _LessViews(SURROUNDINGS_PX)

    def forward(self, level: Tensor) -> Tensor:
        """Float [N, 1, T + 12, T + 12] to float [N, 1, T, T]; T need not be square."""
        difference: Tensor = self.less_blur(level)
        return difference


class Convolved(nn.Module):
    """One convolution, the form for half precision: an NPU adds up its products more exactly.

    Sums of views, which are rounded one by one, are several times as fast on a processor.

    Args:
        kernel: float32 [K, K].
    """

    kernel: Tensor

    def __init__(self, kernel: Tensor) -> None:
        super().__init__()
        self.register_buffer("kernel", kernel[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Float [N, 1, H, W] to float [N, 1, H − K + 1, W − K + 1]."""
        return functional.conv2d(x, self.kernel)


class _Views(nn.Module):
    def __init__(self, std_px: float) -> None:
        super().__init__()
        self.taps = gaussian_taps(std_px).tolist()

    def forward(self, x: Tensor) -> Tensor:
        return separable(x, self.taps)


class _LessViews(_Views):
    def forward(self, x: Tensor) -> Tensor:
        halo = len(self.taps) // 2
        return x[..., halo:-halo, halo:-halo] - super().forward(x)


def _blur(std_px: float, convolves: bool) -> nn.Module:
    taps = gaussian_taps(std_px)
    return Convolved(torch.outer(taps, taps)) if convolves else _Views(std_px)


def _less_blur(std_px: float) -> Convolved:
    """Δ − G as one kernel of half precision, whose sum stays 0: no brightness comes through."""
    taps = gaussian_taps(std_px)
    kernel, middle = -torch.outer(taps, taps), len(taps) // 2
    kernel[middle, middle] += 1.0
    return Convolved(_in_half(kernel))


def _in_half(kernel: Tensor) -> Tensor:
    """What rounding takes from a value goes to the next smaller one: the sum keeps its digits."""
    rounded, left = torch.empty_like(kernel).flatten(), 0.0
    for place in kernel.abs().flatten().argsort(descending=True, stable=True).tolist():
        wanted = float(kernel.flatten()[place]) + left
        rounded[place] = torch.tensor(wanted).half()
        left = wanted - float(rounded[place])
    return rounded.view_as(kernel)


def _means(x: Tensor) -> Tensor:
    # The same means: delegates take a pool, a processor is faster with sums of views.
    if torch.compiler.is_compiling():
        return functional.avg_pool2d(x, 2)
    rows = x[..., ::2, :] + x[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) * 0.25

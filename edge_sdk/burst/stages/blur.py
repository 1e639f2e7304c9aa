"""The blur between the true picture and the merged one, and its inverse."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

DEFAULT_LENS_PX = 0.3
"""Standard deviation of the blur of a sharp lens, in pixels of a frame: what is assumed where it
cannot be measured."""
MAX_LENS_PX = 1.0
"""Largest standard deviation of a lens blur that is undone."""


def merged_blur(scale: int, lens_std_px: float, kernel_std_px: float) -> Tensor:
    """Blur of pixel, lens and regression kernel along one axis, in finer pixels, sum 1.

    Args:
        scale: finer pixels per pixel of a frame.
        lens_std_px: standard deviation of the lens blur, in pixels of a frame.
        kernel_std_px: standard deviation of the regression, in pixels of a frame.
    """
    # The pixel: the mean of scale neighbors, at any sub-pixel position.
    pixel = torch.ones(scale) / scale
    edge = torch.tensor([0.5, 0.5]) if scale % 2 == 0 else torch.ones(1)
    kernel = _convolve(pixel, edge)
    kernel = _convolve(kernel, gaussian_taps(lens_std_px * scale))
    return _convolve(kernel, gaussian_taps(kernel_std_px * scale))


def wiener_taps(kernel: Tensor, strength: float, radius: int) -> Tensor:
    """Taps of B̂/(B̂² + λ) along one axis, cut to 2·radius + 1 without a change of their sum.

    Args:
        kernel: B, odd number of taps, symmetric.
        strength: λ.
        radius: in finer pixels.
    """
    size = 128
    padded = torch.zeros(size, dtype=torch.float64)
    padded[: len(kernel)] = kernel.double()
    response = torch.fft.fft(torch.roll(padded, -(len(kernel) // 2))).real
    inverse = torch.fft.fftshift(torch.fft.ifft(response / (response.square() + strength)).real)
    taps: Tensor = inverse[size // 2 - radius : size // 2 + radius + 1].float()
    return taps * (float(inverse.sum()) / float(taps.sum()))


def gaussian_taps(std: float) -> Tensor:
    """A sampled Gaussian, sum 1; a single tap if ``std`` is 0."""
    if std <= 0:
        return torch.ones(1)
    radius = max(1, math.ceil(3 * std))
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1.0) / std) ** 2)
    return taps / taps.sum()


def trimmed(taps: Tensor, threshold: float = 0.002) -> Tensor:
    """Symmetric taps without the tails under ``threshold`` of the largest; the sum is kept."""
    middle = len(taps) // 2
    significant = (taps.abs() >= threshold * taps.abs().max()).nonzero()
    reach = middle - int(significant.min())
    kept = taps[middle - reach : middle + reach + 1]
    return kept * (taps.sum() / kept.sum())


def separable(x: Tensor, taps: Sequence[float]) -> Tensor:
    """Filter the last two dimensions by the same symmetric taps, where all of them lie on ``x``.

    Written as sums of shifted views: on a few channels they are faster than convolutions.

    Args:
        x: float [..., H, W].
        taps: 2·reach + 1 of them.

    Returns:
        Float [..., H − 2·reach, W − 2·reach].
    """
    reach = len(taps) // 2
    for dim in (-2, -1):
        size = x.shape[dim] - 2 * reach
        total = x.narrow(dim, reach, size) * taps[reach]
        for away in range(1, reach + 1):
            # Mirrored taps share their weight.
            pair = x.narrow(dim, reach - away, size) + x.narrow(dim, reach + away, size)
            total = _plus_share(total, pair, taps[reach + away])
        x = total
    return x


def _plus_share(total: Tensor, more: Tensor, share: float) -> Tensor:
    # Delegates take a product and a sum, not both in one; beside them one pass is faster.
    if torch.compiler.is_compiling():
        return total + more * share
    return total.add_(more, alpha=share)


def _convolve(first: Tensor, second: Tensor) -> Tensor:
    padding = len(second) - 1
    return functional.conv1d(first[None, None], second.flip(0)[None, None], padding=padding)[0, 0]

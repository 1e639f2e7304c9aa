"""The blur between the true picture and the merged one, and its inverse."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging.separable import gaussian_taps

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


def trimmed(taps: Tensor, threshold: float = 0.002) -> Tensor:
    """Symmetric taps without the tails under ``threshold`` of the largest; the sum is kept."""
    middle = len(taps) // 2
    significant = (taps.abs() >= threshold * taps.abs().max()).nonzero()
    reach = middle - int(significant.min())
    kept = taps[middle - reach : middle + reach + 1]
    return kept * (taps.sum() / kept.sum())


def _convolve(first: Tensor, second: Tensor) -> Tensor:
    padding = len(second) - 1
    return functional.conv1d(first[None, None], second.flip(0)[None, None], padding=padding)[0, 0]

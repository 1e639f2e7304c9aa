"""Filters of whole pictures."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

FAR = 40.0
"""Standard deviations from which a Gaussian is 0 in any precision."""


def gaussian_blur(images: Tensor, std_px: float) -> Tensor:
    """Blur [N, C, H, W] by a Gaussian of standard deviation ``std_px``; edges are replicated."""
    if std_px <= 0:
        return images
    radius = max(1, math.ceil(3 * std_px))
    away = [min(abs(offset) / std_px, FAR) for offset in range(-radius, radius + 1)]
    weights = [math.exp(-0.5 * distance**2) for distance in away]
    total = sum(weights)
    taps = [weight / total for weight in weights]
    if images.requires_grad or images.numel() == 0:
        return _weighted_windows(images, taps)
    # One picture after the other stays in the cache; library convolutions are ten times slower.
    blurred = torch.empty_like(images)
    for image, result in zip(images, blurred, strict=True):
        result.copy_(_weighted_windows(image[None], taps)[0])
    return blurred


def _weighted_windows(images: Tensor, taps: list[float]) -> Tensor:
    radius = len(taps) // 2
    for dim in (-1, -2):
        pad = (radius, radius, 0, 0) if dim == -1 else (0, 0, radius, radius)
        padded = functional.pad(images, pad, mode="replicate")
        size = images.shape[dim]
        # Mirrored taps share their weight.
        total = padded.narrow(dim, radius, size) * taps[radius]
        for reach in range(1, radius + 1):
            pair = padded.narrow(dim, radius - reach, size) + padded.narrow(
                dim, radius + reach, size
            )
            total = total.add_(pair, alpha=taps[radius + reach])
        images = total
    return images

"""Noise of a place by its level: the curves that a burst has, as stages take and read them.

Noise of a frame is a tensor [1, 3, K, 2]: of each color, at each of the K levels ``LEVELS``, the
standard deviation of one pixel and that of a mean of 3×3 pixels, times 3. White noise has the
same twice; where neighbors go along (a camera's demosaicing, JPEG) the second is larger, and it
is what survives every average. Between levels both are interpolated linearly.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from edge_sdk.exported import sum_tensors

LEVELS = (0.0, 0.0625, 0.125, 0.25, 0.5, 1.0)
"""Values in [0, 1] at which curves of noise are given; dense where the curve of sRGB is steep."""

LUMA_SHARES = tuple(w**2 / (0.299**2 + 0.587**2 + 0.114**2) for w in (0.299, 0.587, 0.114))
"""Shares of red, green and blue in the variance of luma (BT.601) for noise of equal colors."""


def white_noise(std: float) -> Tensor:
    """White noise, the same in all colors and at all levels: float32 [1, 3, K, 2]."""
    return torch.full((1, 3, len(LEVELS), 2), std)


def noise_at(noise: Tensor, level: Tensor) -> tuple[Tensor, Tensor]:
    """Noise where a picture has certain levels.

    Args:
        noise: float [N, 3, K, 2], curves of noise.
        level: float [N, 3, h, w], a smooth picture; beyond 0 and 1 the ends of the curves hold.

    Returns:
        Standard deviation of a pixel, and three times that of a 3×3 mean, float [N, 3, h, w] each.
    """
    ramps = _ramps(level)
    return _along(noise[..., :1], ramps, level), _along(noise[..., 1:], ramps, level)


def luma_noise(noise: Tensor, level: Tensor) -> Tensor:
    """Noise of luma, as that of white noise of equal colors which gives luma the same.

    Args:
        noise: float [N, 3, K, 2], curves of noise.
        level: float [N, 3, h, w], a smooth picture.

    Returns:
        Float [N, 1, h, w], three times the standard deviation of 3×3 means.
    """
    coarse = _along(noise[..., 1:], _ramps(level), level)
    variance = coarse * coarse
    return torch.sqrt(
        sum_tensors([variance[:, c : c + 1] * share for c, share in enumerate(LUMA_SHARES)])
    )


def _ramps(level: Tensor) -> list[Tensor]:
    """How far a level has come from each of ``LEVELS`` to the next."""
    return [(level - low).clamp(0.0, high - low) for low, high in pairwise(LEVELS)]


def _along(curve: Tensor, ramps: list[Tensor], level: Tensor) -> Tensor:
    """A curve [N, 3, K, 1] at a level [N, 3, h, w]."""
    value = curve[:, :, :1] + 0.0 * level
    for place, (ramp, (low, high)) in enumerate(zip(ramps, pairwise(LEVELS), strict=True)):
        rise = curve[:, :, place + 1 : place + 2] - curve[:, :, place : place + 1]
        value = value + ramp * (rise * (1.0 / (high - low)))
    return value

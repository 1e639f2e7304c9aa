"""Ghost weights: how far a frame shows, at each pixel, what the reference shows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edge_sdk.burst.stages.noise_map import noise_at
from edge_sdk.burst.stages.steering import SCALE, box_mean, box_variance
from edge_sdk.exported import sum_tensors
from edge_sdk.imaging.margins import inner

MARGIN_PX = 4
"""Margin that the comparison consumes: the level, local means and the spread of disagreement."""
CONTRAST_SHARE = 0.15
"""Part of the local variance by which two aligned, aliased samplings of a detail may differ."""
QUANTIZATION = (1 / 255) ** 2 / 6
"""Variance of the difference of two values rounded to 8 bits."""
TOLERANCE = 2.0
"""Standard deviations of expected difference up to which two frames count as agreeing."""


class Expectation:
    """What a frame is compared with: the reference's local means, and what may differ from them.

        a = clamp(1.5·exp(−½ (e / τ²)²) − 0.1, 0, 1),    v_c = 2·s_c²/9 + 0.15·var + quantization,
        e = max(⅓ Σ_c d_c²/v_c, Σ_c d_c² / Σ_c v_c),

    with d the difference of the 3×3 means, s_c²/9 the variance that noise of color c gives such a
    mean at its level (that of a wider mean: noise must not choose what it is judged by), and var
    the reference's local variance less its noise, averaged over colors (after Wronski et al. 2019).
    Each color is judged by its own noise, and all together by that of all: a ghost in the noisiest
    color alone fails the second, one in a clean color the first. The worst of 5×5 neighbors counts:
    a ghost's edge agrees by chance.

    Args:
        reference: float [1, 3, T, T] in [0, 1].
        noise: float [1, 3, K, 2], as :func:`~edge_sdk.burst.stages.noise_map.noise_at` takes it.

    Attributes:
        noise_variance: float [1, 1, T − 4, T − 4], (``SCALE``·s)² averaged over colors.
    """

    def __init__(self, reference: Tensor, noise: Tensor) -> None:
        mean = box_mean(reference)
        fine, coarse = noise_at(noise * SCALE, box_mean(mean))
        fine, coarse = fine * fine, coarse * coarse
        self.noise_variance = _over_colors(coarse)
        spread = box_variance(inner(reference, 1) * SCALE)
        # Of a pixel's variance, that of the mean is no deviation from the mean.
        contrast = _over_colors(spread - fine + coarse * (1 / 9)).clamp(0, SCALE**2)
        factor = TOLERANCE**2 * math.sqrt(2.0) * 3.0
        # Two means of nine pixels differ by 2s²/9; sub-pixel sampling adds a part of the contrast.
        self._common = (contrast * CONTRAST_SHARE + QUANTIZATION * SCALE**2) * factor
        self._by_color = coarse * (2 / 9 * factor)
        self._together = self.noise_variance * (2 / 9 * factor)

    def agreement(self, difference: Tensor, noise_share: Tensor | None = None) -> Tensor:
        """How far a frame shows what the reference shows.

        Args:
            difference: float [N, 3, T − 2, T − 2], the frame, brought to the reference's pixels,
                less the reference.
            noise_share: float [N, 1, T − 2, 1], variance that noise gives the difference to such
                a frame over that between two frames in the light of the reference; ``None`` for 1.

        Returns:
            Float [N, 1, T − 8, T − 8] in [0, 1]: 1 where both show the same thing.
        """
        distance = box_mean(difference) * SCALE
        square = distance * distance
        by_color, together = self._by_color, self._together
        if noise_share is not None:
            share = noise_share[:, :, 1:-1]
            by_color, together = by_color * share, together * share
        excess = _larger(
            _sum_of_colors(square / (by_color + self._common)),
            _sum_of_colors(square) / (together + self._common),
        )
        agreed = (1.5 * torch.exp(-(excess * excess)) - 0.1).clamp(0, 1)
        return _worst(agreed)


def _larger(first: Tensor, second: Tensor) -> Tensor:
    # The same to the bit: Vulkan's delegate takes a minimum and leaves a maximum behind.
    if torch.compiler.is_compiling():
        return -torch.minimum(-first, -second)
    return torch.maximum(first, second)


def _worst(x: Tensor) -> Tensor:
    """The least of 5×5."""
    two = torch.minimum(x[..., :-1, :], x[..., 1:, :])
    four = torch.minimum(two[..., :-2, :], two[..., 2:, :])
    five = torch.minimum(four[..., :-1, :], x[..., 4:, :])
    two = torch.minimum(five[..., :-1], five[..., 1:])
    four = torch.minimum(two[..., :-2], two[..., 2:])
    return torch.minimum(four[..., :-1], five[..., 4:])


def _sum_of_colors(x: Tensor) -> Tensor:
    # A sum over channels, in operators that delegates take.
    return sum_tensors([x[:, color : color + 1] for color in range(3)])


def _over_colors(x: Tensor) -> Tensor:
    return _sum_of_colors(x) * (1.0 / 3.0)

"""Ghost weights: how far a frame shows, at each pixel, what the reference shows."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edge_sdk.burst.stages.steering import box_mean
from edge_sdk.exported import sum_tensors

MARGIN_PX = 3
"""Margin that the comparison consumes: the local means and the spread of disagreement."""
CONTRAST_SHARE = 0.15
"""Part of the local variance by which two aligned, aliased samplings of a detail may differ."""
QUANTIZATION = (1 / 255) ** 2 / 6
"""Variance of the difference of two values rounded to 8 bits."""
TOLERANCE = 2.0
"""Standard deviations of expected difference up to which two frames count as agreeing."""


class Expectation:
    """What a frame is compared with: the reference's local means, and what may differ from them.

        a = clamp(1.5·exp(−½ (d² / (τ²·v))²) − 0.1, 0, 1),    v = 2σ²/9 + 0.15·var + quantization,

    with d² the squared difference of the 3×3 means, averaged over colors, and var the reference's
    local variance less its noise (after Wronski et al. 2019). The worst of 5×5 neighbors counts:
    a ghost's edge agrees by chance.

    Args:
        reference: float [1, 3, T, T] in [0, 1].
        noise_std: float [1, 1, 1, 1], noise of one frame on the same values.
    """

    def __init__(self, reference: Tensor, noise_std: Tensor) -> None:
        self.mean = box_mean(reference)
        spread = box_mean(reference * reference) - self.mean * self.mean
        noise = noise_std * noise_std
        contrast = (_over_colors(spread) - noise).clamp(0, 1)
        # Two means of nine pixels differ by 2σ²/9; sub-pixel sampling adds a part of the contrast.
        expected = noise * (2 / 9) + contrast * CONTRAST_SHARE + QUANTIZATION
        self.limit = expected * (TOLERANCE**2 * math.sqrt(2.0))

    def agreement(self, frame: Tensor) -> Tensor:
        """How far a frame shows what the reference shows.

        Args:
            frame: float [N, 3, T, T], brought to the reference's pixels.

        Returns:
            Float [N, 1, T − 6, T − 6] in [0, 1]: 1 where both show the same thing.
        """
        difference = box_mean(frame) - self.mean
        excess = _over_colors(difference * difference) / self.limit
        agreed = (1.5 * torch.exp(-(excess * excess)) - 0.1).clamp(0, 1)
        return _worst(agreed)


def agreement(reference: Tensor, frame: Tensor, noise_std: Tensor) -> Tensor:
    """Compare a frame with the reference: :class:`Expectation` of one, applied to the other."""
    return Expectation(reference, noise_std).agreement(frame)


def _worst(x: Tensor) -> Tensor:
    """The least of 5×5."""
    two = torch.minimum(x[..., :-1, :], x[..., 1:, :])
    four = torch.minimum(two[..., :-2, :], two[..., 2:, :])
    five = torch.minimum(four[..., :-1, :], x[..., 4:, :])
    two = torch.minimum(five[..., :-1], five[..., 1:])
    four = torch.minimum(two[..., :-2], two[..., 2:])
    return torch.minimum(four[..., :-1], five[..., 4:])


def _over_colors(x: Tensor) -> Tensor:
    # A mean over channels, in operators that delegates take.
    return sum_tensors([x[:, color : color + 1] for color in range(3)]) * (1.0 / 3.0)

"""Ghost weights: how far a frame shows, at each pixel, what the reference shows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.reparam.block import sum_tensors

MARGIN_PX = 3
"""Margin that :func:`agreement` consumes: the local means and the spread of disagreement."""
CONTRAST_SHARE = 0.15
"""Part of the local variance by which two aligned, aliased samplings of a detail may differ."""
QUANTISATION = (1 / 255) ** 2 / 6
"""Variance of the difference of two values rounded to 8 bits."""
TOLERANCE = 2.0
"""Standard deviations of expected difference up to which two frames count as agreeing."""


def agreement(reference: Tensor, frame: Tensor, noise_std: Tensor) -> Tensor:
    """Compare 3×3 means of frame and reference with what noise and contrast explain.

        a = clamp(1.5·exp(−½ (d² / (τ²·v))²) − 0.1, 0, 1),    v = 2σ²/9 + 0.15·var + quantisation,

    with d² the squared difference of the means, averaged over colours, and var the reference's
    local variance less its noise (after Wronski et al. 2019). The worst of 5×5 neighbours counts:
    a ghost's edge agrees by chance.

    Args:
        reference: float [1, 3, T, T] in [0, 1].
        frame: float [N, 3, T, T], brought to the reference's pixels.
        noise_std: float [1, 1, 1, 1], noise of one frame on the same values.

    Returns:
        Float [N, 1, T − 6, T − 6] in [0, 1]: 1 where both show the same thing.
    """
    mean = functional.avg_pool2d(reference, 3, 1)
    spread = functional.avg_pool2d(reference * reference, 3, 1) - mean * mean
    difference = functional.avg_pool2d(frame, 3, 1) - mean
    distance = _over_colours(difference * difference)
    noise = noise_std * noise_std
    contrast = (_over_colours(spread) - noise).clamp(0, 1)
    # Two means of nine pixels differ by 2σ²/9; sub-pixel sampling adds a part of the contrast.
    expected = noise * (2 / 9) + contrast * CONTRAST_SHARE + QUANTISATION
    excess = distance / (expected * TOLERANCE**2)
    agreed = (1.5 * torch.exp(-0.5 * excess * excess) - 0.1).clamp(0, 1)
    return -functional.max_pool2d(-agreed, 5, 1)


def _over_colours(x: Tensor) -> Tensor:
    # A mean over channels, in operators that delegates take.
    return sum_tensors([x[:, colour : colour + 1] for colour in range(3)]) * (1.0 / 3.0)

"""How far the target of a sample agrees with its far reference."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from edge_sdk.imaging import resize_bicubic, rgb_to_ycbcr
from edge_sdk.imaging.filters import gaussian_blur

SOFT_PX = 1.0
"""Blur before the correlation: noise of the far reference is not what it measures."""


@dataclass(frozen=True)
class PairQuality:
    """Agreement of a target with its far reference.

    Attributes:
        psnr_db: PSNR of the far reference, enlarged bicubically, against the target, where it
            counts. What the far lens does not resolve is in it.
        psnr_far_db: the same on the far grid, with both equally blurred: what is left is noise,
            misalignment and color.
        correlation: of luma on the far grid, blurred by 1 px, where it counts.
        valid: share of the target that counts.
    """

    psnr_db: float
    psnr_far_db: float
    correlation: float
    valid: float


def measure_quality(
    clip: Tensor, target: Tensor, mask: Tensor, matched: Tensor, reference: Tensor, kept: Tensor
) -> PairQuality:
    """Measure a pair.

    Args:
        clip: float32 [3, H, W], the far reference.
        target: float32 [3, s·H, s·W].
        mask: bool [s·H, s·W], where the target counts.
        matched: float32 [3, H, W], the near image on the far grid, in its colors, equally blurred.
        reference: float32 [3, H, W], the far reference, equally blurred.
        kept: bool [H, W], where they count.
    """
    enlarged = resize_bicubic(clip, size=(target.shape[-2], target.shape[-1])).clamp(0, 1)
    first, second = (
        gaussian_blur(rgb_to_ycbcr(image)[None, :1], SOFT_PX)[0, 0][kept].double()
        for image in (matched, reference)
    )
    first, second = first - first.mean(), second - second.mean()
    size = float((first.square().sum() * second.square().sum()).sqrt())
    return PairQuality(
        psnr_db=masked_psnr(enlarged, target, mask),
        psnr_far_db=masked_psnr(matched, reference, kept),
        correlation=float((first * second).sum()) / max(size, 1e-12),
        valid=float(mask.double().mean()),
    )


def masked_psnr(first: Tensor, second: Tensor, mask: Tensor) -> float:
    """PSNR in dB of two images [C, H, W] in [0, 1] where ``mask`` [H, W] is true."""
    error = float((first - second).double().square().mean(0)[mask].mean())
    return math.inf if error == 0 else -10 * math.log10(error)

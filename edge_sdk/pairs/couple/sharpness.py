"""How much blurrier one of two aligned pictures is than the other."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.burst.reference.noise import estimate_noise_std
from edge_sdk.imaging.filters import gaussian_blur

STEPS_PX = tuple(step / 10 for step in range(0, 11)) + tuple(1 + step / 5 for step in range(1, 26))
"""Blurs that are tried: to 1 px in tenths, to 6 px in fifths."""
PATIENCE = 3
"""Steps without a gain after which no larger blur is tried."""
SOFT_PX = 2.0
OUTLIER, FITS = 3.0, 5
"""Robust standard deviations beyond which pixels show something else, and rounds of the fit."""
BORDER_PX = 8
"""Beyond the edge a blur knows nothing."""


def relative_blur_px(near: Tensor, far: Tensor) -> float:
    """Standard deviation of the Gaussian that makes one picture as blurry as the other.

    For each σ the sharper picture is blurred and fitted to the other by gain and offset,

        D(σ) = mean (G_σ∗N·g + b − F)² − σ_F² − g²·σ_N²·‖G_σ‖²,

    σ_F and σ_N their noise; the least D, of blurring N or of blurring F, wins. Pixels count where
    both agree under a blur of 2 px, which hardly shows what is sharper: things that moved do not.

    Args:
        near: float32 [1, H, W] in [0, 1], luma, on the far grid.
        far: float32 [1, H, W], luma.

    Returns:
        σ in pixels, positive where the far picture is blurrier, negative where the near one is.
    """
    noise_far, noise_near = (float(estimate_noise_std(image[None])) for image in (far, near))
    inner = (..., slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
    agree = _agreeing(near, far)[inner]
    far_blur, best_far = _least(near, far, (noise_near, noise_far), agree)
    near_blur, best_near = _least(far, near, (noise_far, noise_near), agree)
    return far_blur if best_far <= best_near else -near_blur


def equally_blurred(near: Tensor, far: Tensor, blur_px: float) -> tuple[Tensor, Tensor]:
    """Blur the sharper of two pictures [C, H, W] so that both show the same detail.

    Args:
        near: the near picture on the far grid.
        far: the far picture.
        blur_px: as :func:`relative_blur_px` says.
    """
    if blur_px >= 0:
        return gaussian_blur(near[None], blur_px)[0], far
    return near, gaussian_blur(far[None], -blur_px)[0]


def _agreeing(near: Tensor, far: Tensor) -> Tensor:
    """Bool [1, H, W]: where two pictures, fitted robustly, show the same thing."""
    first, second = (gaussian_blur(image[None], SOFT_PX)[0].double() for image in (near, far))
    agree = torch.ones_like(first, dtype=torch.bool)
    for _ in range(FITS):
        gain, offset = _fit(first[agree], second[agree])
        difference = (gain * first + offset - second).abs()
        agree = difference <= OUTLIER * 1.4826 * difference.median().clamp_min(1e-6)
    return agree


def _fit(values: Tensor, target: Tensor) -> tuple[float, float]:
    """Gain and offset of least squares."""
    mean, other = values.mean(), target.mean()
    variance = (values - mean).square().mean().clamp_min(1e-12)
    gain = float(((values - mean) * (target - other)).mean() / variance)
    return gain, float(other) - gain * float(mean)


def _least(
    sharp: Tensor, soft: Tensor, noise: tuple[float, float], agree: Tensor
) -> tuple[float, float]:
    """The blur of least misfit, and that misfit; larger ones are not tried once it rises."""
    found, best, rising = 0.0, float("inf"), 0
    for step in STEPS_PX:
        misfit = _misfit(sharp, soft, step, noise, agree)
        if misfit < best:
            found, best, rising = step, misfit, 0
        else:
            rising += 1
        if rising > PATIENCE:
            break
    return found, best


def _misfit(
    sharp: Tensor, soft: Tensor, std_px: float, noise: tuple[float, float], agree: Tensor
) -> float:
    """D over the variance of the softer picture; noise is that of the sharp and the soft one."""
    inner = (..., slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
    blurred = gaussian_blur(sharp[None], std_px)[0][inner].double()[agree]
    target = soft[inner].double()[agree]
    gain, offset = _fit(blurred, target)
    misfit = float((gain * blurred + offset - target).square().mean())
    left = noise[1] ** 2 + gain**2 * noise[0] ** 2 * _passed(std_px)
    return (misfit - left) / float(target.var(correction=0).clamp_min(1e-12))


def _passed(std_px: float) -> float:
    """Share of white noise's variance that a blur leaves, ‖G_σ‖²."""
    impulse = torch.zeros(1, 1, 41, 41)
    impulse[..., 20, 20] = 1.0
    return float(gaussian_blur(impulse, std_px).square().sum())

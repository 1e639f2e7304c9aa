"""How close two images are: PSNR, PSNR of luma as the benchmarks take it, and SSIM."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.imaging.color import rgb_to_ycbcr
from edge_sdk.imaging.picture import quantize

_SSIM_WINDOW_PX = 11
_SSIM_SIGMA_PX = 1.5


def psnr(a: Tensor, b: Tensor, peak: float = 1.0, border: int = 0) -> float:
    """Peak signal-to-noise ratio, 10·log₁₀(peak² / mean((a − b)²)).

    Args:
        a: float [..., H, W] in [0, peak], any color.
        b: same shape.
        peak: largest possible value.
        border: pixels left out on every side.

    Returns:
        Decibels; infinite for equal images.

    Raises:
        InputError: if shapes differ, an image is not float, ``peak`` is not positive, or the border
            leaves nothing.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import psnr
        >>> black = torch.zeros(3, 8, 8)
        >>> round(psnr(black, black + 0.1), 2)
        20.0
        >>> psnr(black, black)
        inf
    """
    _check_pair(a, b)
    if not peak > 0:
        raise InputError(f"peak must be positive, not {peak}")
    if border < 0 or 2 * border >= min(a.shape[-2:]):
        height, width = a.shape[-2:]
        raise InputError(f"a border of {border} px leaves nothing of {width}×{height} px")
    difference = a.detach().double() - b.detach().double()
    inside = (..., slice(border, a.shape[-2] - border), slice(border, a.shape[-1] - border))
    error = float(difference[inside].square().mean())
    return math.inf if error == 0 else 10 * math.log10(peak * peak / error)


def psnr_y(a: Tensor, b: Tensor, border: int) -> float:
    """PSNR of BT.601 luma in 8 bits, as super-resolution papers report it.

    The protocol: the high-resolution image is cropped to a multiple of the scale, reduced by
    ``resize_bicubic``, rounded to 8 bits, enlarged by the method under test and rounded to 8 bits
    again; ``border`` is the scale. Luma is rounded to 8 bits, as MATLAB's ``rgb2ycbcr`` does for
    8-bit images. A gray image is luma already.

    Args:
        a: float [..., 3, H, W], sRGB-encoded R, G, B in [0, 1]; or [..., 1, H, W], luma in [0, 1].
        b: same shape.
        border: pixels left out on every side.

    Returns:
        Decibels; infinite for equal images.

    Raises:
        InputError: as :func:`psnr`, or if there are neither one nor three channels.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import psnr_y, resize_bicubic
        >>> truth = resize_bicubic(torch.rand(3, 8, 8), 6).clamp(0, 1)
        >>> reduced = resize_bicubic(truth, 0.5).clamp(0, 1)
        >>> psnr_y(resize_bicubic(reduced, 2).clamp(0, 1), truth, border=2) > 30
        True
    """
    _check_pair(a, b)
    channels = a.shape[-3] if a.ndim >= 3 else 0
    if channels not in (1, 3):
        raise InputError(f"psnr_y takes [..., 1 or 3, H, W], not {list(a.shape)}")
    if channels == 3:
        a, b = (rgb_to_ycbcr(image.double())[..., :1, :, :] for image in (a, b))
    return psnr(quantize(a.double()), quantize(b.double()), border=border)


def ssim(a: Tensor, b: Tensor) -> float:
    """Structural similarity of Wang, Bovik, Sheikh and Simoncelli (2004), mean over channels.

    With the local means μ, variances σ² and covariance σ_ab under an 11 × 11 Gaussian window of
    standard deviation 1.5 px, C₁ = 0.01² and C₂ = 0.03²::

        (2·μ_a·μ_b + C₁)·(2·σ_ab + C₂) / ((μ_a² + μ_b² + C₁)·(σ_a² + σ_b² + C₂))

    averaged over the pixels whose window lies inside the image.

    Args:
        a: float [..., H, W] in [0, 1], at least 11 × 11 px.
        b: same shape.

    Returns:
        Similarity in [−1, 1]; 1 for equal images.

    Raises:
        InputError: if shapes differ, an image is not float, or is smaller than the window.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import ssim
        >>> picture = torch.rand(3, 24, 24)
        >>> round(ssim(picture, picture), 6)
        1.0
        >>> ssim(picture, 1 - picture) < 0
        True
    """
    _check_pair(a, b)
    height, width = a.shape[-2:]
    if min(height, width) < _SSIM_WINDOW_PX:
        raise InputError(f"ssim needs at least 11×11 px, not {width}×{height}")
    x, y = (image.detach().double().reshape(-1, 1, height, width) for image in (a, b))
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x * mean_x
    variance_y = _window_mean(y * y) - mean_y * mean_y
    covariance = _window_mean(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x.square() + mean_y.square() + c1) * (variance_x + variance_y + c2)
    )
    return float(similarity.mean())


def _window_mean(image: Tensor) -> Tensor:
    offset_px = torch.arange(_SSIM_WINDOW_PX, dtype=image.dtype, device=image.device)
    offset_px = offset_px - _SSIM_WINDOW_PX // 2
    weight = torch.exp(-0.5 * (offset_px / _SSIM_SIGMA_PX).square())
    weight = weight / weight.sum()
    rows = functional.conv2d(image, weight.reshape(1, 1, -1, 1))
    return functional.conv2d(rows, weight.reshape(1, 1, 1, -1))


def _check_pair(a: Tensor, b: Tensor) -> None:
    if a.shape != b.shape:
        raise InputError(
            f"images of shapes {list(a.shape)} and {list(b.shape)} cannot be compared; "
            "resize or crop one"
        )
    if not (a.is_floating_point() and b.is_floating_point()):
        raise InputError(f"images must be float, not {a.dtype} and {b.dtype}; divide by the peak")
    if a.ndim < 2 or a.numel() == 0:
        raise InputError(f"images must be [..., H, W] with at least one pixel, not {list(a.shape)}")

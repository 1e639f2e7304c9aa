"""Bicubic resizing as MATLAB's ``imresize`` does it, which the super-resolution benchmarks use."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Tensor

from edge_sdk.errors import InputError

_KERNEL_SUPPORT = 4


def resize_bicubic(
    image: Tensor, scale: Fraction | float | None = None, *, size: tuple[int, int] | None = None
) -> Tensor:
    """Resize with the bicubic kernel, antialiased where the image shrinks (MATLAB ``imresize``).

    Output sample i (from 0) of an axis of scale s lies at u = (i + 1/2)/s − 1/2 of the input::

        y_i = Σ_j w_ij·x_j,    w_ij ∝ h(min(1, s)·(u − j)),    Σ_j w_ij = 1

    with h the cubic convolution kernel of Keys (1981), a = −1/2. Beyond its border the image
    continues mirrored, the border pixel included. Differentiable; computed in the dtype of the
    image, with weights from float64. Not clipped: bicubic overshoots [0, 1] at edges.

    Args:
        image: float32 or float64 [..., H, W], any range and color.
        scale: output size over input size; the output is ⌈scale·H⌉ × ⌈scale·W⌉. A ``Fraction``
            avoids a pixel too many where a float is a little above the ratio meant.
        size: output (height, width), instead of ``scale``.

    Returns:
        Same dtype, [..., H', W'].

    Raises:
        InputError: if not exactly one of ``scale`` and ``size`` is given, one is not positive, or
            the image is not a float32 or float64 tensor with at least one pixel.

    Example:
        >>> from fractions import Fraction
        >>> import torch
        >>> from edge_sdk import resize_bicubic
        >>> resize_bicubic(torch.rand(3, 9, 12), Fraction(1, 3)).shape
        torch.Size([3, 3, 4])
        >>> resize_bicubic(torch.rand(2, 3, 9, 12), size=(20, 30)).shape
        torch.Size([2, 3, 20, 30])
    """
    if image.dtype not in (torch.float32, torch.float64) or image.ndim < 2 or image.numel() == 0:
        raise InputError(
            f"the image must be float32 or float64 [..., H, W] with at least one pixel, "
            f"not {image.dtype} {list(image.shape)}"
        )
    if (scale is None) == (size is None):
        raise InputError("give either scale or size to resize_bicubic, not both or neither")
    height, width = image.shape[-2:]
    ratios: tuple[Fraction | float, Fraction | float]
    if scale is not None:
        if not (scale > 0 and math.isfinite(scale)):
            raise InputError(f"scale must be a positive number, not {scale}")
        ratios = (scale, scale)
        target = (math.ceil(scale * height), math.ceil(scale * width))
    else:
        assert size is not None
        if min(size) < 1:
            raise InputError(f"size must be at least (1, 1), not {size}")
        target = size
        ratios = (Fraction(size[0], height), Fraction(size[1], width))
    # The axis that shrinks most goes first: less is left to compute for the other.
    for axis in sorted((-2, -1), key=lambda axis: ratios[axis]):
        image = _resize_axis(image, axis, target[axis], float(ratios[axis]))
    return image


def _resize_axis(image: Tensor, axis: int, length: int, scale: float) -> Tensor:
    if scale == 1.0:
        return image
    taps, weights = _contributions(image.shape[axis], length, scale)
    taps, weights = taps.to(image.device), weights.to(image)
    if axis == -2:
        weights = weights[..., None]
    result = image.index_select(axis, taps[0]) * weights[0]
    for tap, weight in zip(taps[1:], weights[1:], strict=True):
        result = torch.addcmul(result, image.index_select(axis, tap), weight)
    return result


def _contributions(input_length: int, length: int, scale: float) -> tuple[Tensor, Tensor]:
    """Input index, int64 [taps, length], and weight, float64 [taps, length], of each sample."""
    shrink = min(1.0, scale)
    support = _KERNEL_SUPPORT / shrink
    center = (torch.arange(length, dtype=torch.float64) + 0.5) / scale - 0.5
    first = torch.floor(center - support / 2)
    index = first + torch.arange(math.ceil(support) + 2, dtype=torch.float64)[:, None]
    weight = _cubic(shrink * (center - index))
    weight = weight / weight.sum(0)
    mirrored = index.to(torch.int64) % (2 * input_length)
    mirrored = torch.where(mirrored < input_length, mirrored, 2 * input_length - 1 - mirrored)
    used = weight.ne(0).any(1)
    return mirrored[used], weight[used]


def _cubic(x: Tensor) -> Tensor:
    """Keys' kernel, a = −1/2: 1.5|x|³ − 2.5x² + 1 within 1, −0.5|x|³ + 2.5x² − 4|x| + 2 to 2."""
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, torch.zeros_like(x)))

"""Color conversions: BT.601 luma and chroma, and the sRGB transfer functions.

Images are float tensors [..., C, H, W] with any leading dimensions; the result has the dtype and
device of the input. Nothing is clipped, so that every conversion has an exact inverse.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edge_sdk.errors import InputError

_RGB_TO_YCBCR = (
    (65.481, 128.553, 24.966),
    (-37.797, -74.203, 112.0),
    (112.0, -93.786, -18.214),
)
_YCBCR_OFFSET = (16.0, 128.0, 128.0)


def rgb_to_ycbcr(image: Tensor) -> Tensor:
    """Convert red, green, blue to luma and chroma: BT.601, studio swing, as MATLAB ``rgb2ycbcr``.

    ::

        255·Y  =  16 +  65.481·R + 128.553·G +  24.966·B
        255·Cb = 128 −  37.797·R −  74.203·G + 112.000·B
        255·Cr = 128 + 112.000·R −  93.786·G −  18.214·B

    Args:
        image: float [..., 3, H, W], gamma-encoded R, G, B in [0, 1].

    Returns:
        Float [..., 3, H, W]: Y in [16, 235]/255, Cb and Cr in [16, 240]/255, gray at 128/255.

    Raises:
        InputError: if the image is not a float tensor of three channels.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import rgb_to_ycbcr
        >>> white = torch.ones(3, 1, 1)
        >>> [round(255 * value) for value in rgb_to_ycbcr(white).flatten().tolist()]
        [235, 128, 128]
    """
    _check_image(image, channels=3)
    matrix = torch.tensor(_RGB_TO_YCBCR, dtype=torch.float64) / 255
    offset = torch.tensor(_YCBCR_OFFSET, dtype=torch.float64) / 255
    return _mix(image, matrix) + offset.to(image)[:, None, None]


def ycbcr_to_rgb(image: Tensor) -> Tensor:
    """Convert luma and chroma to red, green, blue: the inverse of :func:`rgb_to_ycbcr`.

    Args:
        image: float [..., 3, H, W]: Y in [16, 235]/255, Cb and Cr in [16, 240]/255.

    Returns:
        Float [..., 3, H, W], gamma-encoded R, G, B; outside [0, 1] where no such color exists.

    Raises:
        InputError: if the image is not a float tensor of three channels.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import rgb_to_ycbcr, ycbcr_to_rgb
        >>> picture = torch.rand(3, 4, 6)
        >>> torch.allclose(ycbcr_to_rgb(rgb_to_ycbcr(picture)), picture, atol=1e-6)
        True
    """
    _check_image(image, channels=3)
    matrix = torch.linalg.inv(torch.tensor(_RGB_TO_YCBCR, dtype=torch.float64) / 255)
    offset = torch.tensor(_YCBCR_OFFSET, dtype=torch.float64) / 255
    return _mix(image - offset.to(image)[:, None, None], matrix)


def srgb_to_linear(image: Tensor) -> Tensor:
    """Undo the sRGB transfer function (IEC 61966-2-1).

    ``L = V / 12.92`` for V ≤ 0.04045, else ``L = ((V + 0.055) / 1.055)^2.4``. Negative values
    follow the straight part.

    Args:
        image: float, any shape, sRGB-encoded, [0, 1].

    Returns:
        Same shape, proportional to light, [0, 1].

    Raises:
        InputError: if the image is not a float tensor.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import srgb_to_linear
        >>> [round(value, 3) for value in srgb_to_linear(torch.tensor([0.0, 0.5, 1.0])).tolist()]
        [0.0, 0.214, 1.0]
    """
    _check_image(image)
    # The clamp keeps the gradient of the branch not taken finite.
    curve = ((image.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(image <= 0.04045, image / 12.92, curve)


def linear_to_srgb(image: Tensor) -> Tensor:
    """Apply the sRGB transfer function (IEC 61966-2-1); the inverse of :func:`srgb_to_linear`.

    ``V = 12.92·L`` for L ≤ 0.0031308, else ``V = 1.055·L^(1/2.4) − 0.055``. Negative values follow
    the straight part.

    Args:
        image: float, any shape, proportional to light, [0, 1].

    Returns:
        Same shape, sRGB-encoded, [0, 1].

    Raises:
        InputError: if the image is not a float tensor.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import linear_to_srgb
        >>> half_the_light = torch.tensor([0.5])
        >>> round(255 * float(linear_to_srgb(half_the_light)))
        188
    """
    _check_image(image)
    curve = 1.055 * image.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(image <= 0.0031308, image * 12.92, curve)


def _mix(image: Tensor, matrix: Tensor) -> Tensor:
    return torch.einsum("oc,...chw->...ohw", matrix.to(image), image)


def _check_image(image: Tensor, channels: int | None = None) -> None:
    if not image.is_floating_point():
        raise InputError(f"the image must be a float tensor in [0, 1], not {image.dtype}")
    if channels is not None and (image.ndim < 3 or image.shape[-3] != channels):
        raise InputError(
            f"the image must be [..., {channels}, H, W], not {list(image.shape)}; "
            "channels come before height and width"
        )


LUMA_NOISE = math.sqrt(0.257**2 + 0.504**2 + 0.098**2)
"""Standard deviation of luma for unit noise in red, green and blue (BT.601, studio swing)."""

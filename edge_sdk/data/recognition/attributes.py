"""Brightness, contrast and saturation of a picture."""

from __future__ import annotations

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Parts of red, green and blue in BT.601's luma."""


def with_attributes(
    image: Tensor, brightness: float = 1.0, contrast: float = 1.0, saturation: float = 1.0
) -> Tensor:
    """A picture with other attributes, in this order, clipped to [0, 1] at the end.

    With Y the luma of a pixel and M the mean luma of the picture: x ← b·x; x ← M + c·(x − M);
    x ← Y + s·(x − Y). A factor of 1 changes nothing.

    Args:
        image: float32 [3, H, W], sRGB in [0, 1].
        brightness: factor b, 0 or more.
        contrast: factor c, likewise.
        saturation: factor s, likewise; 0 leaves gray.

    Returns:
        Float32 [3, H, W] in [0, 1].

    Example:
        >>> import torch
        >>> from edge_sdk.data.recognition.attributes import with_attributes
        >>> gray = with_attributes(torch.rand(3, 8, 8), saturation=0.0)
        >>> bool((gray.amax(0) - gray.amin(0) < 1e-6).all())
        True
    """
    image = image * brightness
    image = torch.lerp(_luma(image).mean(), image, contrast)
    return torch.lerp(_luma(image), image, saturation).clamp(0, 1)


def _luma(image: Tensor) -> Tensor:
    weights = torch.tensor(LUMA, dtype=image.dtype, device=image.device)[:, None, None]
    return (image * weights).sum(0, keepdim=True)

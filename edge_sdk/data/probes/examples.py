"""Photographs that scikit-image ships, public domain or CC0."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.extras import require

PHOTOS = ("coffee", "astronaut", "chelsea", "rocket")
"""coffee and chelsea are CC0, astronaut (NASA) and rocket (SpaceX) in the public domain."""


def example_photo(name: str) -> Tensor:
    """Load a photograph that scikit-image ships.

    Args:
        name: one of :data:`PHOTOS`.

    Returns:
        Float32 [3, H, W] in [0, 1], sRGB.

    Raises:
        InputError: if there is no photograph of that name.
        MissingExtraError: if the extra ``examples`` is not installed.

    Example:
        >>> from edge_sdk.data import example_photo
        >>> example_photo("coffee").shape
        torch.Size([3, 400, 600])
    """
    if name not in PHOTOS:
        raise InputError(f"no example photograph '{name}'; choose one of: {', '.join(PHOTOS)}")
    data = require("examples", "skimage.data")
    pixels = torch.from_numpy(getattr(data, name)().copy())
    return pixels.permute(2, 0, 1).float() / 255

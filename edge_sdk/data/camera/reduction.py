"""What becomes a pixel of the sensor: three ways from a finer picture to a coarser one.

``area`` integrates light over the pixel's square, as a sensor does. ``box`` and ``bicubic`` are how
published sets of pictures are reduced: on encoded values, by the mean of the square, or by bicubic
interpolation with a kernel widened against aliasing (as MATLAB's ``imresize``).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging import linear_to_srgb, resize_bicubic, srgb_to_linear

REACH_PX = {"area": 0, "box": 0, "bicubic": 2}
"""By kind, how far beyond its own square a pixel sees, in whole pixels."""
REDUCTIONS = tuple(REACH_PX)


def reduced_light(fine: Tensor, kind: str, scale: int) -> Tensor:
    """Reduce a picture.

    Args:
        fine: float32 [3, scale·H, scale·W], linear light of 0 or more.
        kind: one of :data:`REDUCTIONS`.
        scale: finer pixels per pixel in each direction.

    Returns:
        Float32 [3, H, W], linear light. Pixels as near to the edge as :data:`REACH_PX` see the edge
        repeated; light above 1 stays so but in ``bicubic``.
    """
    if kind == "area":
        return functional.avg_pool2d(fine[None], scale)[0]
    encoded = linear_to_srgb(fine)
    if kind == "box":
        return srgb_to_linear(functional.avg_pool2d(encoded[None], scale)[0])
    return srgb_to_linear(resize_bicubic(encoded, 1 / scale).clamp(0, 1))

"""The near image on the grid of the target: where each point lies on it, and the sampling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging import linear_to_srgb, srgb_to_linear
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration import MotionField, transform
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.sampling import sample_bicubic

ROWS_AT_ONCE = 128


@dataclass(frozen=True, eq=False)
class Placement:
    """Where points of the clipped far reference lie on the near image: p ↦ H(p + d(p)).

    Attributes:
        matrix: float64 [3, 3], H, centered pixel coordinates of the clip and of the near image.
        field: what is added where motion varies over the picture, clip to clip; ``None`` for
            nothing.
    """

    matrix: Tensor
    field: MotionField | None = None

    def at(self, points: Tensor) -> Tensor:
        """Positions on the near image of points of the clip, float64 [..., 2] both."""
        moved = points if self.field is None else self.field.at(points)
        return transform(self.matrix, moved.reshape(-1, 2)).reshape(points.shape)


def placed(
    near: Tensor, placement: Placement, size: tuple[int, int], scale: int, ratio: float
) -> tuple[Tensor, Tensor]:
    """Sample the near image on the target's grid, ``scale`` times finer than the far clip.

    Cubic convolution (Keys 1981, a = −0.5); where the near image is finer than the target, it is
    first blurred by a Gaussian of √(k² − 1)/2 near pixels, k near pixels per pixel of the target.

    Args:
        near: float32 [C, h, w].
        placement: clip to near image.
        size: rows and columns of the far clip.
        scale: pixels of the target per pixel of the clip.
        ratio: near pixels per far pixel.

    Returns:
        The picture, float32 [C, scale·H, scale·W], and bool [scale·H, scale·W]: true where the
        point lies on the near image.
    """
    oversampling = max(1.0, ratio / scale)
    smooth = gaussian_blur(near[None], 0.5 * math.sqrt(oversampling * oversampling - 1))[0]
    height, width = (side * scale for side in size)
    like = torch.zeros((), dtype=torch.float64)
    grid = centered_grid(height, width, step=1 / scale, like=like)
    limit = like.new_tensor([(near.shape[-1] - 1) / 2, (near.shape[-2] - 1) / 2])
    picture = torch.empty(near.shape[0], height, width)
    shown = torch.empty(height, width, dtype=torch.bool)
    for top in range(0, height, ROWS_AT_ONCE):
        rows = slice(top, top + ROWS_AT_ONCE)
        places = placement.at(grid[rows])
        shown[rows] = (places.abs() <= limit).all(-1)
        picture[:, rows] = sample_bicubic(smooth, places.float())
    return picture, shown


def reduced(target: Tensor, scale: int) -> Tensor:
    """What pixels of the far grid would collect of a target [3, s·H, s·W] in [0, 1], sRGB.

    Means over s × s in linear light, as a sensor takes them: means of encoded values are darker
    beside edges, which would shift all bright things by up to a tenth of a pixel.
    """
    if scale == 1:
        return target
    light = srgb_to_linear(target.clamp(0, 1))
    return linear_to_srgb(functional.avg_pool2d(light[None], scale)[0])

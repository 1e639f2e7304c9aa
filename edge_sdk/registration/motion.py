"""Motions between frames: 3×3 matrices on pixel coordinates around the picture's center.

The origin is the center of the picture, x to the right, y down, one unit one pixel; pixel (column
c, row r) of a picture of width W and height H lies at (c − (W − 1)/2, r − (H − 1)/2). A motion maps
a point of the reference to the point of the frame that shows the same thing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class EuclideanMotion:
    """A shift and a rotation about the picture's center.

    Attributes:
        shift_x_px: shift to the right, in pixels.
        shift_y_px: shift down, in pixels.
        angle_deg: rotation from the x axis towards the y axis (clockwise on screen), in degrees.

    Example:
        >>> from edge_sdk.registration import EuclideanMotion
        >>> motion = EuclideanMotion(shift_x_px=3.0, shift_y_px=4.0, angle_deg=0.5)
        >>> motion.length_px
        5.0
        >>> round(EuclideanMotion.of(motion.matrix).angle_deg, 6)
        0.5
    """

    shift_x_px: float
    shift_y_px: float
    angle_deg: float

    @property
    def length_px(self) -> float:
        """Length of the shift, in pixels."""
        return math.hypot(self.shift_x_px, self.shift_y_px)

    @property
    def matrix(self) -> Tensor:
        """The motion as a float64 matrix [3, 3]."""
        angle = math.radians(self.angle_deg)
        cosine, sine = math.cos(angle), math.sin(angle)
        return torch.tensor(
            [
                [cosine, -sine, self.shift_x_px],
                [sine, cosine, self.shift_y_px],
                [0.0, 0.0, 1.0],
            ],
            dtype=torch.float64,
        )

    @staticmethod
    def of(matrix: Tensor) -> EuclideanMotion:
        """Read shift and rotation at the center off a matrix [3, 3]."""
        angle = math.degrees(
            math.atan2(float(matrix[1, 0] - matrix[0, 1]), float(matrix[0, 0] + matrix[1, 1]))
        )
        return EuclideanMotion(float(matrix[0, 2]), float(matrix[1, 2]), angle)


def centered_grid(height: int, width: int, *, step: float = 1.0, like: Tensor) -> Tensor:
    """Centered coordinates of all pixels, [height, width, 2] as (x, y), in units of ``step``.

    A picture ``s`` times finer than the one in whose pixels the coordinates count has ``step=1/s``.
    """
    x = (torch.arange(width, dtype=like.dtype, device=like.device) - (width - 1) / 2) * step
    y = (torch.arange(height, dtype=like.dtype, device=like.device) - (height - 1) / 2) * step
    return torch.stack((x[None, :].expand(height, width), y[:, None].expand(height, width)), dim=-1)


def transform(matrices: Tensor, points: Tensor) -> Tensor:
    """Apply motions [..., 3, 3] to points [P, 2]; returns [..., P, 2].

    Args:
        matrices: float [..., 3, 3], homogeneous, in centered coordinates.
        points: float [P, 2] as (x, y), of the same dtype.

    Returns:
        Where they go: float [..., P, 2].

    Example:
        >>> import torch
        >>> from edge_sdk.registration import EuclideanMotion, transform
        >>> matrix = EuclideanMotion(shift_x_px=2.0, shift_y_px=0.0, angle_deg=0.0).matrix
        >>> transform(matrix, torch.tensor([[10.0, 5.0]], dtype=torch.float64)).tolist()
        [[12.0, 5.0]]
    """
    linear = points @ matrices[..., :2, :2].mT + matrices[..., None, :2, 2]
    depth = points @ matrices[..., 2:3, :2].mT + matrices[..., None, 2:3, 2]
    moved: Tensor = linear / depth
    return moved


def motion_error_px(estimate: Tensor, truth: Tensor, height: int, width: int) -> Tensor:
    """Distance between two motions [..., 3, 3] at every pixel, [..., height·width], in pixels.

    Args:
        estimate: float64 [..., 3, 3].
        truth: float64 [..., 3, 3], or one for all.
        height: rows of the picture, whose pixels are the points.
        width: columns.

    Returns:
        Float64 [..., height·width], in pixels.

    Example:
        >>> from edge_sdk.registration import EuclideanMotion, motion_error_px
        >>> truth = EuclideanMotion(shift_x_px=2.0, shift_y_px=0.0, angle_deg=0.0).matrix
        >>> estimate = EuclideanMotion(shift_x_px=2.3, shift_y_px=0.4, angle_deg=0.0).matrix
        >>> round(float(motion_error_px(estimate, truth, height=32, width=32).mean()), 6)
        0.5
    """
    points = centered_grid(height, width, like=truth).reshape(-1, 2)
    difference = transform(estimate.to(truth.dtype), points) - transform(truth, points)
    distance: Tensor = difference.norm(dim=-1)
    return distance

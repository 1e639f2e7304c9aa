"""What registration finds for one frame."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from edge_sdk.registration.field import MotionField
from edge_sdk.registration.motion import EuclideanMotion


@dataclass(frozen=True)
class Registration:
    """How one frame lies on the reference.

    Attributes:
        matrix: float64 [3, 3], reference to frame, centered pixel coordinates.
        residual_std: standard deviation, in [0, 1], of what the motion does not explain.
        overlap: share of the reference that the frame shows.
        explained: squared correlation with the reference after alignment.
        accepted: whether the frame may contribute; one without anything to see may, at rest.
        field: motion at each point of the picture: ``matrix`` plus offsets where it varies.
        reason: why it may not; empty if accepted.

    Example:
        >>> import torch
        >>> from edge_sdk.registration import register
        >>> luma = torch.nn.functional.avg_pool2d(torch.rand(1, 100, 120), 5, 1)
        >>> frame = luma[None, :, 3:83, 2:102]
        >>> result = register(luma[:, :80, :100], frame)[0]
        >>> result.accepted, result.reason
        (True, '')
    """

    matrix: Tensor
    residual_std: float
    overlap: float
    explained: float
    accepted: bool
    field: MotionField
    reason: str = ""

    @property
    def motion(self) -> EuclideanMotion:
        """Shift and rotation of the frame."""
        return EuclideanMotion.of(self.matrix)

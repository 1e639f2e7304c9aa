"""Motion that varies over the picture: one matrix for the frame and a grid of what it leaves."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration.motion import EuclideanMotion, transform


@dataclass(frozen=True, eq=False)
class MotionField:
    """Where each point of the reference lies on a frame, and how far to trust it.

    A point p goes to M p + d(p): the frame's motion M, plus the offset d that is interpolated
    bilinearly between the tiles of a regular grid and held constant beyond the outermost centers.

    Attributes:
        matrix: float64 [3, 3], M, on centered coordinates.
        offsets_px: float64 [R, C, 2], d = (x, y) at the centers of R × C equal tiles that cover the
            reference; ``None`` for zero everywhere.
        confidence: float64 [R, C] in [0, 1] of the tiles: 1 where the frame, moved like this, shows
            what the reference shows, within the noise. A flat tile that matches has 1, for there
            any motion would do. ``None`` for 1 everywhere.
        height: rows of the reference.
        width: columns of the reference.
        support: float64 [R, C] in [0, 1]: how far the tile alone, without its neighbors and the
            frame's motion, supports the motion: 0 where it is flat, dark or does not match.
            ``None`` if not measured. For reports, not for weights.
        part: part of the reference that the tiles cover; ``None`` for all of it.

    Example:
        >>> import torch
        >>> from edge_sdk.registration import EuclideanMotion, MotionField
        >>> motion = EuclideanMotion(shift_x_px=2.0, shift_y_px=-1.0, angle_deg=0.0)
        >>> field = MotionField(motion.matrix, height=48, width=64)
        >>> field.at(torch.zeros(1, 2, dtype=torch.float64)).tolist()
        [[2.0, -1.0]]
    """

    matrix: Tensor
    height: int
    width: int
    offsets_px: Tensor | None = None
    confidence: Tensor | None = None
    support: Tensor | None = None
    part: Rectangle | None = None

    def at(self, points: Tensor) -> Tensor:
        """Positions on the frame of points of the reference, float64 [..., 2] both."""
        moved = transform(self.matrix, points.reshape(-1, 2)).reshape(points.shape)
        if self.offsets_px is None:
            return moved
        return moved + self._interpolated(self.offsets_px, points)

    def confidence_at(self, points: Tensor) -> Tensor:
        """Trust in the motion at points of the reference, float64 [...] in [0, 1]."""
        if self.confidence is None:
            return torch.ones_like(points[..., 0])
        return self._interpolated(self.confidence[..., None], points)[..., 0]

    def within(self, part: Rectangle, height: int, width: int) -> MotionField:
        """The same motion on larger pictures, of which its own are a part.

        Args:
            part: where its own pictures lie on the larger ones.
            height: rows of these.
            width: columns.

        Returns:
            A motion whose points count from the middle of the larger pictures.
        """
        x, y = _middle(part, height, width)
        away = EuclideanMotion(x, y, 0.0).matrix
        matrix = away @ self.matrix @ torch.linalg.inv(away)
        tiles = self.part
        if tiles is not None:
            part = replace(tiles, left=tiles.left + part.left, top=tiles.top + part.top)
        return replace(self, matrix=matrix, height=height, width=width, part=part)

    @property
    def covered(self) -> tuple[int, int]:
        """Columns and rows that the tiles cover."""
        part = self.part
        return (self.width, self.height) if part is None else (part.width, part.height)

    def _interpolated(self, grid: Tensor, points: Tensor) -> Tensor:
        if self.part is not None:
            points = points - points.new_tensor(_middle(self.part, self.height, self.width))
        places = points / (points.new_tensor(self.covered) / 2)
        values = functional.grid_sample(
            grid.movedim(-1, 0)[None],
            places.reshape(1, 1, -1, 2),
            padding_mode="border",
            align_corners=False,
        )
        return values[0, :, 0].movedim(0, -1).reshape(*points.shape[:-1], grid.shape[-1])


def _middle(part: Rectangle, height: int, width: int) -> tuple[float, float]:
    """The middle of a part as (x, y) from that of the whole."""
    return part.left + (part.width - width) / 2, part.top + (part.height - height) / 2

"""Motion of the hand that holds the simulated camera: independent poses, or a continuous path.

A pose is a shift (x, y) in sensor pixels and an angle in degrees. Time counts in frames: frame k is
taken at time k, and the first frame's pose at time 0 is rest.

``independent`` draws shift and angle of every frame but the first uniformly within the limits: the
frames of a burst say nothing about each other. ``walk`` is a uniform cubic B-spline over knots one
frame apart: a random walk whose steps are uniform within ``STEP_SHARE`` of the limit and which is
reflected at the limits. A spline stays in the hull of its knots, so that the path keeps the limits
at every time; its acceleration is continuous, as a hand's is.

A rolling shutter reads row after row. With the readout time τ as a share of the frame interval, the
row at height y of the picture (centered, of H rows) is exposed at time k + τ·y/H.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.registration.motion import EuclideanMotion, transform

PATHS = ("independent", "walk")
STEP_SHARE = 0.75
"""Largest step of the walk between two frames, as a share of the limit."""
FIRST_KNOT_TIME = -2
"""Time of the first knot, in frames: two before the first frame, for its rows before time 0."""
_STEEPEST = 0.5
"""Pixels that a row's time may move the picture per row, so that every point is seen once."""


@dataclass(frozen=True, eq=False)
class HandMotion:
    """Where the camera is when each row of each frame is exposed.

    Attributes:
        poses: float64 [K, 3], (x, y, angle): of each frame where the poses are independent, else
            the knots of the spline at the times −2, −1, … K − 3.
        continuous: whether ``poses`` are knots.
        height: rows of a frame.
        readout: share of the frame interval that the rows are read in; 0 for all at once.
    """

    poses: Tensor
    continuous: bool
    height: int
    readout: float = 0.0

    def pose(self, index: int, delay: Tensor) -> Tensor:
        """Pose at the time ``index + delay``, float64 [..., 3].

        With u the time since the knot before and c₋₁ … c₂ the knots around,

            6·c(t) = (1 − u)³·c₋₁ + (3u³ − 6u² + 4)·c₀ + (−3u³ + 3u² + 3u + 1)·c₁ + u³·c₂.

        Independent poses do not change with the delay.
        """
        if not self.continuous:
            return self.poses[index].expand(*delay.shape, 3)
        time = delay + (index - FIRST_KNOT_TIME)
        knot = time.floor().clamp(1, self.poses.shape[0] - 3)
        u = (time - knot)[..., None]
        before = knot.long() - 1
        weights = (
            (1 - u) ** 3,
            (3 * u - 6) * u * u + 4,
            ((-3 * u + 3) * u + 3) * u + 1,
            u**3,
        )
        total = weights[0] * self.poses[before]
        for step in range(1, 4):
            total = total + weights[step] * self.poses[before + step]
        return total / 6

    def motion(self, index: int) -> EuclideanMotion:
        """Motion of frame ``index`` at the time of its middle row: frame's pixel to the scene's."""
        x, y, angle = self.pose(index, torch.zeros((), dtype=torch.float64)).tolist()
        return EuclideanMotion(x, y, angle)

    def to_scene(
        self, index: int, points: Tensor, factor: float = 1.0, clock_y: Tensor | None = None
    ) -> Tensor:
        """Where points of a frame lie in the scene, as the camera at rest sees it.

        Args:
            index: the frame.
            points: float64 [..., 2], centered, in sensor pixels.
            factor: what the shift is multiplied by for a layer that is nearer than the background.
            clock_y: float64 [...], heights at whose time the points are seen; their own by default.

        Returns:
            Float64 [..., 2], centered, in sensor pixels.
        """
        if self.readout == 0:
            found = self.motion(index)
            scaled = EuclideanMotion(
                found.shift_x_px * factor, found.shift_y_px * factor, found.angle_deg
            )
            return transform(scaled.matrix, points.reshape(-1, 2)).reshape(points.shape)
        clock = points[..., 1] if clock_y is None else clock_y
        pose = self.pose(index, clock * (self.readout / self.height))
        return _rotated(points, pose[..., 2]) + factor * pose[..., :2]

    def from_scene(self, index: int, places: Tensor, factor: float = 1.0) -> Tensor:
        """Where points of the scene lie on a frame: the inverse of :meth:`to_scene`.

        With a rolling shutter the row decides the time and the time the row: p ← M(t(p))⁻¹ q is
        repeated until it rests, which the bound on the speed of the hand makes certain.
        """
        if self.readout == 0:
            matrix = self.motion(index).matrix
            matrix[:2, 2] *= factor
            inverse = torch.linalg.inv(matrix)
            return transform(inverse, places.reshape(-1, 2)).reshape(places.shape)
        points = places
        for _ in range(60):
            pose = self.pose(index, points[..., 1] * (self.readout / self.height))
            moved = _rotated(places - factor * pose[..., :2], -pose[..., 2])
            change = float((moved - points).abs().amax())
            points = moved
            if change < 1e-10:
                break
        return points


def draw_hand_motion(
    generator: torch.Generator,
    *,
    path: str,
    frames: int,
    max_shift_px: float,
    max_angle_deg: float,
    height: int,
    width: int,
    readout: float,
    largest_factor: float = 1.0,
) -> HandMotion:
    """Draw the motion of a burst.

    Args:
        generator: source of random numbers.
        path: one of :data:`PATHS`.
        frames: number of frames.
        max_shift_px: limit of the shift in x and in y, in sensor pixels.
        max_angle_deg: limit of the angle.
        height: rows of a frame.
        width: columns of a frame.
        readout: share of the frame interval that the rows are read in, 0 to 1.
        largest_factor: shift factor of the nearest layer.

    Raises:
        InputError: if the hand may move faster than the shutter reads.
    """
    limits = (max_shift_px, max_shift_px, max_angle_deg)
    if path == "independent":
        poses = torch.stack([_independent_pose(limits, k, generator) for k in range(frames)])
        return HandMotion(poses, False, height)
    knots = _walk(torch.tensor(limits, dtype=torch.float64), frames, generator)
    motion = HandMotion(knots, True, height, readout)
    steps = (knots[1:] - knots[:-1]).abs().amax(0)
    turn_px = math.radians(float(steps[2])) * (width + height) / 2
    speed = float(steps[:2].amax()) * largest_factor + turn_px
    if speed * readout / height > _STEEPEST:
        raise InputError(
            f"the hand moves up to {speed:.0f} px per frame, too fast for a shutter that reads "
            f"{height} rows in {readout:g} of it; lower the readout or the motion"
        )
    return motion


def _independent_pose(limits: tuple[float, ...], index: int, generator: torch.Generator) -> Tensor:
    drawn = (2 * torch.rand(3, generator=generator, dtype=torch.float64) - 1).tolist()
    if index == 0:
        return torch.zeros(3, dtype=torch.float64)
    return torch.tensor(
        [value * limit for value, limit in zip(drawn, limits, strict=True)], dtype=torch.float64
    )


def _walk(limits: Tensor, frames: int, generator: torch.Generator) -> Tensor:
    """Knots at the times −2 … frames + 1; odd about time 0, so that the path is at rest there."""
    knots = [torch.zeros(3, dtype=torch.float64)]
    for _ in range(frames + 1):
        draw = 2 * torch.rand(3, generator=generator, dtype=torch.float64) - 1
        moved = knots[-1] + STEP_SHARE * draw * limits
        over = moved.abs() > limits
        knots.append(torch.where(over, moved.sign() * 2 * limits - moved, moved))
    return torch.stack([*(-knots[k] for k in range(-FIRST_KNOT_TIME, 0, -1)), *knots])


def _rotated(points: Tensor, angle_deg: Tensor) -> Tensor:
    angle = torch.deg2rad(angle_deg)
    cosine, sine = angle.cos(), angle.sin()
    x, y = points.unbind(-1)
    return torch.stack((cosine * x - sine * y, sine * x + cosine * y), dim=-1)

"""The place on a frame of what the reference shows only once."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edge_sdk.registration.motion import EuclideanMotion
from edge_sdk.registration.repetition.gauss_newton import Normals
from edge_sdk.registration.sampling import sample_linear

LEAST_POINTS = 36
"""Points without which there is nothing to search for."""
LEAST_SEEN = 0.6
"""Share of the points that a place must have on the frame."""
MATCHES = 0.5
"""Correlation from which on a place is believed."""
SHIFTS_AT_ONCE = 4096
"""Shifts that are tried together."""
MAX_ANGLE_DEG = 1.5
"""Largest rotation that is tried about the place found, to both sides."""
CORNER_STEP_PX = 1.0
"""How far the corners move from one rotation tried to the next."""
FLAT = 1e-8
"""Variance under which points show nothing."""


class LandmarkSearch:
    """Search for points of the reference that look like nothing else in it.

    Args:
        landmarks: float32 [P, 3]: x and y of points at whole pixels, centered, and the reference
            there.
        normals: of the reference.
        reach_px: largest shift that is tried, in each direction.
    """

    def __init__(self, landmarks: Tensor, normals: Normals, reach_px: float) -> None:
        self._points, self._values = landmarks[:, :2], landmarks[:, 2]
        self._normals = normals
        self._reach = math.ceil(reach_px)

    def find(self, frame: Tensor, guess: Tensor) -> Tensor | None:
        """Motion float64 [3, 3] to start from, or ``None`` where the landmarks are not seen.

        Args:
            frame: float32 [1, 1, H, W].
            guess: float64 [3, 3], a motion that may be off by any shift and some rotation.
        """
        if len(self._points) < LEAST_POINTS:
            return None
        turns = [EuclideanMotion(0.0, 0.0, 0.0)]
        angle = EuclideanMotion.of(guess).angle_deg
        if 0 < abs(angle) <= MAX_ANGLE_DEG:
            turns.append(EuclideanMotion(0.0, 0.0, angle))
        score, place = max(
            (self._placed(frame, turn.matrix[:2, :2].float()) for turn in turns),
            key=lambda pair: pair[0],
        )
        if score < MATCHES:
            return None
        return self._turned(frame, place)

    def _placed(self, frame: Tensor, turn: Tensor) -> tuple[float, Tensor]:
        """Best correlation over all whole shifts, and where the landmarks' middle lies there."""
        height, width = frame.shape[-2:]
        middle = self._points.mean(0)
        centers = frame.new_tensor([width - 1, height - 1]) / 2
        start = ((self._points - middle) @ turn.T + middle + centers).round().long()
        reach = torch.arange(-self._reach, self._reach + 1)
        shifts = torch.cartesian_prod(reach, reach)
        best, found = -1.0, torch.zeros(2)
        flat = frame.flatten()
        for begin in range(0, len(shifts), SHIFTS_AT_ONCE):
            chunk = shifts[begin : begin + SHIFTS_AT_ONCE]
            x = start[:, 0] + chunk[:, :1]
            y = start[:, 1] + chunk[:, 1:]
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            values = flat[y.clamp(0, height - 1) * width + x.clamp(0, width - 1)]
            score = _correlation(values, self._values, inside.float())
            most = int(score.argmax())
            if float(score[most]) > best:
                best, found = float(score[most]), chunk[most].float()
        return best, middle + found

    def _turned(self, frame: Tensor, place: Tensor) -> Tensor:
        """The motion that brings the landmarks there, rotated as all the rest fits best."""
        template = self._normals.template
        step = math.degrees(CORNER_STEP_PX / math.hypot(template.height / 2, template.width / 2))
        count = math.ceil(MAX_ANGLE_DEG / step)
        matrices = torch.stack(
            [EuclideanMotion(0.0, 0.0, step * k).matrix for k in range(-count, count + 1)]
        )
        middle = self._points.mean(0).double()
        matrices[:, :2, 2] = place.double() - matrices[:, :2, :2] @ middle
        values, inside = sample_linear(
            frame.expand(len(matrices), -1, -1, -1), matrices, template.points
        )
        return matrices[int(_correlation(values, template.values, inside).argmax())]


def _correlation(values: Tensor, expected: Tensor, inside: Tensor) -> Tensor:
    """Correlation of rows of values [S, P] with what is expected [P], over points inside; [S]."""
    count = inside.sum(1).clamp_min(1.0)
    first, second = (inside @ expected) / count, (inside * values).sum(1) / count
    variance = (inside @ expected.square()) / count - first.square()
    other = (inside * values.square()).sum(1) / count - second.square()
    covariance = ((inside * values) @ expected) / count - first * second
    found = covariance / (variance.clamp_min(FLAT) * other.clamp_min(FLAT)).sqrt()
    return found.masked_fill(count < LEAST_SEEN * len(expected), -1.0)

"""Pixels of frames at whole shifts, and where they lie on the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge_sdk.registration.alignment.points import LevelPoints, within_margin

LEAST_DEPTH = 0.1
"""Points that a perspective motion takes further away, or behind the camera, count as this far."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Frames at the points of the reference, each at its own whole shift.

    Attributes:
        values: float32 [N, B, 64], pixels of the frames.
        offsets_px: float32 [N, 2, B, 64]: δ, where they lie on the reference, from its points.
        shown: float32 [N, B, 64]: 1 where the frame has that pixel, not at its edge, else 0.
    """

    values: np.ndarray
    offsets_px: np.ndarray
    shown: np.ndarray


def gathered(
    points: LevelPoints, frames: np.ndarray, owners: np.ndarray, matrices: np.ndarray
) -> Samples:
    """Take of frames what motions bring to the points of the reference.

    A point p is shifted by u = M p − p; the pixel at the whole shift n = round(u) lies at
    δ = J⁻¹(n − u) from p, J the slope of M in the middle of the picture.

    Args:
        points: the points.
        frames: float32 [F, h, w].
        owners: int [N], the frame that each motion is of.
        matrices: float64 [N, 3, 3], reference to frame.
    """
    matrices = matrices / matrices[:, 2:, 2:]
    m = matrices.astype(np.float32)[..., None, None]
    x, y = points.x, points.y
    shift_x = (m[:, 0, 0] - 1) * x + m[:, 0, 1] * y + m[:, 0, 2]
    shift_y = m[:, 1, 0] * x + (m[:, 1, 1] - 1) * y + m[:, 1, 2]
    if matrices[:, 2, :2].any():
        further = m[:, 2, 0] * x + m[:, 2, 1] * y
        depth = np.maximum(1 + further, np.float32(LEAST_DEPTH))
        shift_x = (shift_x - x * further) / depth
        shift_y = (shift_y - y * further) / depth
    whole_x, whole_y = np.rint(shift_x), np.rint(shift_y)
    shift_x, shift_y = whole_x - shift_x, whole_y - shift_y
    back = np.linalg.inv(slopes_in_the_middle(matrices)).astype(np.float32)[..., None, None]
    offsets = np.empty((len(m), 2, *x.shape), np.float32)
    for axis in (0, 1):
        np.multiply(back[:, axis, 0], shift_x, out=offsets[:, axis])
        offsets[:, axis] += back[:, axis, 1] * shift_y
    whole_x += points.column
    whole_y += points.row
    column = whole_x.clip(0, points.width - 1)
    row = whole_y.clip(0, points.height - 1)
    shown = within_margin(whole_x, whole_y, points.width, points.height) & points.real
    # Exact in float32: a level has fewer than 2²⁴ pixels.
    row *= np.float32(points.width)
    row += column
    place = row.astype(np.int32) + (owners * frames[0].size).astype(np.int32)[:, None, None]
    return Samples(frames.reshape(-1).take(place), offsets, shown.astype(np.float32))


def slopes_in_the_middle(matrices: np.ndarray) -> np.ndarray:
    """J of motions [N, 3, 3], whose last element is 1, in the middle of the picture: [N, 2, 2]."""
    slopes: np.ndarray = matrices[:, :2, :2] - matrices[:, :2, 2:] * matrices[:, 2:, :2]
    return slopes

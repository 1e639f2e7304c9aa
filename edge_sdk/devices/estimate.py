"""Memory that a driver of burst zoom needs on a phone, counted from what it must hold at once."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

FLOAT_BYTES = 4
FRAMES_AT_ONCE = 10
"""Frames whose rows are in memory together."""
LEVEL_SHARE = 4 / 3
"""A picture and all its levels, over the picture."""
COEFFICIENT_BYTES = 40
"""Of a point that speaks for a motion: ten coefficients, in single precision."""
POINTS = 25_000


def zoom_memory_mb(
    width: int, height: int, frames: int, scale: int, shapes: Mapping[str, tuple[int, ...]]
) -> float:
    """Largest memory of a zoom, in megabytes: an estimate from sizes, not a measurement.

    Either luma of the reference and of one frame with their levels is held, or, in the merge, rows
    of frames, the sums of one row of tiles with its margin, and the tiles of ``encode``; the result
    leaves row by row. Frames themselves wait on disk, or as the camera's own 8-bit planes.

    Args:
        width: of a frame.
        height: of a frame.
        frames: how many.
        scale: enlargement.
        shapes: of the input of each stage.
    """
    aligning = 2 * width * height * LEVEL_SHARE * FLOAT_BYTES + 2 * POINTS * COEFFICIENT_BYTES
    rows = shapes["encode"][2]
    together = min(frames, FRAMES_AT_ONCE)
    strips = together * 3 * rows * width * FLOAT_BYTES
    sums = (4 * scale**2 + 3) * (rows + shapes["decode"][2]) * width * FLOAT_BYTES
    made = 3 * scale**2 * shapes["decode"][2] * width * FLOAT_BYTES
    tiles = sum(prod(shape) for shape in shapes.values()) * FLOAT_BYTES
    return (max(aligning, strips + sums + made) + 4 * tiles) / 1e6

"""Pixels of the sensor that are bright in every frame, wherever the hand moves the scene.

Alignment tells them apart from the scene: a star or a lamp moves with the motion of the frames, a
hot pixel stays where it is on the sensor. Merged as they are, those of the reference would stay,
since the reference is what other frames are compared with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.frames.source import DerivedSource, FrameSource
from edge_sdk.registration import MotionField

MIN_FRAMES = 3
"""Frames, the reference included, that it takes to tell a hot pixel from the scene."""
MIN_MOTION_PX = 1.5
"""Least motion, everywhere in a frame, with which that frame can tell."""
STEADY_SHARE = 0.8
"""Share of these frames in which a pixel must stand out; clipping may hide it in some."""
MIN_EXCESS = 16 / 255
"""Least that it stands out by, on values in [0, 1]."""
NOISE_FACTOR = 6.0
"""Least that it stands out by, in standard deviations of a frame's noise."""
ROWS_AT_ONCE = 64


def find_hot_pixels(
    source: FrameSource, reference: int, motions: Mapping[int, MotionField], noise_std: float
) -> Tensor:
    """Channel, row and column of every hot pixel, int64 [n, 3].

    A pixel is hot in a color if it is brighter than its eight neighbors, by more than noise can
    make it, in the reference and in most of the frames that moved.

    Args:
        source: the frames.
        reference: index of the reference.
        motions: from the reference to other frames.
        noise_std: noise of a frame on values in [0, 1].
    """
    moved = [index for index, field in motions.items() if _least_motion_px(field) >= MIN_MOTION_PX]
    if len(moved) + 1 < MIN_FRAMES:
        return torch.empty(0, 3, dtype=torch.int64)
    bound = max(MIN_EXCESS, NOISE_FACTOR * noise_std)
    needed = math.ceil(STEADY_SHARE * len(moved))
    found = []
    for top in range(0, source.height, ROWS_AT_ONCE):
        bottom = min(top + ROWS_AT_ONCE, source.height)
        hot = _standing_out(source, reference, top, bottom, bound)
        if not bool(hot.any()):
            continue
        votes = torch.zeros(hot.shape, dtype=torch.int32)
        for index in moved:
            votes += _standing_out(source, index, top, bottom, bound)
        places = (hot & (votes >= needed)).nonzero()
        found.append(places + torch.tensor([0, top, 0]))
    return torch.cat(found) if found else torch.empty(0, 3, dtype=torch.int64)


class MendedSource(DerivedSource):
    """Frames of another source, whose hot pixels hold the median of their neighbors.

    Args:
        source: the frames.
        hot: channel, row and column of the hot pixels, int64 [n, 3], as :func:`find_hot_pixels`.
    """

    def __init__(self, source: FrameSource, hot: Tensor) -> None:
        super().__init__(source)
        self._hot = hot

    def rows(self, index: int, top: int, bottom: int) -> Tensor:
        """Rows of a frame, mended."""
        rows = self._hot[:, 1]
        inside = self._hot[(rows >= top) & (rows < bottom)]
        if not len(inside):
            return self._source.rows(index, top, bottom)
        padded = _padded(self._source, index, top, bottom)
        channel, row, column = inside.unbind(1)
        around = torch.stack(
            [
                padded[channel, row - top + down, column + right]
                for down in (0, 1, 2)
                for right in (0, 1, 2)
                if (down, right) != (1, 1)
            ]
        ).sort(0)
        mended = padded[:, 1:-1, 1:-1].clone()
        mended[channel, row - top, column] = (around.values[3] + around.values[4]) / 2
        return mended


def _standing_out(source: FrameSource, index: int, top: int, bottom: int, bound: float) -> Tensor:
    """Bool [3, rows, W]: whether a pixel exceeds all of its eight neighbors by ``bound``."""
    padded = _padded(source, index, top, bottom)
    beside = torch.maximum(padded[..., :-2], padded[..., 2:])
    three = torch.maximum(beside, padded[..., 1:-1])
    around = torch.maximum(torch.maximum(three[:, :-2], three[:, 2:]), beside[:, 1:-1])
    return padded[:, 1:-1, 1:-1] - around > bound


def _padded(source: FrameSource, index: int, top: int, bottom: int) -> Tensor:
    """Rows with one pixel more on all sides, mirrored where the frame ends."""
    above, below = max(top - 1, 0), min(bottom + 1, source.height)
    rows = source.rows(index, above, below)
    missing = (1, 1, 1 - (top - above), 1 - (below - bottom))
    return functional.pad(rows[None], missing, mode="reflect")[0]


def _least_motion_px(field: MotionField) -> float:
    x, y = field.width / 2, field.height / 2
    points = torch.tensor([(0, 0), (-x, -y), (x, -y), (-x, y), (x, y)], dtype=torch.float64)
    return float((field.at(points) - points).norm(dim=-1).min())

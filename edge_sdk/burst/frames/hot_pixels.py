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
        places = _standing_out(_padded(source, reference, top, bottom), bound).nonzero()
        if not len(places):
            continue
        votes = torch.zeros(len(places), dtype=torch.int64)
        for index in moved:
            own, around = _at(_padded(source, index, top, bottom), places)
            votes += own - around.amax(0) > bound
        found.append(places[votes >= needed] + torch.tensor([0, top, 0]))
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
        places = inside - torch.tensor([0, top, 0])
        _, around = _at(padded, places)
        around = around.sort(0).values
        mended = padded[:, 1:-1, 1:-1].clone()
        mended[places.unbind(1)] = (around[3] + around[4]) / 2
        return mended


def _at(padded: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Pixels [n] at places [n, 3] of rows with one pixel more, and their eight neighbors [8, n]."""
    channel, row, column = places.unbind(1)
    three = (0, 1, 2)
    around = [padded[channel, row + down, column + right] for down in three for right in three]
    own = around.pop(4)
    return own, torch.stack(around)


def _standing_out(padded: Tensor, bound: float) -> Tensor:
    """Bool [3, rows, W]: whether a pixel exceeds all of its eight neighbors by ``bound``.

    Args:
        padded: rows with one pixel more on all sides.
        bound: in values of [0, 1].
    """
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

"""A window of frames, as frames of their own."""

from __future__ import annotations

from torch import Tensor

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.frames.spool import Spool
from edge_sdk.imaging.rectangle import Rectangle


class CroppedSource:
    """What frames of another source show within a window.

    Args:
        source: the frames.
        window: what of each is shown; lies on them.
    """

    def __init__(self, source: FrameSource, window: Rectangle) -> None:
        self._source = source
        self._top = window.top
        self._columns = slice(window.left, window.left + window.width)
        self.count = source.count
        self.height = window.height
        self.width = window.width
        self.depth = source.depth

    def rows(self, index: int, top: int, bottom: int) -> Tensor:
        """Rows of a frame within the window."""
        top, bottom = self._top + top, self._top + bottom
        return part_of_rows(self._source, index, top, bottom, self._columns)


def part_of_rows(source: FrameSource, index: int, top: int, bottom: int, columns: slice) -> Tensor:
    """Some columns of rows ``top`` to ``bottom`` (excluded) of a frame, float32 [3, rows, n]."""
    if isinstance(source, Spool):
        # Levels that are not needed are not made values of.
        return source.rows(index, top, bottom, columns)
    return source.rows(index, top, bottom)[:, :, columns]

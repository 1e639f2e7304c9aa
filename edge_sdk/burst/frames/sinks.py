"""Where a merge puts its rows."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.imaging import resize_bicubic
from edge_sdk.imaging.rectangle import Rectangle

BICUBIC_REACH_PX = 3
"""Rows around those that are enlarged which the bicubic kernel reaches, one more than it needs."""


class Sink(Protocol):
    """Takes the enlarged picture by rows, from top to bottom."""

    def put(self, top: int, pixels: Tensor) -> None:
        """Take rows from ``top`` on: float32 [3, rows, scale·width], about [0, 1], not clipped."""
        ...


class TensorSink:
    """Keeps all rows in memory.

    Args:
        channels: channels of a row.
        height: rows in all.
        width: columns.

    Attributes:
        pixels: float32 [channels, height, width].
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        self.pixels = torch.empty(channels, height, width)

    def put(self, top: int, pixels: Tensor) -> None:
        """Take rows."""
        self.pixels[:, top : top + pixels.shape[1]] = pixels


class GraySink:
    """Takes the color out of rows: a network that learned on colors sees some in gray noise.

    Args:
        sink: takes the gray rows.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def put(self, top: int, pixels: Tensor) -> None:
        """Take rows and hand their mean over the colors on."""
        self._sink.put(top, pixels.mean(0, keepdim=True).expand_as(pixels))


class MixedSink:
    """Mixes rows with the bicubic enlargement of one frame: s·result + (1 − s)·bicubic.

    Args:
        sink: takes the mixed rows.
        source: the frames.
        index: 0-based frame that is enlarged, the reference.
        region: the part of it that the rows show.
        scale: rows of the result per row of the frame.
        strength: s, 0 to 1.

    Example:
        >>> import torch
        >>> from edge_sdk.burst import TensorSource
        >>> from edge_sdk.burst.frames.sinks import MixedSink, TensorSink
        >>> from edge_sdk.imaging import Rectangle, resize_bicubic
        >>> frames, sink = torch.rand(1, 3, 8, 8), TensorSink(3, 16, 16)
        >>> whole = Rectangle(left=0, top=0, width=8, height=8)
        >>> MixedSink(sink, TensorSource(frames), 0, whole, 2, 0.0).put(0, torch.zeros(3, 16, 16))
        >>> torch.equal(sink.pixels, resize_bicubic(frames[0], 2))
        True
    """

    def __init__(
        self,
        sink: Sink,
        source: FrameSource,
        index: int,
        region: Rectangle,
        scale: int,
        strength: float,
    ) -> None:
        self._sink = sink
        self._source = source
        self._index = index
        self._region = region
        self._scale = scale
        self._strength = strength

    def put(self, top: int, pixels: Tensor) -> None:
        """Take rows and hand on what they are mixed to."""
        plain = self._plain(top, top + pixels.shape[1])
        self._sink.put(top, torch.lerp(plain, pixels, self._strength))

    def _plain(self, top: int, bottom: int) -> Tensor:
        """Rows of the enlarged frame. Borders of the region are those of its enlargement."""
        region = self._region
        first = max(top // self._scale - BICUBIC_REACH_PX, 0)
        last = min(-(-bottom // self._scale) + BICUBIC_REACH_PX, region.height)
        rows = self._source.rows(self._index, region.top + first, region.top + last)
        columns = slice(region.left, region.left + region.width)
        enlarged = resize_bicubic(rows[:, :, columns], self._scale)
        return enlarged[:, top - first * self._scale : bottom - first * self._scale]

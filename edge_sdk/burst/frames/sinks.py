"""Where a merge puts its rows."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


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

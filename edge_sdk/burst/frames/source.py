"""Where frames come from: whatever gives their rows, such as memory."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor


class FrameSource(Protocol):
    """Frames of a burst, read by rows, so that none needs to be in memory whole.

    Several threads may read at a time.

    Example:
        >>> import torch
        >>> from edge_sdk.burst import FrameSource, TensorSource
        >>> def first_row(source: FrameSource) -> torch.Tensor:
        ...     return source.rows(0, 0, 1)
        >>> first_row(TensorSource(torch.rand(4, 3, 48, 64))).shape
        torch.Size([3, 1, 64])
    """

    @property
    def count(self) -> int:
        """Number of frames."""
        ...

    @property
    def height(self) -> int:
        """Rows of each frame."""
        ...

    @property
    def width(self) -> int:
        """Columns of each frame."""
        ...

    @property
    def depth(self) -> int:
        """Bits per value of the deepest frame: 8, 16, or 32 for floats."""
        ...

    def rows(self, index: int, top: int, bottom: int) -> Tensor:
        """Rows ``top`` to ``bottom`` (excluded) of frame ``index``, float32 [3, rows, width]."""
        ...


class TensorSource:
    """Frames that are in memory.

    Args:
        frames: float32 [N, 3, H, W] in [0, 1], sRGB.

    Example:
        >>> import torch
        >>> from edge_sdk.burst import TensorSource
        >>> source = TensorSource(torch.rand(4, 3, 48, 64))
        >>> source.count, source.height, source.width
        (4, 48, 64)
    """

    depth = 32

    def __init__(self, frames: Tensor) -> None:
        self.frames = frames
        self.count, _, self.height, self.width = frames.shape

    def rows(self, index: int, top: int, bottom: int) -> Tensor:
        """Rows of a frame; they share its memory."""
        return self.frames[index, :, top:bottom]


class DerivedSource:
    """Frames of another source, of the same sizes, that are changed as they are read.

    Args:
        source: the frames.
    """

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self.count = source.count
        self.height = source.height
        self.width = source.width
        self.depth = source.depth

"""A file that any number of frames is spooled to."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edge_sdk.errors import InputError, OutputError, PictureError

_ROWS_AT_ONCE = 64
"""Rows whose values are rounded together: so few stay in a processor's cache."""


class Spool:
    """Frames in a temporary file, as whole levels of 8 or 16 bits; made by :func:`spooling`.

    Frames are added one by one and are then read by rows. The file has no name, so that it is gone
    when the process ends, however it ends.

    Args:
        folder: where the file lies; ``None`` for the system's place for such files.

    Attributes:
        peak: highest level of any frame so far.

    Example:
        >>> import torch
        >>> from edge_sdk.burst import spooling
        >>> with spooling() as spool:
        ...     for _ in range(3):
        ...         spool.add(torch.rand(3, 48, 64), depth=16)
        ...     print(spool.count, spool.depth, tuple(spool.rows(2, 10, 20).shape))
        3 16 (3, 10, 64)
    """

    def __init__(self, folder: Path | None = None) -> None:
        # Without a buffer, nothing is left to be written, and to fail, when the file is closed.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._folder = folder or tempfile.gettempdir()
        self._reading = threading.Lock()
        self._depths: list[int] = []
        self._starts: list[int] = []
        self.peak = 0
        self.height = 0
        self.width = 0

    @property
    def count(self) -> int:
        """Number of frames."""
        return len(self._starts)

    @property
    def depth(self) -> int:
        """Bits of the deepest frame."""
        return max(self._depths, default=8)

    @property
    def shallowest(self) -> int:
        """Bits of the frame that has fewest."""
        return min(self._depths, default=8)

    def add(self, pixels: Tensor, depth: int) -> None:
        """Append a frame.

        Args:
            pixels: float32 [3, H, W] in [0, 1], of the size of those before.
            depth: 8 or 16 bits; values are rounded to whole levels.

        Raises:
            InputError: if the depth is another.
            PictureError: if the size differs from that of the first frame, or a value is none.
            OutputError: if the disk is full.
        """
        if depth not in (8, 16):
            raise InputError(f"frames are spooled with 8 or 16 bits, not {depth}")
        parts = (pixels[:, top : top + _ROWS_AT_ONCE] for top in _tops(pixels.shape[1]))
        self._append((_rounded(rows, depth) for rows in parts), pixels.shape[1:], depth)

    def add_levels(self, levels: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        """Append a frame of whole levels.

        Args:
            levels: [H, W, 3], of the size of those before.

        Raises:
            PictureError: if the size differs from that of the first frame.
            OutputError: if the disk is full.
        """
        height, width, _ = levels.shape
        parts = (levels[top : top + _ROWS_AT_ONCE] for top in _tops(height))
        self._append(parts, (height, width), 8 * levels.dtype.itemsize)

    def _append(self, parts: Iterable[NDArray[Any]], size: tuple[int, ...], depth: int) -> None:
        """Append a frame of levels [h, W, 3], part by part."""
        height, width = size
        if not self._starts:
            self.height, self.width = height, width
        elif (height, width) != (self.height, self.width):
            raise PictureError(
                f"frame {self.count} is {width}×{height} px but the first is {self.width}×"
                f"{self.height} px; the frames of a burst have one size"
            )
        peak = 0
        try:
            start = self._file.seek(0, os.SEEK_END)
            for part in parts:
                peak = max(peak, int(part.max()))
                left = memoryview(part.tobytes())
                while left:
                    left = left[self._file.write(left) :]
        except OSError as error:
            raise OutputError(
                f"{self._folder}: the frames cannot be spooled ({error.strerror or error}); set "
                "TMPDIR to a folder with more room"
            ) from error
        self.peak = max(self.peak, peak)
        self._starts.append(start)
        self._depths.append(depth)

    def rows(self, index: int, top: int, bottom: int, columns: slice = slice(None)) -> Tensor:
        """Rows of a frame, or some columns of them, read from the file."""
        depth = self._depths[index]
        size = self.width * 3 * depth // 8
        with self._reading:
            self._file.seek(self._starts[index] + top * size)
            data = b""
            while missing := (bottom - top) * size - len(data):
                data += self._file.read(missing) or _cut_off(self._folder)
        kind = np.uint8 if depth == 8 else np.uint16
        levels = np.frombuffer(data, kind).reshape(bottom - top, self.width, 3)[:, columns]
        # Plane by plane: what is read by places would be copied whole every time.
        values = levels.transpose(2, 0, 1).astype(np.float32, order="C")
        values /= 2**depth - 1
        return torch.from_numpy(values)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


def _cut_off(folder: Path | str) -> bytes:
    raise OutputError(f"{folder}: the file of frames was cut off; set TMPDIR to another folder")


def _tops(height: int) -> range:
    return range(0, height, _ROWS_AT_ONCE)


def _rounded(rows: Tensor, depth: int) -> NDArray[Any]:
    """Values [3, h, W] as whole levels [h, W, 3]."""
    levels = (rows.clamp(0, 1) * (2**depth - 1)).round_()
    if bool(torch.isnan(levels).any()):
        raise PictureError("a frame holds values that are no numbers")
    kind = torch.uint8 if depth == 8 else torch.int32
    whole: NDArray[Any] = levels.to(kind).permute(1, 2, 0).contiguous().numpy()
    return whole if depth == 8 else whole.astype(np.uint16)


@contextmanager
def spooling(folder: Path | None = None) -> Iterator[Spool]:
    """A spool that is removed at the end, whatever happens.

    Args:
        folder: where the temporary file lies; ``None`` for the system's place for such files.

    Raises:
        OutputError: if no temporary file can be made.

    Example:
        >>> import torch
        >>> from edge_sdk import zoom
        >>> from edge_sdk.burst import spooling
        >>> with spooling() as spool:
        ...     spool.add(torch.rand(3, 32, 32), depth=8)
        ...     result = zoom(spool)
        >>> result.pixels.shape
        torch.Size([3, 64, 64])
    """
    try:
        spool = Spool(folder)
    except OSError as error:
        raise OutputError(
            f"{folder or tempfile.gettempdir()}: no temporary file can be made "
            f"({error.strerror or error}); set TMPDIR to another folder"
        ) from error
    try:
        yield spool
    finally:
        spool.close()

"""Frames without any header: I420 and NV12, whose size the user gives."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO

import torch

from edge_sdk.errors import InputError, PictureError
from edge_sdk.video.clip import read_frame
from edge_sdk.video.form import ClipForm, Frame
from edge_sdk.video.y4m import file_size


class PixelFormat(StrEnum):
    """How the planes of a frame follow each other.

    Example:
        >>> from edge_sdk.video import PixelFormat
        >>> PixelFormat("nv12") is PixelFormat.NV12
        True
    """

    I420 = "i420"
    """Y, then U, then V (FFmpeg's yuv420p)."""
    NV12 = "nv12"
    """Y, then U and V by turns, as cameras and decoders of phones give them."""


class RawClip:
    """A clip that is read from frames without a header.

    Args:
        stream: at its beginning; whoever opened it closes it.
        name: for messages.
        form: what every frame is, of sampling 4:2:0.
        pixels: how its planes follow each other.

    Attributes:
        name: for messages.
        form: what every frame is.
        expected: frames that a file of this size holds; ``None`` for a pipe.
        note: empty.

    Raises:
        InputError: if the sampling is another.
        PictureError: if a file is no whole number of frames.

    Example:
        >>> import io
        >>> from edge_sdk.video import ClipForm, PixelFormat, RawClip
        >>> clip = RawClip(io.BytesIO(b"YYYYuv"), "tiny", ClipForm(2, 2), PixelFormat.NV12)
        >>> [[bytes(plane.flatten().tolist()) for plane in frame] for frame in clip.frames()]
        [[b'YYYY', b'u', b'v']]
    """

    note = ""

    def __init__(self, stream: BinaryIO, name: str, form: ClipForm, pixels: PixelFormat) -> None:
        check_raw(form, pixels)
        self.name = name
        self.form = form
        self._stream = stream
        self._pixels = pixels
        size = file_size(stream)
        self.expected = None if size is None else size // form.frame_bytes
        if size is not None and (size == 0 or size % form.frame_bytes):
            raise PictureError(
                f"{name}: {size:,} bytes are no whole number of {pixels} frames of {form.width}×"
                f"{form.height} px, {form.frame_bytes:,} bytes each; check --size and "
                "--pixel-format, or get a whole copy"
            )

    def frames(self) -> Iterator[Frame]:
        """The frames, one after the other.

        Raises:
            PictureError: where the clip ends within a frame.
        """
        index = 0
        while frame := read_frame(self._stream, self.form, self.name, index):
            yield _parted(frame) if self._pixels is PixelFormat.NV12 else frame
            index += 1


class RawWriter:
    """Writes frames without a header.

    Args:
        stream: to be written to; whoever opened it closes it.
        form: of the clip.
        pixels: how planes are to follow each other.

    Raises:
        InputError: if the clip has another sampling than 4:2:0.

    Example:
        >>> import io
        >>> import torch
        >>> from edge_sdk.video import ClipForm, PixelFormat, RawWriter
        >>> stream, level = io.BytesIO(), torch.full((1, 1), 128, dtype=torch.uint8)
        >>> RawWriter(stream, ClipForm(1, 1), PixelFormat.I420).put((level, level, level))
        >>> len(stream.getvalue())
        3
    """

    def __init__(self, stream: BinaryIO, form: ClipForm, pixels: PixelFormat) -> None:
        check_raw(form, pixels)
        self._stream = stream
        self._pixels = pixels

    def put(self, frame: Frame) -> None:
        """Write a frame."""
        if self._pixels is PixelFormat.NV12:
            frame = (frame[0], torch.stack(frame[1:], -1))
        for plane in frame:
            self._stream.write(plane.contiguous().numpy().data)


def check_raw(form: ClipForm, pixels: PixelFormat) -> None:
    """Refuse a clip that I420 and NV12 cannot hold.

    Raises:
        InputError: if its sampling is not 4:2:0.
    """
    if form.sampling.step != (2, 2):
        raise InputError(f"{pixels} is 4:2:0 and the clip is {form.sampling}; write a .y4m")


def _parted(frame: Frame) -> Frame:
    """Planes of which U and V were read as one after the other but lie by turns."""
    size = frame[1].shape
    by_turns = torch.cat((frame[1].flatten(), frame[2].flatten())).view(-1, 2)
    u, v = by_turns.T.contiguous()
    return (frame[0], u.view(size), v.view(size))

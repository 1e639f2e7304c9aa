"""What a clip is to whoever reads or writes one: its form, and frames one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

import torch

from edge_sdk.errors import PictureError
from edge_sdk.video.form import ClipForm, Frame

STREAM = "-"
"""Name that stands for standard input or standard output."""


class Clip(Protocol):
    r"""Frames that are read one after the other, so that no more than one need be in memory.

    Example:
        >>> import io
        >>> from edge_sdk.video import Clip
        >>> from edge_sdk.video.y4m import Y4MClip
        >>> def frames_in(clip: Clip) -> int:
        ...     return sum(1 for _ in clip.frames())
        >>> frames_in(Y4MClip(io.BytesIO(b"YUV4MPEG2 W2 H1 Cmono\nFRAME\nab"), "two pixels"))
        1
    """

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def form(self) -> ClipForm:
        """What every frame is."""
        ...

    @property
    def expected(self) -> int | None:
        """Frames that there will be, as far as its size or header says; ``None`` if unknown."""
        ...

    @property
    def note(self) -> str:
        """Something to know once all frames are read; else empty."""
        ...

    def frames(self) -> Iterator[Frame]:
        """The frames; to be called once.

        Raises:
            PictureError: where the clip ends early, is damaged or changes its size.
        """
        ...


class ClipWriter(Protocol):
    """Takes frames one after the other.

    Example:
        >>> from edge_sdk.video import ClipWriter
        >>> class Counted:
        ...     frames = 0
        ...     def put(self, frame):
        ...         self.frames += 1
        >>> writer: ClipWriter = Counted()
        >>> writer.put(None), writer.frames
        (None, 1)
    """

    def put(self, frame: Frame) -> None:
        """Write a frame of the clip's form."""
        ...


def read_frame(stream: BinaryIO, form: ClipForm, name: str, index: int) -> Frame | None:
    """The planes of a frame, as they follow each other; ``None`` where nothing is left.

    Raises:
        PictureError: if the stream ends within the frame, whose 0-based number is ``index``.
    """
    data = read_exactly(stream, form.frame_bytes)
    if not data:
        return None
    if len(data) < form.frame_bytes:
        raise ends_early(name, index, len(data), form.frame_bytes)
    planes, start = [], 0
    for height, width in form.plane_sizes:
        plane = torch.frombuffer(data, dtype=torch.uint8, count=height * width, offset=start)
        planes.append(plane.view(height, width))
        start += height * width
    return tuple(planes)


def read_exactly(stream: BinaryIO, count: int) -> bytearray:
    """Bytes of a stream, ``count`` of them, or fewer where it ends; pipes give them in parts."""
    data = bytearray()
    while len(data) < count and (part := stream.read(count - len(data))):
        data += part
    return data


def ends_early(name: str, index: int, there: int, whole: int) -> PictureError:
    """Error of a clip that ends within frame ``index``."""
    return PictureError(
        f"{name}: ends within frame {index}, of which {there:,} of {whole:,} bytes are there; "
        "get a whole copy"
    )

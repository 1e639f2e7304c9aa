"""Y4M clips (YUV4MPEG2): frames read from a stream and written to one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from edge_sdk.errors import PictureError
from edge_sdk.video.clip import ends_early, read_frame
from edge_sdk.video.form import ClipForm, Frame, Matrix, Swing
from edge_sdk.video.y4m_header import MAGIC, format_header, parse_header

MARK = b"FRAME"
_LONGEST_LINE = 4096


class Y4MClip:
    r"""A clip that is read from a Y4M stream.

    Args:
        stream: at its beginning; a file or a pipe. Whoever opened it closes it.
        name: for messages.
        matrix: instead of what the header says, or of the guess by height.
        swing: instead of what the header says, or of limited range.

    Attributes:
        name: for messages.
        form: what every frame is.
        expected: frames that a file of this size holds; ``None`` for a pipe.
        note: empty.

    Raises:
        PictureError: if it is no Y4M, its header is damaged, or it is interlaced, or of planes or
            bits that are not read.

    Example:
        >>> import io
        >>> from edge_sdk.video import Y4MClip
        >>> clip = Y4MClip(io.BytesIO(b"YUV4MPEG2 W4 H2 F25:1 Cmono\nFRAME\nabcdefgh"), "tiny")
        >>> [frame[0].tolist() for frame in clip.frames()]
        [[[97, 98, 99, 100], [101, 102, 103, 104]]]
    """

    note = ""

    def __init__(
        self,
        stream: BinaryIO,
        name: str,
        matrix: Matrix | None = None,
        swing: Swing | None = None,
    ) -> None:
        self.name = name
        self._stream = stream
        line = stream.readline(_LONGEST_LINE)
        if not line.startswith(MAGIC):
            what = "is empty" if not line else f"does not begin with {MAGIC.decode()}"
            raise PictureError(f"{name}: is no Y4M clip, it {what}; give another file")
        if not line.endswith(b"\n"):
            raise PictureError(
                f"{name}: its Y4M header is damaged: the line does not end; write the clip again"
            )
        self.form = parse_header(line[:-1], name, matrix, swing)
        size = file_size(stream)
        whole = self.form.frame_bytes + len(MARK) + 1
        self.expected = None if size is None else (size - len(line)) // whole

    def frames(self) -> Iterator[Frame]:
        """The frames, one after the other.

        Raises:
            PictureError: where the clip ends within a frame, another begins or it is damaged.
        """
        index = 0
        while line := self._stream.readline(_LONGEST_LINE):
            self._check_mark(line, index)
            frame = read_frame(self._stream, self.form, self.name, index)
            if frame is None:
                raise ends_early(self.name, index, 0, self.form.frame_bytes)
            yield frame
            index += 1

    def _check_mark(self, line: bytes, index: int) -> None:
        if line.startswith(MARK) and line[len(MARK) :][:1] in (b"\n", b" ") and line[-1:] == b"\n":
            return
        if line.startswith(MAGIC):
            other = parse_header(line.rstrip(b"\n"), self.name)
            raise PictureError(
                f"{self.name}: another clip, of {other.width}×{other.height} px, begins after "
                f"frame {index - 1}, and this one is {self.form.width}×{self.form.height} px; "
                "part them first"
            )
        if MARK.startswith(line) or (line.startswith(MARK) and not line.endswith(b"\n")):
            raise PictureError(
                f"{self.name}: ends at the beginning of frame {index}; get a whole copy"
            )
        raise PictureError(
            f"{self.name}: is damaged: where frame {index} should begin there is no "
            f"{MARK.decode()}; get another copy"
        )


class Y4MWriter:
    r"""Writes frames to a Y4M stream.

    Args:
        stream: to be written to; whoever opened it closes it.
        form: of the clip.
        begun: whether header and some frames are there already.

    Raises:
        InputError: if the clip is of red, green and blue.

    Example:
        >>> import io
        >>> import torch
        >>> from edge_sdk.video import ClipForm, Sampling, Y4MWriter
        >>> stream = io.BytesIO()
        >>> writer = Y4MWriter(stream, ClipForm(2, 1, Sampling.MONO))
        >>> writer.put((torch.tensor([[65, 66]], dtype=torch.uint8),))
        >>> stream.getvalue().split(b"\n")[1:]
        [b'FRAME', b'AB']
    """

    def __init__(self, stream: BinaryIO, form: ClipForm, *, begun: bool = False) -> None:
        self._stream = stream
        if not begun:
            stream.write(format_header(form))

    def put(self, frame: Frame) -> None:
        """Write a frame."""
        self._stream.write(MARK + b"\n")
        for plane in frame:
            self._stream.write(plane.contiguous().numpy().data)


def file_size(stream: BinaryIO) -> int | None:
    """Bytes of a stream that is a file on disk; ``None`` for a pipe or memory."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None

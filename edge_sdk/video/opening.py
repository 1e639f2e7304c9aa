"""Clips by name: which kind a file is, how it is opened, and where frames are written to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.outputs import is_same_file
from edge_sdk.video.clip import STREAM, Clip
from edge_sdk.video.container import USUAL_CODECS, ContainerClip
from edge_sdk.video.form import ClipForm, Matrix, Sampling, Swing, usual_matrix
from edge_sdk.video.raw import PixelFormat, RawClip
from edge_sdk.video.y4m import Y4MClip

Y4M = ".y4m"
RAW_SUFFIXES = {".yuv": PixelFormat.I420, ".i420": PixelFormat.I420, ".nv12": PixelFormat.NV12}
"""Suffixes of frames without a header, and the order of planes that each stands for."""
SUFFIXES = (Y4M, *RAW_SUFFIXES, *USUAL_CODECS)
"""Suffixes of clips that are read and written."""
RAW_FPS = Fraction(25)


@dataclass(frozen=True)
class ClipOptions:
    """What a user says of a clip that the clip may not say itself.

    Attributes:
        pixel_format: order of the planes, where there is no header.
        size: width and height in pixels, likewise.
        fps: frames a second, likewise; 25 if not given.
        matrix: of luma and chroma, instead of what the clip says; by height where nobody does.
        swing: levels that are used, instead of what the clip says; limited where nobody does.
        codec: four letters naming what a container is written with.

    Raises:
        InputError: if there is a pixel format without a size.

    Example:
        >>> from edge_sdk.video import ClipOptions, PixelFormat
        >>> ClipOptions(PixelFormat.NV12, (640, 360)).size
        (640, 360)
    """

    pixel_format: PixelFormat | None = None
    size: tuple[int, int] | None = None
    fps: Fraction | None = None
    matrix: Matrix | None = None
    swing: Swing | None = None
    codec: str | None = None

    def __post_init__(self) -> None:
        if self.pixel_format is not None and self.size is None:
            raise InputError(
                f"{self.pixel_format} frames have no header; give their --size WIDTHxHEIGHT"
            )


def is_clip(name: str | Path) -> bool:
    """Whether a name has the suffix of a clip."""
    return Path(name).suffix.lower() in SUFFIXES


@contextmanager
def open_clip(source: str | Path | BinaryIO, options: ClipOptions | None = None) -> Iterator[Clip]:
    """Open a clip for as long as the block lasts.

    Args:
        source: a file, ``-`` for standard input, or a stream that is open.
        options: what the clip does not say itself.

    Raises:
        InputError: if options do not fit the clip.
        PictureError: if there is no such file, or it is no clip.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.video import ClipOptions, open_clip
        >>> Path("tiny.yuv").write_bytes(bytes(48))
        48
        >>> with open_clip("tiny.yuv", ClipOptions(size=(4, 4))) as clip:
        ...     clip.expected, len(list(clip.frames()))
        (2, 2)
    """
    options = options or ClipOptions()
    if not isinstance(source, str | Path):
        yield _of_stream(source, "standard input", options, options.pixel_format)
        return
    if str(source) == STREAM:
        yield _of_stream(standard_input(), "standard input", options, options.pixel_format)
        return
    path = Path(source)
    check_is_file(path)
    if path.suffix.lower() in USUAL_CODECS:
        _check_has_header(path, options)
        container = ContainerClip(path, options.matrix, options.swing)
        try:
            yield container
        finally:
            container.close()
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror or error})") from error
    with stream:
        pixels = options.pixel_format or RAW_SUFFIXES.get(path.suffix.lower())
        yield _of_stream(stream, str(path), options, pixels)


def check_is_file(path: Path) -> None:
    """Refuse what is no file, before anything else is done.

    Raises:
        PictureError: if there is nothing, or a folder.
    """
    if path.is_dir():
        raise PictureError(f"{path}: is a folder; give the name of a clip")
    if not os.path.lexists(path):
        raise PictureError(f"{path}: no such file; check the path")


def _of_stream(
    stream: BinaryIO, name: str, options: ClipOptions, pixels: PixelFormat | None
) -> Clip:
    if pixels is None:
        _check_has_header(name, options)
        return Y4MClip(stream, name, options.matrix, options.swing)
    if options.size is None:
        raise InputError(f"{name}: has no header; give the --size WIDTHxHEIGHT of its frames")
    width, height = options.size
    form = ClipForm(width, height, Sampling.C420MPEG2, options.fps or RAW_FPS)
    matrix = options.matrix or usual_matrix(height)
    form = replace(form, matrix=matrix, swing=options.swing or Swing.LIMITED)
    return RawClip(stream, name, form, pixels)


def _check_has_header(name: str | Path, options: ClipOptions) -> None:
    if options.size is not None or options.fps is not None:
        raise InputError(
            f"{name}: says size and rate itself; --size and --fps are for raw frames, with "
            "--pixel-format"
        )


def standard_input() -> BinaryIO:
    """The bytes that are piped in.

    Raises:
        InputError: if nobody pipes anything: it is a terminal.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("- reads what is piped in, and nothing is; name a file, or pipe one in")
    return sys.stdin.buffer


def standard_output() -> BinaryIO:
    """Where bytes are piped out to.

    Raises:
        OutputError: if nobody takes them: it is a terminal.
    """
    if sys.stdout is None or sys.stdout.isatty():
        raise OutputError(
            "- writes bytes that are no text, and standard output is a terminal; pipe them on, or "
            "name a file"
        )
    return sys.stdout.buffer


def check_apart(source: str | Path | BinaryIO, output: str | Path) -> None:
    """Refuse to write over the clip that is read.

    Raises:
        InputError: if both are one file.
    """
    if not isinstance(source, str | Path) or STREAM in (str(source), str(output)):
        return
    if is_same_file(Path(source), Path(output)):
        raise InputError(f"{output}: is the clip itself; give another name for the result")

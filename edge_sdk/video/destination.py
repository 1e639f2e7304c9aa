"""Where frames go: a Y4M that can be gone on with, raw frames, a container or standard output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.outputs import check_writable, replacing
from edge_sdk.video.clip import STREAM, ClipWriter
from edge_sdk.video.container import USUAL_CODECS, ContainerWriter
from edge_sdk.video.form import ClipForm, Frame, Sampling
from edge_sdk.video.opening import RAW_SUFFIXES, SUFFIXES, Y4M, ClipOptions, standard_output
from edge_sdk.video.raw import PixelFormat, RawWriter, check_raw
from edge_sdk.video.y4m import MARK, Y4MWriter
from edge_sdk.video.y4m_header import format_header

SETTINGS = "EDGESDK="
"""Comment in the header of a Y4M file: a digest of what its frames were made of and how."""


@dataclass(frozen=True, eq=False)
class Destination:
    """An output that is open.

    Attributes:
        writer: takes the frames.
        done: frames that are there already.
        part: file that they stay in if the work is stopped; ``None`` where nothing stays.
    """

    writer: ClipWriter
    done: int = 0
    part: Path | None = None


def check_destination(output: str | Path, *, resume: bool = False) -> None:
    """Fail before the work where its result could not be written.

    Raises:
        InputError: if it is to be resumed and is no Y4M file.
        OutputError: if the suffix names no kind of clip, the place cannot be written, or standard
            output is a terminal.
    """
    path = Path(output)
    suffix = path.suffix.lower()
    if resume and (str(output) == STREAM or suffix != Y4M):
        what = "standard output" if str(output) == STREAM else f"{output}"
        raise InputError(
            f"{what}: cannot be resumed, a {Y4M} file alone can; leave --resume out, or write one"
        )
    if str(output) == STREAM:
        standard_output()
        return
    if suffix not in SUFFIXES:
        raise OutputError(
            f"{output}: the suffix {suffix or '(none)'} names no kind of clip; use one of "
            f"{', '.join(SUFFIXES)}, or - for standard output"
        )
    check_writable(path)
    check_writable(part_of(path))


def target_sampling(output: str | Path, sampling: Sampling) -> Sampling:
    """Planes of what is written, made of frames of ``sampling``."""
    if str(output) != STREAM and Path(output).suffix.lower() in USUAL_CODECS:
        return Sampling.RGB
    return Sampling.C420MPEG2 if sampling is Sampling.RGB else sampling


def pixels_of(output: str | Path, options: ClipOptions) -> PixelFormat | None:
    """Order of planes of frames that are written without a header; ``None`` for other kinds."""
    if str(output) == STREAM:
        return options.pixel_format
    usual = RAW_SUFFIXES.get(Path(output).suffix.lower())
    named = Path(output).suffix.lower() == ".yuv" and options.pixel_format
    return named or usual


@contextmanager
def destination(
    output: str | Path, form: ClipForm, options: ClipOptions, settings: str, *, resume: bool = False
) -> Iterator[Destination]:
    """Open an output for as long as the block lasts; a file is whole or not there under its name.

    A Y4M file grows as ``NAME.part``, which stays where the work is stopped, for ``resume``.

    Args:
        output: file, or ``-``.
        form: of the frames, with the planes of :func:`target_sampling`.
        options: of the clip.
        settings: digest of what frames are made of and how; frames of another are not gone on with.
        resume: go on with what is there.

    Raises:
        InputError: if what is there was made of something else, or the form does not fit.
        OutputError: if it cannot be written.
    """
    path, pixels = Path(output), pixels_of(output, options)
    if pixels is not None:
        check_raw(form, pixels)
    if str(output) == STREAM:
        stream = standard_output()
        writer = Y4MWriter(stream, form) if pixels is None else RawWriter(stream, form, pixels)
        yield Destination(writer)
        stream.flush()
    elif path.suffix.lower() in USUAL_CODECS:
        with replacing(path) as temporary:
            container = ContainerWriter(temporary, form, options.codec, path)
            try:
                yield Destination(container)
            finally:
                container.close()
    elif pixels is not None:
        with replacing(path) as temporary, temporary.open("wb") as file:
            yield Destination(RawWriter(file, form, pixels))
    else:
        with _growing(path, form, settings, resume=resume) as opened:
            yield opened


@contextmanager
def _growing(path: Path, form: ClipForm, settings: str, *, resume: bool) -> Iterator[Destination]:
    part, form = part_of(path), _with_settings(form, settings)
    done = whole_frames(part, form) if resume and part.is_file() else 0
    try:
        file = part.open("r+b" if done else "wb")
    except OSError as error:
        raise _unwritable(path, error) from error
    opened = Destination(_Guarded(path, file, form, done), done, part)
    try:
        with file:
            yield opened
    except BaseException:
        # A header without frames is nothing to go on with.
        with contextlib.suppress(OSError):
            if part.stat().st_size <= len(format_header(form)):
                part.unlink()
        raise
    try:
        part.replace(path.resolve())
    except OSError as error:
        raise _unwritable(path, error) from error


class _Guarded:
    """Writes a Y4M file that has some frames; a full disk is said of it."""

    def __init__(self, path: Path, file: BinaryIO, form: ClipForm, done: int) -> None:
        self._path = path
        self._file = file
        try:
            if done:
                file.truncate(len(format_header(form)) + done * _frame_bytes(form))
                file.seek(0, 2)
            self._writer = Y4MWriter(file, form, begun=done > 0)
        except OSError as error:
            raise _unwritable(path, error) from error

    def put(self, frame: Frame) -> None:
        try:
            self._writer.put(frame)
            self._file.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from error


def part_of(path: Path) -> Path:
    """Where a Y4M file grows until it is whole."""
    return path.with_name(f"{path.name}.part")


def whole_frames(part: Path, form: ClipForm) -> int:
    """Frames that an unfinished Y4M file holds whole.

    Args:
        part: the file.
        form: that it must have, settings included.

    Raises:
        InputError: if it was made of another clip, by another model or with other settings.
        PictureError: if it cannot be read.
    """
    header = format_header(form)
    try:
        with part.open("rb") as file:
            begun = file.read(len(header))
        size = part.stat().st_size
    except OSError as error:
        raise PictureError(f"{part}: cannot be read ({error.strerror or error})") from error
    if begun != header[: len(begun)]:
        raise InputError(
            f"{part}: was made of another clip, by another model or with other settings; give "
            "those again, or leave --resume out to begin anew"
        )
    return max(0, size - len(header)) // _frame_bytes(form)


def _with_settings(form: ClipForm, settings: str) -> ClipForm:
    return replace(form, comments=(*form.comments, f"{SETTINGS}{settings}"))


def _frame_bytes(form: ClipForm) -> int:
    return len(MARK) + 1 + form.frame_bytes


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"{path}: cannot be written ({error.strerror or error})")

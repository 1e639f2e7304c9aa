"""Options of commands that take clips, and what is refused where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from edge_sdk.cli.shared.console import err, note, out, print_json
from edge_sdk.cli.shared.stopping import Stopped, stoppable
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.video import ClipOptions, MadeClip

Kind = TypeVar("Kind", bound=StrEnum)
STREAM = "-"
PixelFormatOption = Annotated[
    str | None,
    typer.Option(metavar="i420|nv12", help="Clips: planes of raw frames, which have no header."),
]
SizeOption = Annotated[
    str | None, typer.Option(metavar="WxH", help="Clips: width and height of raw frames.")
]
FpsOption = Annotated[
    str | None,
    typer.Option(
        metavar="RATE", help="Clips: raw frames a second, such as 30 or 30000/1001 \\[25]."
    ),
]
MatrixOption = Annotated[
    str | None,
    typer.Option(
        metavar="bt601|bt709",
        help="Clips: matrix of luma and chroma \\[as the header says, else by height: bt709 from "
        "720 rows on].",
    ),
]
RangeOption = Annotated[
    str | None,
    typer.Option(
        "--range",
        metavar="limited|full",
        help="Clips: levels that are used \\[as the header says, else limited].",
    ),
]
CodecOption = Annotated[
    str | None,
    typer.Option(metavar="FOURCC", help="Clips: codec of a container, such as mp4v or MJPG."),
]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Clips: go on with a .y4m that was begun.")
]


def is_clip_given(
    subjects: Sequence[Path], pixel_format: str | None, *, stream: bool = False
) -> bool:
    """Whether what a command is given is a clip: by suffix, or by how standard input begins.

    Args:
        subjects: what is named.
        pixel_format: of raw frames.
        stream: whether standard input is a clip, however it begins.
    """
    from edge_sdk.video.opening import is_clip

    # A clip among pictures is read as one, and refused by its name.
    if pixel_format is not None or (subjects and all(map(is_clip, subjects))):
        return True
    piped_in = [str(subject) for subject in subjects] == [STREAM]
    return piped_in and (stream or _y4m_is_piped_in())


def _y4m_is_piped_in() -> bool:
    from edge_sdk.video.opening import standard_input
    from edge_sdk.video.y4m_header import MAGIC

    stream = standard_input()
    head: bytes = stream.peek(len(MAGIC))[: len(MAGIC)] if hasattr(stream, "peek") else b""
    return head != b"" and MAGIC.startswith(head)


def one_clip(subjects: Sequence[Path]) -> Path:
    """The clip of a command that takes one.

    Raises:
        InputError: if there are several subjects.
    """
    if len(subjects) != 1:
        raise InputError("clips are made one by one; name one clip alone, or - for standard input")
    return subjects[0]


def refuse(options: Mapping[str, object], why: str) -> None:
    """Refuse options that are set and would be ignored.

    Args:
        options: by name, with what stands for not set: ``None`` or false.
        why: what they are for.

    Raises:
        InputError: naming the first.
    """
    for name, value in options.items():
        if value is not None and value is not False:
            raise InputError(f"--{name.replace('_', '-')} is {why}; leave it out")


def clip_options(
    pixel_format: str | None,
    size: str | None,
    fps: str | None,
    matrix: str | None,
    swing: str | None,
    codec: str | None,
) -> ClipOptions:
    """Options as the library takes them.

    Raises:
        InputError: if one is not what it should be.
    """
    from edge_sdk.video import ClipOptions, Matrix, PixelFormat, Swing

    return ClipOptions(
        _one_of(PixelFormat, "pixel-format", pixel_format),
        None if size is None else _size(size),
        None if fps is None else _rate(fps),
        _one_of(Matrix, "matrix", matrix),
        _one_of(Swing, "range", swing),
        codec,
    )


def _one_of(kind: type[Kind], option: str, text: str | None) -> Kind | None:
    known = [str(each) for each in kind]
    if text is None:
        return None
    if text.lower() not in known:
        raise InputError(f"--{option} {text} is unknown; choose {' or '.join(known)}")
    return kind(text.lower())


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})[x×](\d{1,6})", text.lower())
    if found is None:
        raise InputError(f"--size is width and height, such as 640x360, not {text!r}")
    return int(found[1]), int(found[2])


def _rate(text: str) -> Fraction:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)(?:[/:](\d{1,9}))?", text)
    rate = Fraction(found[1]) / int(found[2] or 1) if found and int(found[2] or 1) else Fraction(0)
    if rate <= 0:
        raise InputError(f"--fps is frames a second, such as 25 or 30000/1001, not {text!r}")
    return rate


@contextmanager
def going_on(output: Path) -> Iterator[None]:
    """Say how a clip is gone on with where it is stopped by a signal."""
    from edge_sdk.video.destination import part_of

    try:
        with stoppable():
            yield
    except Stopped as stop:
        part = part_of(output)
        if str(output) != STREAM and part.is_file():
            note(f"stopped; what is made is in {part}, go on with --resume")
        else:
            note("stopped; nothing half-written was left")
        raise typer.Exit(stop.status) from None


def check_json_apart(output: Path, as_json: bool) -> None:
    """Refuse JSON where standard output takes bytes.

    Raises:
        InputError: if both are requested.
    """
    if as_json and str(output) == STREAM:
        raise InputError("--json and -o - would both write to standard output; leave one out")


def print_made(made: MadeClip, as_json: bool) -> None:
    """Print what became of a clip; on stderr where stdout takes its frames."""
    if as_json:
        print_json(made)
        return
    for each in made.notes:
        note(each)
    place = "standard output" if made.path is None else str(made.path)
    earlier = f", {made.resumed} of them before" if made.resumed else ""
    new = made.frames - made.resumed
    rate = f", {new / made.seconds:.2f} frames a second" if made.seconds > 0 and new else ""
    (err if made.path is None else out).print(
        f"wrote {place} ({made.width}×{made.height} px, {made.frames} frames{earlier}, "
        f"{made.seconds:.1f} s{rate})"
    )

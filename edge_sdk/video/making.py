"""One clip made of another: frames in, frames out, whatever is done to them between."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Protocol

from edge_sdk.errors import PictureError
from edge_sdk.progress import Progress, silent
from edge_sdk.video.clip import STREAM, Clip
from edge_sdk.video.container import USUAL_CODECS
from edge_sdk.video.destination import (
    SETTINGS,
    Destination,
    check_destination,
    destination,
    pixels_of,
    target_sampling,
)
from edge_sdk.video.form import ClipForm, Frame, Matrix, Sampling, usual_matrix
from edge_sdk.video.opening import ClipOptions, check_apart, open_clip

_FFMPEG_NAMES = {Matrix.BT601: "smpte170m", Matrix.BT709: "bt709"}


class Work(Protocol):
    """What is done to the frames of a clip."""

    @property
    def settings(self) -> str:
        """All that the result depends on beside the clip."""
        ...

    def size(self, form: ClipForm) -> tuple[int, int]:
        """Width and height of the result.

        Raises:
            InputError: if such frames cannot be worked on.
            PictureError: if they are too small.
        """
        ...

    def frames(
        self, frames: Iterator[Frame], form: ClipForm, target: ClipForm, done: int
    ) -> Iterator[Frame]:
        """Frames of the result from number ``done`` on, one for each of the clip's."""
        ...


@dataclass(frozen=True)
class MadeClip:
    r"""A clip that was made of another.

    Attributes:
        source: what it was made of.
        path: where it is; ``None`` on standard output.
        width: columns of the result.
        height: rows of the result.
        frames: all its frames.
        resumed: those that were there before.
        seconds: time taken, files included.
        notes: for people: what to know of it.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.video import enhance_clip
        >>> count = Path("clip.y4m").write_bytes(
        ...     b"YUV4MPEG2 W8 H6 C420jpeg\n" + 3 * (b"FRAME\n" + bytes(72))
        ... )
        >>> made = enhance_clip("clip.y4m", "larger.y4m")
        >>> made.width, made.height, made.frames, made.resumed
        (16, 12, 3, 0)
    """

    source: str
    path: Path | None
    width: int
    height: int
    frames: int
    resumed: int
    seconds: float
    notes: tuple[str, ...] = ()


def make_clip(
    source: str | Path | BinaryIO,
    output: str | Path,
    work: Work,
    options: ClipOptions | None = None,
    *,
    resume: bool = False,
    on_progress: Progress | None = None,
) -> MadeClip:
    """Make a clip of another, frame by frame; memory does not depend on its length.

    Args:
        source: a file, ``-`` for standard input, or a stream that is open.
        output: a file, or ``-`` for standard output, which takes Y4M, or raw frames where raw
            frames come in.
        work: what is done.
        options: what the clip does not say itself.
        resume: go on with a Y4M file that was begun.
        on_progress: called after each frame, labeled ``frames``.

    Raises:
        InputError: if options do not fit, or what is resumed was made of something else.
        PictureError: if the clip is none, holds no frame, ends early or changes its size.
        OutputError: if the result cannot be written.
    """
    options, started = options or ClipOptions(), time.perf_counter()
    check_destination(output, resume=resume)
    check_apart(source, output)
    with open_clip(source, options) as clip:
        target = _target(clip.form, output, work)
        frames = clip.frames()
        first = next(frames, None)
        if first is None:
            raise PictureError(f"{clip.name}: holds no frame; get a whole copy")
        settings = _digest(clip.form, work.settings, first)
        with destination(output, target, options, settings, resume=resume) as opened:
            results = work.frames(chain((first,), frames), clip.form, target, opened.done)
            count = _written(clip, opened, results, on_progress or silent)
        notes = filter(None, (clip.note, *_notes(target, output, options)))
        path = None if str(output) == STREAM else Path(output)
        return MadeClip(
            clip.name,
            path,
            target.width,
            target.height,
            count,
            opened.done,
            time.perf_counter() - started,
            tuple(notes),
        )


def _target(form: ClipForm, output: str | Path, work: Work) -> ClipForm:
    width, height = work.size(form)
    sampling = target_sampling(output, form.sampling)
    # What another clip was made of says nothing of this one.
    comments = tuple(each for each in form.comments if not each.startswith(SETTINGS))
    return replace(form, width=width, height=height, sampling=sampling, comments=comments)


def _digest(form: ClipForm, settings: str, first: Frame) -> str:
    total = hashlib.sha256(f"{form} {settings}".encode())
    for plane in first:
        total.update(plane.contiguous().numpy().data)
    return total.hexdigest()[:16]


def _written(clip: Clip, opened: Destination, results: Iterator[Frame], report: Progress) -> int:
    count = opened.done
    try:
        for frame in results:
            opened.writer.put(frame)
            count += 1
            report("frames", count, max(count, clip.expected or 0))
    except PictureError as error:
        if opened.part is None or not count:
            raise
        raise PictureError(
            f"{error}; {count} frames are in {opened.part}, and --resume goes on from there"
        ) from error
    return count


def _notes(target: ClipForm, output: str | Path, options: ClipOptions) -> Iterator[str]:
    container = str(output) != STREAM and Path(output).suffix.lower() in USUAL_CODECS
    if container and target.pixel_aspect not in (None, 1):
        yield f"the pixel aspect {target.pixel_aspect} is lost: OpenCV writes none; write a .y4m"
    if container and target.fps is None:
        yield "the clip does not say its rate: 25 frames a second are written"
    usual, has_header = usual_matrix(target.height), pixels_of(output, options) is None
    colored = target.sampling not in (Sampling.RGB, Sampling.MONO)
    if colored and has_header and target.matrix is not usual:
        yield (
            f"the matrix stays {target.matrix}, and of {target.height} rows players expect "
            f"{usual}: tell FFmpeg by -colorspace {_FFMPEG_NAMES[target.matrix]}"
        )

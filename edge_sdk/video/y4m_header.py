"""The first line of a Y4M stream: what it says of a clip, read and written.

``YUV4MPEG2`` and tags parted by spaces: W and H (size), F (frames a second, a ratio), I (fields),
A (pixel aspect, a ratio), C (planes), X (comments; ``XCOLORRANGE`` is that of FFmpeg). Nothing
names the matrix: ``XCOLORMATRIX`` is ours, and others pass over it.
"""

from __future__ import annotations

import re
from fractions import Fraction

from edge_sdk.errors import InputError, PictureError
from edge_sdk.video.form import ClipForm, Matrix, Sampling, Swing, usual_matrix

MAGIC = b"YUV4MPEG2"
RANGE, MATRIX = "COLORRANGE=", "COLORMATRIX="
_SAMPLINGS = {
    **{str(each): each for each in Sampling if each is not Sampling.RGB},
    "420": Sampling.C420JPEG,
}
"""By the text of tag C; plain 420 is what FFmpeg takes it for."""
_DEEP = re.compile(r"(?:\d{3}|mono)p?(9|1\d)")


def parse_header(
    line: bytes, name: str, matrix: Matrix | None = None, swing: Swing | None = None
) -> ClipForm:
    """Read the first line of a Y4M stream.

    Args:
        line: without the line's end.
        name: of the stream, for messages.
        matrix: instead of what the header says, or of the guess by height.
        swing: instead of what the header says, or of limited.

    Raises:
        PictureError: if it is damaged, interlaced, or of planes or bits that are not read.

    Example:
        >>> from edge_sdk.video.y4m_header import parse_header
        >>> form = parse_header(b"YUV4MPEG2 W640 H360 F30000:1001 Ip A1:1 C420mpeg2", "clip.y4m")
        >>> form.width, str(form.sampling), str(form.fps), str(form.matrix)
        (640, '420mpeg2', '30000/1001', 'bt601')
    """
    magic, *tags = line.decode("ascii", "replace").split()
    if magic.encode() != MAGIC:
        raise PictureError(f"{name}: is no Y4M clip; it does not begin with {MAGIC.decode()}")
    said = {tag[0]: tag[1:] for tag in tags if tag[0] != "X"}
    comments = tuple(tag[1:] for tag in tags if tag[0] == "X")
    width, height = (_side(said.get(key), key, name) for key in "WH")
    _check_progressive(said.get("I", "p"), name)
    try:
        return ClipForm(
            width,
            height,
            _sampling(said.get("C", "420"), name),
            _ratio(said.get("F", "0:0"), "F", name),
            _ratio(said.get("A", "0:0"), "A", name),
            matrix or _matrix(comments, name) or usual_matrix(height),
            swing or _swing(comments, name) or Swing.LIMITED,
            tuple(each for each in comments if not each.startswith((RANGE, MATRIX))),
        )
    except InputError as error:
        raise _damaged(name, str(error)) from error


def format_header(form: ClipForm) -> bytes:
    """The first line of a Y4M stream, with its end.

    Raises:
        InputError: if the clip is of red, green and blue.

    Example:
        >>> from edge_sdk.video import ClipForm
        >>> from edge_sdk.video.y4m_header import format_header
        >>> format_header(ClipForm(64, 36)).decode().split()[:6]
        ['YUV4MPEG2', 'W64', 'H36', 'F0:0', 'Ip', 'A0:0']
    """
    if form.sampling is Sampling.RGB:
        raise InputError("Y4M holds luma and chroma; convert the frames with rgb_to_frame")
    fps, aspect = (
        "0:0" if each is None else f"{each.numerator}:{each.denominator}"
        for each in (form.fps, form.pixel_aspect)
    )
    comments = (f"{RANGE}{form.swing.upper()}", f"{MATRIX}{form.matrix.upper()}", *form.comments)
    tags = (f"W{form.width}", f"H{form.height}", f"F{fps}", "Ip", f"A{aspect}", f"C{form.sampling}")
    return (
        b" ".join((MAGIC, *(f"{tag}".encode() for tag in tags), *map(_comment, comments))) + b"\n"
    )


def _comment(text: str) -> bytes:
    return f"X{text}".encode("ascii", "replace")


def _side(text: str | None, key: str, name: str) -> int:
    if text is None or not text.isdecimal() or len(text) > 9:
        what = "width (W)" if key == "W" else "height (H)"
        said = "is missing" if text is None else f"is {text!r}"
        raise _damaged(name, f"the {what} {said}")
    return int(text)


def _ratio(text: str, key: str, name: str) -> Fraction | None:
    first, colon, second = text.partition(":")
    if not (colon and first.isdecimal() and second.isdecimal() and len(text) < 24):
        what = "frame rate (F)" if key == "F" else "pixel aspect (A)"
        raise _damaged(name, f"the {what} is {text!r}")
    # 0:0 stands for unknown; a zero alone means nothing either.
    return Fraction(int(first), int(second)) if int(first) and int(second) else None


def _sampling(text: str, name: str) -> Sampling:
    if deep := _DEEP.fullmatch(text):
        raise PictureError(
            f"{name}: has {deep[1]} bits a sample (C{text}), and 8 are read; convert it first: "
            "ffmpeg -i CLIP -pix_fmt yuv420p OUT.y4m"
        )
    if text not in _SAMPLINGS:
        raise PictureError(
            f"{name}: planes C{text} are not read; {', '.join(_SAMPLINGS)} are: "
            "ffmpeg -i CLIP -pix_fmt yuv420p OUT.y4m"
        )
    return _SAMPLINGS[text]


def _check_progressive(text: str, name: str) -> None:
    if text not in ("p", "?", ""):
        raise PictureError(
            f"{name}: is interlaced (I{text}): its frames hold two moments each; make frames "
            "first: ffmpeg -i CLIP -vf yadif OUT.y4m"
        )


def _matrix(comments: tuple[str, ...], name: str) -> Matrix | None:
    text = _of(comments, MATRIX)
    if text is None:
        return None
    if text.lower() not in list(Matrix):
        raise PictureError(
            f"{name}: matrix {text} is unknown; say which is near by --matrix {' or '.join(Matrix)}"
        )
    return Matrix(text.lower())


def _swing(comments: tuple[str, ...], name: str) -> Swing | None:
    text = _of(comments, RANGE)
    if text is None:
        return None
    if text.lower() not in list(Swing):
        raise PictureError(
            f"{name}: range {text} is unknown; say which it is by --range {' or '.join(Swing)}"
        )
    return Swing(text.lower())


def _of(comments: tuple[str, ...], key: str) -> str | None:
    return next((each.removeprefix(key) for each in comments if each.startswith(key)), None)


def _damaged(name: str, what: str) -> PictureError:
    return PictureError(f"{name}: its Y4M header is damaged: {what}; write the clip again")

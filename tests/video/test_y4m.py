"""Y4M and raw frames: what is written is read again to the bit, and damage is named in one line."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError, PictureError
from edge_sdk.video import (
    ClipForm,
    ClipOptions,
    Matrix,
    PixelFormat,
    RawClip,
    RawWriter,
    Sampling,
    Swing,
    Y4MClip,
    Y4MWriter,
    open_clip,
)
from edge_sdk.video.form import same_frames
from edge_sdk.video.y4m_header import format_header, parse_header
from tests.builders.clips import FORM, random_frame, write_clip
from tests.examples import examples

PLANES = [each for each in Sampling if each is not Sampling.RGB]
forms = st.builds(
    ClipForm,
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(PLANES),
    st.none() | st.fractions(Fraction(1, 100), 1000, max_denominator=1001),
    st.none() | st.fractions(Fraction(1, 10), 10, max_denominator=100),
    st.sampled_from(Matrix),
    st.sampled_from(Swing),
    st.sampled_from([(), ("NOTE=one", "two")]),
)


class Pipe(io.RawIOBase):
    """A stream that gives a few bytes at a time, as pipes do."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = self._inner.read(min(7, len(buffer)))
        buffer[: len(part)] = part
        return len(part)


def written(form: ClipForm, count: int) -> bytes:
    stream = io.BytesIO()
    writer = Y4MWriter(stream, form)
    for seed in range(count):
        writer.put(random_frame(form, seed))
    return stream.getvalue()


def clip(data: bytes, **given: object) -> Y4MClip:
    return Y4MClip(io.BytesIO(data), "clip.y4m", **given)  # type: ignore[arg-type]


@given(forms, st.integers(0, 3))
@examples(60)
def test_what_is_written_is_read_again(form: ClipForm, count: int) -> None:
    data = written(form, count)
    for stream in (io.BytesIO(data), io.BufferedReader(Pipe(data), 16)):
        read = Y4MClip(stream, "clip.y4m")  # type: ignore[arg-type]
        assert read.form == form
        frames = list(read.frames())
        assert len(frames) == count
        for seed, frame in enumerate(frames):
            assert same_frames(frame, random_frame(form, seed))
    assert format_header(parse_header(format_header(form)[:-1], "again")) == format_header(form)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(PixelFormat))
@examples(30)
def test_raw_frames_are_read_again(width: int, height: int, pixels: PixelFormat) -> None:
    form, stream = ClipForm(width, height), io.BytesIO()
    writer = RawWriter(stream, form, pixels)
    for seed in range(2):
        writer.put(random_frame(form, seed))
    stream.seek(0)
    frames = list(RawClip(stream, "raw", form, pixels).frames())
    assert len(frames) == 2
    assert all(same_frames(frame, random_frame(form, seed)) for seed, frame in enumerate(frames))


def test_nv12_has_u_and_v_by_turns() -> None:
    form, stream = ClipForm(4, 2), io.BytesIO()
    planes = [torch.full(size, 10 * (i + 1)) for i, size in enumerate(form.plane_sizes)]
    frame = tuple(plane.to(torch.uint8) for plane in planes)
    RawWriter(stream, form, PixelFormat.NV12).put(frame)
    assert list(stream.getvalue()) == 8 * [10] + [20, 30, 20, 30]


def test_sides_of_chroma_are_rounded_up() -> None:
    sizes = {each: ClipForm(5, 3, each).plane_sizes[1:] for each in PLANES}
    assert sizes[Sampling.C420JPEG] == ((2, 3), (2, 3))
    assert sizes[Sampling.C422] == ((3, 3), (3, 3))
    assert sizes[Sampling.C444] == ((3, 5), (3, 5))
    assert sizes[Sampling.MONO] == ()


def test_what_a_header_leaves_out() -> None:
    form = clip(b"YUV4MPEG2 W1280 H720\n").form
    assert form.sampling is Sampling.C420JPEG
    assert (form.fps, form.pixel_aspect, form.matrix, form.swing) == (
        None, None, Matrix.BT709, Swing.LIMITED,
    )  # fmt: skip
    assert clip(b"YUV4MPEG2 W1280 H719 C420 F25:0\n").form.matrix is Matrix.BT601
    said = b"YUV4MPEG2 W8 H8 XCOLORRANGE=FULL XCOLORMATRIX=BT709 XA=B\n"
    assert clip(said).form.swing is Swing.FULL
    assert clip(said).form.matrix is Matrix.BT709
    assert clip(said).form.comments == ("A=B",)
    other = clip(said, matrix=Matrix.BT601, swing=Swing.LIMITED).form
    assert (other.matrix, other.swing) == (Matrix.BT601, Swing.LIMITED)


def test_frames_may_have_tags_of_their_own() -> None:
    data = b"YUV4MPEG2 W2 H1 Cmono\nFRAME Ip XNOTE\nabFRAME\ncd"
    assert [bytes(frame[0].flatten().tolist()) for frame in clip(data).frames()] == [b"ab", b"cd"]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"RIFF and so on\n", "is no Y4M clip"),
        (b"", "is empty"),
        (b"YUV4MPEG2 W8 H8", "the line does not end"),
        (b"YUV4MPEG2 " + 5000 * b"X", "the line does not end"),
        (b"YUV4MPEG2 H8\n", "the width (W) is missing"),
        (b"YUV4MPEG2 W8 Hx\n", "the height (H) is 'x'"),
        (b"YUV4MPEG2 W0 H8\n", "sides are 1 to"),
        (b"YUV4MPEG2 W99999999 H8\n", "sides are 1 to"),
        (b"YUV4MPEG2 W8 H8 F25\n", "the frame rate (F) is '25'"),
        (b"YUV4MPEG2 W8 H8 A1:x\n", "the pixel aspect (A)"),
        (b"YUV4MPEG2 W8 H8 It\n", "is interlaced (It)"),
        (b"YUV4MPEG2 W8 H8 Im\n", "yadif"),
        (b"YUV4MPEG2 W8 H8 C420p10\n", "has 10 bits a sample (C420p10), and 8 are read"),
        (b"YUV4MPEG2 W8 H8 Cmono16\n", "has 16 bits"),
        (b"YUV4MPEG2 W8 H8 C411\n", "planes C411 are not read"),
        (b"YUV4MPEG2 W8 H8 C444alpha\n", "planes C444alpha are not read"),
        (b"YUV4MPEG2 W8 H8 XCOLORMATRIX=BT2020\n", "matrix BT2020 is unknown"),
        (b"YUV4MPEG2 W8 H8 XCOLORRANGE=WIDE\n", "range WIDE is unknown"),
        (b"YUV4MPEG2 W8 H8 C\xff\n", "are not read"),
    ],
)
def test_headers_that_are_refused(header: bytes, said: str) -> None:
    with pytest.raises(PictureError) as refused:
        clip(header)
    assert said in str(refused.value)
    assert str(refused.value).startswith("clip.y4m: ")
    assert "\n" not in str(refused.value)


@given(st.integers(1, 2 * (FORM.frame_bytes + 6) - 1))
@examples(40)
def test_a_clip_that_ends_early(missing: int) -> None:
    whole = written(FORM, 2)
    cut = whole[: len(whole) - missing]
    frames = clip(cut).frames()
    if missing == FORM.frame_bytes + 6:
        assert len(list(frames)) == 1
        return
    with pytest.raises(PictureError, match=r"ends (within|at the beginning of) frame [01]"):
        list(frames)


def test_damage_between_frames_and_other_clips() -> None:
    first, second = written(FORM, 1), written(ClipForm(8, 6), 1)
    with pytest.raises(PictureError, match="another clip, of 8×6 px, begins after frame 0"):
        list(clip(first + second).frames())
    with pytest.raises(PictureError, match="where frame 1 should begin there is no FRAME"):
        list(clip(first + b"FRAMES and more\n").frames())


def test_raw_files_have_whole_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.nv12"
    path.write_bytes(bytes(20))
    said, options = "no whole number of nv12 frames of 4×4 px, 24 bytes", ClipOptions(size=(4, 4))
    with pytest.raises(PictureError, match=said), open_clip(path, options):
        pass
    with pytest.raises(InputError, match="give the --size"), open_clip(path):
        pass
    with pytest.raises(InputError, match="give their --size"):
        ClipOptions(PixelFormat.I420)
    piped = RawClip(io.BytesIO(bytes(20)), "-", ClipForm(4, 4), PixelFormat.I420)
    with pytest.raises(PictureError, match="ends within frame 0, of which 20 of 24 bytes"):
        list(piped.frames())
    with pytest.raises(InputError, match="is 4:2:0 and the clip is 444"):
        RawWriter(io.BytesIO(), ClipForm(4, 4, Sampling.C444), PixelFormat.I420)


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, said in (("none.y4m", "no such file"), (".", "is a folder")):
        with pytest.raises(PictureError, match=said), open_clip(tmp_path / name):
            pass
    path = write_clip(tmp_path / "clip.y4m", [])
    options = ClipOptions(size=(4, 4))
    with pytest.raises(InputError, match="says size and rate itself"), open_clip(path, options):
        pass

"""Containers through OpenCV: frames come back, and a codec that is not there is named."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.imaging import psnr
from edge_sdk.video import (
    ClipForm,
    ContainerClip,
    ContainerWriter,
    Matrix,
    Sampling,
    enhance_clip,
    frame_to_rgb,
    open_clip,
)
from edge_sdk.video.container import USUAL_CODECS
from edge_sdk.video.form import same_frames
from tests.builders.clips import FORM, moving, read_clip, write_clip

RGB = replace(FORM, sampling=Sampling.RGB)


def write(path: Path, count: int = 3, form: ClipForm = RGB, codec: str | None = None) -> None:
    writer = ContainerWriter(path, form, codec)
    for rgb in moving(count, form):
        writer.put(tuple((255 * plane).round().to(torch.uint8) for plane in rgb))
    writer.close()


@pytest.mark.parametrize("suffix", USUAL_CODECS)
def test_frames_come_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clip{suffix}"
    write(path)
    with open_clip(path) as clip:
        assert replace(clip.form, pixel_aspect=FORM.pixel_aspect) == RGB
        frames = list(clip.frames())
        assert clip.note == ""
    assert len(frames) == 3
    for frame, rgb in zip(frames, moving(3), strict=True):
        assert float(psnr(frame_to_rgb(frame, RGB), rgb)) > 26


def test_a_lossless_codec_brings_colors_back(tmp_path: Path) -> None:
    write(tmp_path / "clip.avi", 2, codec="FFV1")
    with open_clip(tmp_path / "clip.avi") as clip:
        frames = list(clip.frames())
    for frame, rgb in zip(frames, moving(2), strict=True):
        # Chroma of half the size, at most: red and blue are in their places.
        assert float(psnr(frame_to_rgb(frame, RGB), rgb)) > 30


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001)])
def test_rates_are_the_ratios_that_were_meant(tmp_path: Path, rate: Fraction) -> None:
    write(tmp_path / "clip.mkv", form=replace(RGB, fps=rate))
    with open_clip(tmp_path / "clip.mkv") as clip:
        assert clip.form.fps == rate


def test_planes_into_a_container_and_out_again(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.y4m", moving(2))
    enhance_clip(path, tmp_path / "out.mp4")
    enhance_clip(path, tmp_path / "out.y4m")
    back = enhance_clip(tmp_path / "out.mp4", tmp_path / "back.y4m", "denoise_rgb")
    assert (back.width, back.height, back.frames) == (128, 96, 2)
    form, frames = read_clip(tmp_path / "back.y4m")
    assert (form.sampling, form.matrix, form.fps) == (
        Sampling.C420MPEG2, Matrix.BT601, Fraction(25),
    )  # fmt: skip
    _, exact = read_clip(tmp_path / "out.y4m")
    for one, other in zip(frames, exact, strict=True):
        assert float(psnr(one[0].float() / 255, other[0].float() / 255)) > 26


def test_a_static_container_comes_out_static(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.y4m", 3 * moving(1))
    enhance_clip(path, tmp_path / "out.avi", "denoise_rgb")
    with open_clip(tmp_path / "out.avi") as clip:
        frames = list(clip.frames())
    assert len(frames) == 3
    assert all(same_frames(frames[0], frame) for frame in frames)


def test_what_a_container_loses_is_said(tmp_path: Path) -> None:
    form = replace(FORM, pixel_aspect=Fraction(4, 3), fps=None)
    path = write_clip(tmp_path / "clip.y4m", moving(1, form), form)
    made = enhance_clip(path, tmp_path / "out.mp4")
    assert len(made.notes) == 2
    assert "pixel aspect 4/3 is lost" in made.notes[0]
    assert "25 frames a second are written" in made.notes[1]


def test_a_codec_that_is_not_there(tmp_path: Path) -> None:
    for codec in ("none", "zzzz"):
        with pytest.raises(OutputError) as refused:
            write(tmp_path / "clip.mp4", codec=codec)
        text = str(refused.value)
        assert f"clip.mp4: codec {codec} is not there for .mp4" in text
        assert "there: mp4v" in text
        assert "install ffmpeg" in text
    with pytest.raises(InputError, match="four letters"):
        write(tmp_path / "clip.mp4", codec="h265x")
    assert list(tmp_path.iterdir()) == []


def test_odd_sides_and_unknown_suffixes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="63×48 px have an odd side"):
        ContainerWriter(tmp_path / "clip.mp4", replace(RGB, width=63))
    with pytest.raises(InputError, match="is no container"):
        ContainerWriter(tmp_path / "clip.gif", RGB)


def test_files_that_are_no_video(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"no video" * 100)
    with pytest.raises(PictureError, match="OpenCV finds no video"):
        ContainerClip(path)
    write(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(PictureError, match="OpenCV finds no video"), open_clip(path):
        pass


def test_a_container_that_was_cut_off_says_so(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    write(path, 8)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with open_clip(path) as clip:
        count = len(list(clip.frames()))
        assert 0 < count < 8
        assert clip.expected is None or clip.expected <= count or "are read" in clip.note

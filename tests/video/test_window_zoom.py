"""Window zoom: which frames each is made of, that it is the burst zoom, and that it holds still."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import psnr, resize_bicubic, rgb_to_ycbcr
from edge_sdk.video import (
    Sampling,
    enhance_clip,
    frame_to_rgb,
    motions_between,
    rgb_to_frame,
    temporal_difference,
    zoom_clip,
)
from edge_sdk.video.destination import part_of
from edge_sdk.video.form import same_frames
from edge_sdk.video.window_zoom import windows
from tests.builders.clips import FORM, moving, read_clip, write_clip
from tests.examples import examples


@given(st.integers(0, 12), st.integers(0, 5))
@examples(40)
def test_a_window_holds_the_frames_around_its_middle(count: int, reach: int) -> None:
    found = list(windows(iter(range(count)), reach))
    assert len(found) == count
    for index, (held, place) in enumerate(found):
        assert held == list(range(max(0, index - reach), min(count, index + reach + 1)))
        assert held[place] == index


def test_no_more_frames_are_read_than_the_window_needs() -> None:
    read: list[int] = []

    def coming() -> object:
        for index in range(9):
            read.append(index)
            yield index

    made = windows(coming(), 2)  # type: ignore[arg-type]
    for index in range(3):
        next(made)
        assert read == list(range(index + 3))


@pytest.mark.slow
def test_each_frame_is_the_burst_zoom_around_it(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.y4m", moving(4, noise_std=0.02))
    zoom_clip(path, tmp_path / "out.y4m", 3, model="none")
    (_, given), (form, made) = read_clip(path), read_clip(tmp_path / "out.y4m")
    assert (form.width, form.height, len(made)) == (128, 96, 4)
    colors = torch.stack([frame_to_rgb(frame, FORM) for frame in given])
    for index, low, high in ((0, 0, 2), (2, 1, 4), (3, 2, 4)):
        result = zoom(colors[low:high], None, ZoomConfig(reference=index - low))
        assert same_frames(rgb_to_frame(result.pixels, form), made[index])


@pytest.mark.parametrize("model", ["none", None])
def test_a_static_clip_comes_out_static(tmp_path: Path, model: str | None) -> None:
    path = write_clip(tmp_path / "clip.y4m", 4 * moving(1, noise_std=0.05))
    zoom_clip(path, tmp_path / "out.y4m", 3, model=model)
    _, frames = read_clip(tmp_path / "out.y4m")
    assert len(frames) == 4
    assert all(same_frames(frames[0], frame) for frame in frames)


@pytest.mark.slow
def test_frames_that_repeat_bring_nothing(tmp_path: Path) -> None:
    first, second = moving(2, noise_std=0.02)
    for name, frames in (("twice", [first, first, second, second]), ("once", [first, second])):
        write_clip(tmp_path / f"{name}.y4m", frames)
        zoom_clip(tmp_path / f"{name}.y4m", tmp_path / f"{name}_out.y4m", 7, model="none")
    _, twice = read_clip(tmp_path / "twice_out.y4m")
    _, once = read_clip(tmp_path / "once_out.y4m")
    assert same_frames(twice[0], once[0])
    assert same_frames(twice[1], once[0])
    assert same_frames(twice[3], once[1])


@pytest.mark.slow
def test_a_long_job_goes_on(tmp_path: Path) -> None:
    path, out = write_clip(tmp_path / "clip.y4m", moving(4)), tmp_path / "out.y4m"
    zoom_clip(path, out, 3, model="none")
    whole = out.read_bytes()
    part_of(out).write_bytes(whole[: len(whole) * 2 // 3])
    assert zoom_clip(path, out, 3, model="none", resume=True).resumed == 2
    assert out.read_bytes() == whole
    part_of(out).write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError, match="with other settings"):
        zoom_clip(path, out, 5, model="none", resume=True)


def recorded(count: int) -> tuple[list[Tensor], list[Tensor]]:
    """A photograph that goes by as a sensor records it, and the truth: means of 2×2 and noise."""
    photo = example_photo("chelsea")[:, 60:, 100:]
    large = [photo[:, index : index + 128, 3 * index : 3 * index + 160] for index in range(count)]
    generator = torch.Generator().manual_seed(0)
    noise = 2 / 255 * torch.randn(count, 3, 64, 80, generator=generator)
    small = functional.avg_pool2d(torch.stack(large), 2) + noise
    return large, list(small.clamp(0, 1))


@pytest.mark.slow
def test_a_window_beats_single_frames_and_flickers_no_more(tmp_path: Path) -> None:
    large, small = recorded(5)
    form = replace(FORM, width=80, height=64, sampling=Sampling.C444)
    path = write_clip(tmp_path / "clip.y4m", small, form)
    zoom_clip(path, tmp_path / "window.y4m", 5)
    enhance_clip(path, tmp_path / "single.y4m")
    truth = [rgb_to_ycbcr(each)[:1] for each in large]
    motions = motions_between(truth)
    clips = {"bicubic": [resize_bicubic(rgb_to_ycbcr(each)[:1], 2) for each in small]}
    for name in ("window", "single"):
        found, frames = read_clip(tmp_path / f"{name}.y4m")
        clips[name] = [rgb_to_ycbcr(frame_to_rgb(frame, found))[:1] for frame in frames]
    inner = (slice(None), slice(8, -8), slice(8, -8))
    quality = {
        name: sum(float(psnr(lumas[i][inner], truth[i][inner])) for i in range(5)) / 5
        for name, lumas in clips.items()
    }
    flicker = {name: temporal_difference(lumas, motions).levels for name, lumas in clips.items()}
    assert quality["window"] > quality["single"] + 0.3
    assert flicker["window"] <= min(flicker["single"], flicker["bicubic"])


def test_bad_input(tmp_path: Path) -> None:
    path, out = write_clip(tmp_path / "clip.y4m", moving(1)), tmp_path / "out.y4m"
    for window in (0, 2, 33, -1):
        with pytest.raises(InputError, match="an odd number of frames, 1 to 31"):
            zoom_clip(path, out, window)
    with pytest.raises(InputError, match="leave reference and crop out"):
        zoom_clip(path, out, config=ZoomConfig(reference=0))
    small = replace(FORM, width=31)
    write_clip(tmp_path / "small.y4m", moving(1, small), small)
    with pytest.raises(PictureError, match="31×48 px are too small to zoom"):
        zoom_clip(tmp_path / "small.y4m", out)
    assert not out.exists()

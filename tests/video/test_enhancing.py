"""Clips through networks: planes as they are, what stands still stays still, work that goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.imaging import resize_bicubic, rgb_to_ycbcr
from edge_sdk.models import Color, PictureSpec, enhance_picture, enhance_planes
from edge_sdk.models.picture import Chroma
from edge_sdk.video import (
    ClipForm,
    Matrix,
    Sampling,
    Swing,
    enhance_clip,
    frame_to_rgb,
    motions_between,
    temporal_difference,
)
from edge_sdk.video.destination import part_of
from edge_sdk.video.enhancing import Enhancing
from edge_sdk.video.form import same_frames
from edge_sdk.zoo.networks import fused_by_name
from tests.builders.clips import FORM, moving, random_frame, read_clip, write_clip


class Same(nn.Module):
    """A network that changes nothing, or enlarges by repeating; it counts its calls."""

    def __init__(self, color: Color, scale: int = 1) -> None:
        super().__init__()
        self.spec = PictureSpec("same", "restoration", scale, color, 1, 0)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        scale = self.spec.scale
        return x.repeat_interleave(scale, -1).repeat_interleave(scale, -2)


def through(
    network: Same, form: ClipForm, target: ClipForm, *frames: tuple[Tensor, ...],
    chroma: Chroma = "bicubic",
) -> list[tuple[Tensor, ...]]:  # fmt: skip
    work = Enhancing(network.spec, lambda width, height: network, chroma, "")
    return list(work.frames(iter(frames), form, target, 0))


@pytest.mark.parametrize("swing", list(Swing))
@pytest.mark.parametrize("sampling", [each for each in Sampling if each is not Sampling.RGB])
def test_a_luma_network_that_changes_nothing_changes_no_plane(
    sampling: Sampling, swing: Swing
) -> None:
    # Levels that exist in no color too: there is no way through red, green and blue.
    form = ClipForm(21, 13, sampling, swing=swing)
    frame = random_frame(form)
    (made,) = through(Same(Color.Y), form, form, frame)
    assert same_frames(made, frame)


def test_a_color_network_that_changes_nothing_keeps_colors_within_a_level() -> None:
    for matrix in Matrix:
        form = replace(FORM, sampling=Sampling.C444, matrix=matrix)
        frame = tuple((plane // 8 + 112) for plane in random_frame(form))
        (made,) = through(Same(Color.RGB), form, form, frame)
        for one, other in zip(made, frame, strict=True):
            assert int((one.int() - other.int()).abs().max()) <= 1


@pytest.mark.parametrize("chroma", ["bicubic", "bilinear"])
def test_chroma_is_interpolated_and_luma_is_not(chroma: Chroma) -> None:
    form, target = ClipForm(8, 8), ClipForm(16, 16)
    frame = random_frame(form)
    (made,) = through(Same(Color.Y, 2), form, target, frame, chroma=chroma)
    assert torch.equal(made[0][::2, ::2], frame[0])
    if chroma == "bicubic":
        expected = 255 * resize_bicubic(frame[1].float() / 255, 2)
    else:
        expected = nn.functional.interpolate(
            frame[1][None, None].float(), scale_factor=2, mode="bilinear"
        )[0, 0]
    inner = (slice(1, -1), slice(1, -1))
    torch.testing.assert_close(
        made[1].float()[inner], expected.clamp(0, 255)[inner], rtol=0, atol=0.51
    )


def test_the_luma_of_a_clip_is_the_networks_of_its_plane(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.y4m", moving(2))
    enhance_clip(path, tmp_path / "out.y4m")
    (_, given), (_, made) = read_clip(path), read_clip(tmp_path / "out.y4m")
    network = fused_by_name("sr_x2_y")
    for before, after in zip(given, made, strict=True):
        plane = enhance_planes(before[0][None, None].float() / 255, network)[0, 0]
        assert float((after[0].float() - 255 * plane).abs().max()) <= 0.51
        colors = enhance_picture(frame_to_rgb(before, FORM), network)
        apart = (after[0].float() - 255 * rgb_to_ycbcr(colors)[0]).abs()
        assert float(apart.mean()) < 1


def test_a_luma_network_sees_limited_range_whatever_the_clip_has() -> None:
    seen: list[Tensor] = []

    class Seeing(Same):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(255 * x)
            return super().forward(x)

    form = ClipForm(3, 1, Sampling.MONO)
    levels = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    for swing in Swing:
        through(Seeing(Color.Y), *2 * (replace(form, swing=swing),), (levels,))
    assert seen[0].flatten().tolist() == pytest.approx([0, 51, 255], abs=1e-4)
    assert seen[1].flatten().tolist() == pytest.approx([16, 16 + 219 / 5, 235], abs=1e-4)


@pytest.mark.parametrize("model", ["sr_x2_y", "denoise_rgb"])
def test_the_form_of_a_clip_is_kept(tmp_path: Path, model: str) -> None:
    form = replace(
        FORM, width=33, height=21, matrix=Matrix.BT709, swing=Swing.FULL, comments=("NOTE=1",)
    )
    path = write_clip(tmp_path / "clip.y4m", moving(1, form), form)
    made = enhance_clip(path, tmp_path / "out.y4m", model)
    written, _ = read_clip(tmp_path / "out.y4m")
    scale = 2 if model == "sr_x2_y" else 1
    assert (written.width, written.height) == (33 * scale, 21 * scale)
    assert replace(written, width=33, height=21, comments=form.comments) == form
    assert written.comments[0] == "NOTE=1"
    assert any("the matrix stays bt709" in note for note in made.notes)
    enhance_clip(tmp_path / "out.y4m", tmp_path / "again.y4m", model)
    again, _ = read_clip(tmp_path / "again.y4m")
    assert len(again.comments) == len(written.comments)


@pytest.mark.parametrize("model", ["sr_x2_y", "denoise_rgb"])
def test_a_static_clip_comes_out_static(tmp_path: Path, model: str) -> None:
    path = write_clip(tmp_path / "clip.y4m", 4 * moving(1, noise_std=0.05))
    enhance_clip(path, tmp_path / "out.y4m", model)
    _, frames = read_clip(tmp_path / "out.y4m")
    assert len(frames) == 4
    assert all(same_frames(frames[0], frame) for frame in frames)


def test_a_frame_comes_out_the_same_wherever_it_stands(tmp_path: Path) -> None:
    first, second = moving(2)
    path = write_clip(tmp_path / "clip.y4m", [first, second, first])
    enhance_clip(path, tmp_path / "out.y4m")
    _, frames = read_clip(tmp_path / "out.y4m")
    assert same_frames(frames[0], frames[2])
    assert not same_frames(frames[0], frames[1])


def test_what_repeats_is_made_once() -> None:
    network, frame = Same(Color.Y), random_frame(FORM)
    made = through(network, FORM, FORM, *(3 * [frame]), random_frame(FORM, 1))
    assert len(made) == 4
    assert network.calls == 2


def test_a_moving_clip_flickers_no_more_than_before(tmp_path: Path) -> None:
    form = replace(FORM, width=128, height=96)
    path = write_clip(tmp_path / "clip.y4m", moving(3, form, 2, noise_std=0.06), form)
    enhance_clip(path, tmp_path / "out.y4m", "denoise_rgb")
    motions = motions_between(frame.mean(0, keepdim=True) for frame in moving(3, form, 2))
    figures = []
    for name in ("clip.y4m", "out.y4m"):
        found, frames = read_clip(tmp_path / name)
        lumas = [rgb_to_ycbcr(frame_to_rgb(frame, found))[:1] for frame in frames]
        figures.append(temporal_difference(lumas, motions))
    assert figures[0].pairs == figures[1].pairs == 2
    assert figures[1].levels < 0.8 * figures[0].levels


def test_a_long_job_goes_on(tmp_path: Path) -> None:
    path, out = write_clip(tmp_path / "clip.y4m", moving(4)), tmp_path / "out.y4m"
    enhance_clip(path, out)
    whole = out.read_bytes()
    out.unlink()

    def stop(label: str, done: int, total: int) -> None:
        assert (label, total) == ("frames", 4)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enhance_clip(path, out, on_progress=stop)
    assert not out.exists()
    part = part_of(out)
    # A frame that was half written when the power went.
    part.write_bytes(part.read_bytes() + b"FRAME\n123")
    made = enhance_clip(path, out, resume=True)
    assert (made.frames, made.resumed) == (4, 2)
    assert out.read_bytes() == whole
    assert not part.exists()


def test_what_was_begun_otherwise_is_not_gone_on_with(tmp_path: Path) -> None:
    path, out = write_clip(tmp_path / "clip.y4m", moving(2)), tmp_path / "out.y4m"
    other = write_clip(tmp_path / "other.y4m", moving(2)[::-1])
    enhance_clip(path, out)
    begun = out.read_bytes()
    part_of(out).write_bytes(begun[:-20])
    for source, chroma in ((path, "bilinear"), (other, "bicubic")):
        with pytest.raises(InputError, match="was made of another clip"):
            enhance_clip(source, out, resume=True, chroma=chroma)  # type: ignore[arg-type]
    assert enhance_clip(path, out, resume=True).resumed == 1
    assert out.read_bytes() == begun
    # Without anything to go on with, it is made from the beginning.
    assert enhance_clip(path, out, resume=True).resumed == 0


def test_a_clip_that_ends_early_keeps_what_was_made(tmp_path: Path) -> None:
    path, out = write_clip(tmp_path / "clip.y4m", moving(3)), tmp_path / "out.y4m"
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    with pytest.raises(PictureError, match=r"ends within frame 2.*2 frames are in .*--resume"):
        enhance_clip(path, out)
    assert not out.exists()
    path.write_bytes(whole)
    assert enhance_clip(path, out, resume=True).resumed == 2
    path.write_bytes(whole[: -2 * (FORM.frame_bytes + 6) - 30])
    with pytest.raises(PictureError, match="ends within frame 0"):
        enhance_clip(path, out)
    assert not part_of(out).exists()


def test_raw_frames_come_out_as_they_came_in(tmp_path: Path) -> None:
    from edge_sdk.video import ClipOptions, PixelFormat

    path = write_clip(tmp_path / "clip.y4m", moving(2))
    enhance_clip(path, tmp_path / "out.y4m")
    enhance_clip(path, tmp_path / "out.i420")
    _, made = read_clip(tmp_path / "out.y4m")
    planes = b"".join(bytes(plane.flatten().tolist()) for frame in made for plane in frame)
    assert (tmp_path / "out.i420").read_bytes() == planes
    _, given = read_clip(path)
    raw = b"".join(bytes(plane.flatten().tolist()) for frame in given for plane in frame)
    (tmp_path / "clip.yuv").write_bytes(raw)
    options = ClipOptions(PixelFormat.I420, (64, 48))
    enhance_clip(tmp_path / "clip.yuv", tmp_path / "out.yuv", options=options)
    assert (tmp_path / "out.yuv").read_bytes() == planes
    (tmp_path / "clip.nv12").write_bytes(b"".join(map(_by_turns, given)))
    enhance_clip(tmp_path / "clip.nv12", tmp_path / "out.nv12", options=ClipOptions(size=(64, 48)))
    assert (tmp_path / "out.nv12").read_bytes() == b"".join(map(_by_turns, made))


def _by_turns(frame: tuple[Tensor, ...]) -> bytes:
    """A frame as NV12 has it."""
    y, u, v = (plane.flatten().tolist() for plane in frame)
    return bytes(y) + bytes(level for pair in zip(u, v, strict=True) for level in pair)


def test_places_that_are_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.y4m", moving(1))
    with pytest.raises(InputError, match="is the clip itself"):
        enhance_clip(path, path)
    with pytest.raises(OutputError, match="names no kind of clip"):
        enhance_clip(path, tmp_path / "out.gif")
    with pytest.raises(InputError, match=r"cannot be resumed, a \.y4m file alone can"):
        enhance_clip(path, tmp_path / "out.mp4", resume=True)
    with pytest.raises(InputError, match="chroma 'nearest' is unknown"):
        enhance_clip(path, tmp_path / "out.y4m", chroma="nearest")  # type: ignore[arg-type]
    with pytest.raises(PictureError, match="holds no frame"):
        enhance_clip(write_clip(tmp_path / "empty.y4m", []), tmp_path / "out.y4m")
    with pytest.raises(OutputError, match="does not exist"):
        enhance_clip(path, tmp_path / "none" / "out.y4m")
    (tmp_path / "folder.y4m").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        enhance_clip(path, tmp_path / "folder.y4m")
    mono = write_clip(tmp_path / "mono.y4m", moving(1), replace(FORM, sampling=Sampling.MONO))
    with pytest.raises(InputError, match="is 4:2:0 and the clip is mono"):
        enhance_clip(mono, tmp_path / "out.nv12")
    assert sorted(each.suffix for each in tmp_path.iterdir()) == 4 * [".y4m"]

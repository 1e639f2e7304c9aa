from __future__ import annotations

import functools
import importlib

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.burst import ZoomConfig, enlarge_single, zoom
from edge_sdk.burst.baselines import average_aligned, bicubic
from edge_sdk.data.camera import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.data.examples import PHOTOS, example_photo
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import psnr, quantise

NOISE = 8 / 255


def bilinear() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear")


@functools.cache
def network() -> nn.Module:
    from edge_sdk.reparam.fuse import fuse
    from edge_sdk.zoo import load_model

    return fuse(load_model("sr_x2_y"), torch.rand(1, 1, 24, 24))[0]


@functools.cache
def photo(name: str) -> Tensor:
    pytest.importorskip("skimage")
    return example_photo(name)


@functools.cache
def small_burst(frames: int = 5, top: int = 0) -> SimulatedBurst:
    picture = photo("chelsea")[:, top : top + 250, 100:330]
    return simulate_burst(picture, CameraConfig(frames=frames))


@pytest.mark.parametrize("level", [0.0, 0.2, 0.6, 1.0])
def test_a_constant_burst_stays_constant(level: float) -> None:
    result = zoom(torch.full((4, 3, 50, 61), level), bilinear())
    assert result.pixels.shape == (3, 100, 122)
    assert result.used == 4
    assert float((result.pixels - level).abs().max()) <= 1 / 255


def test_mean_brightness_is_kept() -> None:
    burst = small_burst()
    result = zoom(burst.frames, bilinear())
    mean = float(bicubic(burst, result.reference).mean())
    assert float(result.pixels.mean()) == pytest.approx(mean, rel=1e-3)


def test_the_order_of_the_other_frames_does_not_matter() -> None:
    frames = small_burst().frames
    config = ZoomConfig(reference=0, noise_std=NOISE)
    first = zoom(frames, bilinear(), config)
    second = zoom(frames[[0, 3, 1, 4, 2]], bilinear(), config)
    torch.testing.assert_close(second.pixels, first.pixels, rtol=0, atol=1e-5)


def test_the_size_of_the_tiles_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = small_burst().frames
    config = ZoomConfig(reference=0, noise_std=NOISE)
    module = importlib.import_module("edge_sdk.burst.zoom")
    results = []
    for inside in (64, 32):
        monkeypatch.setattr(module, "INSIDE_PX", (inside,))
        results.append(zoom(frames, bilinear(), config).pixels)
    # At the rim a frame's edge pixels enter or not by where a tile's whole-pixel crop lies.
    content = (slice(None), slice(40, -40), slice(40, -40))
    torch.testing.assert_close(results[1][content], results[0][content], rtol=0, atol=1e-4)


def test_one_frame_is_enlarged_by_the_network_alone() -> None:
    frame = small_burst().frames[:1]
    result = zoom(frame, bilinear())
    assert result.used == 1
    torch.testing.assert_close(result.pixels, enlarge_single(frame[0], bilinear()).clamp(0, 1))


def test_a_foreign_frame_is_left_out_and_says_why() -> None:
    burst = small_burst(4)
    height, width = burst.frames.shape[-2:]
    foreign = photo("coffee")[None, :, :height, :width]
    frames = torch.cat((burst.frames, foreign))
    config = ZoomConfig(reference=0, noise_std=NOISE)
    result = zoom(frames, bilinear(), config)
    assert result.used == 4
    assert result.frames[4].note
    assert result.frames[4].share == 0.0
    without = zoom(burst.frames, bilinear(), config)
    torch.testing.assert_close(result.pixels, without.pixels, rtol=0, atol=1e-4)


def test_reports() -> None:
    result = zoom(small_burst().frames, bilinear(), ZoomConfig(reference=2))
    assert result.reference == 2
    assert result.forced
    assert result.frames[2].registration is None
    assert result.frames[2].share == 1.0
    assert all(0.8 < frame.share <= 1 for frame in result.frames)
    assert result.noise_std == pytest.approx(NOISE, rel=0.2)
    assert set(result.seconds) == {"reference", "align", "merge", "enhance"}


def test_progress_is_told() -> None:
    calls: list[tuple[str, int, int]] = []
    zoom(small_burst().frames, bilinear(), on_progress=lambda *call: calls.append(call))
    assert calls[:2] == [("reference", 1, 1), ("align", 1, 1)]
    assert [done for stage, done, _ in calls if stage == "merge"] == list(
        range(1, calls[-1][2] + 1)
    )


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (71, 33), (129, 40)])
def test_odd_and_portrait_sizes(height: int, width: int) -> None:
    frames = small_burst(3).frames[..., :height, :width]
    if frames.shape[-2:] != (height, width):
        frames = torch.nn.functional.interpolate(small_burst(3).frames, (height, width))
    result = zoom(frames, bilinear())
    assert result.pixels.shape == (3, 2 * height, 2 * width)
    assert bool(torch.isfinite(result.pixels).all())


def test_turning_the_burst_turns_the_result() -> None:
    frames = small_burst().frames
    config = ZoomConfig(reference=0, noise_std=NOISE)
    upright = zoom(frames, bilinear(), config).pixels
    lying = zoom(frames.transpose(-1, -2), bilinear(), config).pixels
    assert psnr(lying.transpose(-1, -2).contiguous(), upright, border=20) > 50


@pytest.mark.parametrize("size", [(31, 64), (64, 31)])
def test_small_frames_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(PictureError, match="too small to zoom"):
        zoom(torch.rand(2, 3, *size), bilinear())


@pytest.mark.parametrize("shape", [(0, 3, 64, 64), (2, 1, 64, 64), (3, 64, 64)])
def test_what_is_no_burst_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="frames must be"):
        zoom(torch.rand(shape), bilinear())


@pytest.mark.parametrize(
    "settings",
    [{"scale": 3}, {"reference_weight": 0.5}, {"noise_std": -0.1}, {"noise_std": 1.1}],
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InputError):
        ZoomConfig(**settings)  # type: ignore[arg-type]


def test_noise_in_flat_areas_falls_with_more_frames() -> None:
    flat = (0.5 + NOISE * torch.randn(16, 3, 80, 90)).clamp(0, 1)
    left = []
    for count in (1, 4, 16):
        result = zoom(flat[:count], bilinear())
        assert result.used == count
        left.append(float(result.pixels.std()))
    assert left[1] < 0.85 * left[0]
    assert left[2] < 0.75 * left[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_a_moved_object_leaves_no_ghost(name: str) -> None:
    burst = simulate_burst(photo(name), CameraConfig())
    frames = burst.frames.clone()
    height, width = frames.shape[-2:]
    side = round((0.05 * height * width) ** 0.5)
    top, left = height // 2 - side // 2, width // 3 - side // 2
    rows, columns = slice(top, top + side), slice(left, left + side)
    thing = torch.tensor([0.8, 0.3, 0.2]).view(3, 1, 1)
    noise = NOISE * torch.randn(5, 3, side, side)
    frames[5:, :, rows, columns] = (thing + noise).clamp(0, 1)
    result = zoom(frames, network(), ZoomConfig(reference=0))
    truth = burst.truth(0)
    area = (slice(None), slice(2 * top, 2 * (top + side)), slice(2 * left, 2 * (left + side)))
    ours = psnr(result.pixels[area], truth[area])
    assert ours >= psnr(bicubic(burst, 0)[area], truth[area]) - 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_bar(name: str, seed: int) -> None:
    burst = simulate_burst(photo(name), CameraConfig(seed=seed))
    result = zoom(burst.frames, network())
    truth = quantise(burst.truth(result.reference))
    ours = psnr(quantise(result.pixels), truth)
    assert result.used == 10
    assert ours >= psnr(quantise(bicubic(burst, result.reference)), truth) + 2.0
    assert ours >= psnr(quantise(average_aligned(burst, result.reference)), truth)


def test_baselines() -> None:
    burst = small_burst()
    truth = burst.truth(1)
    single, average = bicubic(burst, 1), average_aligned(burst, 1)
    assert single.shape == average.shape == truth.shape
    assert psnr(average, truth) > psnr(single, truth) + 1
    for baseline in (bicubic, average_aligned):
        with pytest.raises(InputError, match="reference 5 is not one of the 5 frames"):
            baseline(burst, 5)

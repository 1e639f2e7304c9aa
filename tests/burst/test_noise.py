"""Noise of a burst: its curves, how stages read them, and what is measured between frames."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.burst import TensorSource, ZoomConfig, zoom
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.noise.file import read_noise, write_noise
from edge_sdk.burst.noise.gauge import MAX_SMOOTHING, MAX_STD, measure_noise
from edge_sdk.burst.reference.choice import choose_reference, is_blurry
from edge_sdk.burst.reference.noise import estimate_noise_std
from edge_sdk.burst.stages.noise_map import LEVELS, luma_noise, noise_at, white_noise
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import linear_to_srgb, rgb_to_ycbcr, srgb_to_linear
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.field import MotionField
from tests.examples import examples
from tests.needs import needs

pytestmark = needs("examples")

STD = 6 / 255
MOST = 1.0


def scene() -> Tensor:
    return example_photo("coffee")[:, :256, :320]


def noise(count: int, seed: int = 0, std: float = STD) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return std * torch.randn(count, 3, 256, 320, generator=generator)


def measured(frames: Tensor, single_std: float = MOST) -> Noise:
    """What is measured of frames at rest, the first being the reference."""
    at_rest = MotionField(torch.eye(3, dtype=torch.float64), *frames.shape[-2:])
    motions = dict.fromkeys(range(1, len(frames)), at_rest)
    return measure_noise(TensorSource(frames), 0, motions, single_std)


@examples(20)
@given(st.lists(st.floats(0, 0.2), min_size=12, max_size=12), st.floats(-0.2, 1.2))
def test_curves_are_interpolated_between_their_points(points: list[float], level: float) -> None:
    curves = torch.tensor(points, dtype=torch.float64).reshape(1, 1, len(LEVELS), 2)
    fine, coarse = noise_at(
        curves.expand(1, 3, -1, -1), torch.full((1, 3, 2, 2), level, dtype=torch.float64)
    )
    inside = min(max(level, 0.0), 1.0)
    for kind, found in ((0, fine), (1, coarse)):
        above = next(k for k, at in enumerate(LEVELS) if at >= inside and k > 0)
        share = (inside - LEVELS[above - 1]) / (LEVELS[above] - LEVELS[above - 1])
        low, high = curves[0, 0, above - 1, kind], curves[0, 0, above, kind]
        expected = low + share * (high - low)
        torch.testing.assert_close(found, expected.expand_as(found), rtol=1e-9, atol=1e-12)


def test_noise_of_luma_is_that_of_equal_colors_that_give_the_same() -> None:
    level = torch.full((1, 3, 2, 2), 0.4)
    torch.testing.assert_close(luma_noise(white_noise(0.03), level), torch.full((1, 1, 2, 2), 0.03))
    colors = torch.tensor([0.01, 0.02, 0.09]).reshape(1, 3, 1, 1).expand(1, 3, len(LEVELS), 2)
    draws = colors[0, :, :1, :1] * torch.randn(3, 300, 300)
    gray = torch.randn(3, 300, 300)
    ratio = rgb_to_ycbcr(draws)[0].std() / rgb_to_ycbcr(gray)[0].std()
    assert float(luma_noise(colors, level)[0, 0, 0, 0]) == pytest.approx(float(ratio), rel=0.02)


def test_white_noise_says_the_same_at_all_levels() -> None:
    white = Noise.white(0.04)
    assert white.is_white
    assert torch.equal(white.tensor(), white_noise(0.04))
    limited = Noise(white.std * torch.arange(1, 7), white.coarse_std, 0.1).limited(0.05)
    assert float(limited.tensor().max()) == pytest.approx(0.05)
    assert limited.typical_std == 0.05
    assert not limited.is_white


@pytest.mark.parametrize("std", [2 / 255, 8 / 255, 16 / 255])
@pytest.mark.parametrize("textured", [False, True])
def test_white_noise_comes_out_at_its_level(std: float, textured: bool) -> None:
    picture = 0.1 + 0.8 * scene() if textured else torch.full((3, 256, 320), 0.5)
    found = measured(picture + noise(5, std=std))
    assert found.typical_std == pytest.approx(std, rel=0.05)
    middle = slice(1, 5) if textured else slice(3, 5)
    for curve in (found.std, found.coarse_std):
        torch.testing.assert_close(
            curve[:, middle], torch.full_like(curve[:, middle], std), rtol=0.15, atol=0
        )


@pytest.mark.parametrize("std", [2 / 255, 8 / 255])
@pytest.mark.parametrize("name", ["coffee", "chelsea", "rocket"])
def test_neither_motion_nor_aliased_texture_is_noise(name: str, std: float) -> None:
    camera = CameraConfig(frames=5, noise_std=std, seed=1, lens_std_px=0.2)
    burst = simulate_burst(example_photo(name)[:, :340, :420], camera)
    assert zoom(burst.frames).noise_std == pytest.approx(std, rel=0.15)


def test_noise_by_color_and_level_is_told_apart() -> None:
    ramp = torch.linspace(0.03, 0.9, 320).expand(3, 256, 320)
    shares = torch.tensor([1.0, 0.5, 2.0])[:, None, None]
    slope = 0.5 + 2 * ramp
    found = measured(ramp + noise(6, std=4 / 255) * shares * slope)
    levels = torch.tensor(LEVELS[1:5])
    expected = 4 / 255 * shares[:, 0] * (0.5 + 2 * levels)
    torch.testing.assert_close(found.std[:, 1:5].float(), expected, rtol=0.12, atol=0)
    torch.testing.assert_close(found.coarse_std[:, 1:5].float(), expected, rtol=0.15, atol=0)


def test_noise_whose_neighbors_go_along_is_larger_in_means() -> None:
    smooth = gaussian_blur(noise(5, std=20 / 255), 0.8)
    picture = 0.2 + 0.6 * scene()
    found = measured(picture + smooth)
    true = float(smooth.std())
    true_coarse = 3 * float(torch.nn.functional.avg_pool2d(smooth, 3, 1).std())
    assert found.std[:, 2:5].mean() == pytest.approx(true, rel=0.1)
    assert found.coarse_std[:, 2:5].mean() == pytest.approx(true_coarse, rel=0.1)
    assert true_coarse > 1.5 * true
    assert not found.is_white


def test_smooth_noise_that_one_frame_hides_is_found() -> None:
    frames = scene() + gaussian_blur(noise(4, std=20 / 255), 1.0)
    alone = float(estimate_noise_std(rgb_to_ycbcr(frames)[:1, :1]))
    found = measured(frames, alone)
    assert alone < 2 / 255
    assert found.typical_std > 8 * alone
    assert float(measured(frames, alone / 10).std.max()) == pytest.approx(
        MAX_SMOOTHING * alone / 10
    )


def test_what_moved_does_not_raise_the_level() -> None:
    frames = scene() + noise(3)
    before = measured(frames).typical_std
    moved = frames.clone()
    moved[1:, :, :, :110] = frames[1:, :, :, 210:].flip(-1)
    assert measured(moved).typical_std < 1.25 * before


def test_one_misaligned_frame_does_not_raise_the_level() -> None:
    frames = scene() + noise(5)
    before = measured(frames).typical_std
    frames[4] = frames[4].roll((5, 7), (-2, -1))
    assert measured(frames).typical_std < 1.05 * before


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_clipped_frames_do_not_count(level: float) -> None:
    assert measured(torch.full((2, 3, 64, 64), level), 0.01).typical_std == 0.01


def test_without_another_frame_or_a_tile_the_frame_alone_counts() -> None:
    assert measured(torch.rand(1, 3, 64, 64), 0.02).typical_std == 0.02
    assert measured(torch.rand(2, 3, 18, 64), 0.02).typical_std == 0.02


def test_unlike_frames_show_no_more_noise_than_a_file_may_say(tmp_path: Path) -> None:
    levels = torch.tensor([0.1, 0.9])[:, None, None, None]
    found = measured(levels + 0.04 * torch.rand(2, 3, 96, 96), 0.0)
    assert MAX_STD / 2 < float(found.std.max()) <= MAX_STD
    assert float(found.coarse_std.max()) == MAX_STD
    write_noise(found, tmp_path / "noise.json")
    assert read_noise(tmp_path / "noise.json").std.shape == found.std.shape


@pytest.mark.slow
def test_zoom_does_not_take_motion_for_noise() -> None:
    # A fifth of the picture moves by itself: what a burst of leaves in the wind looks like.
    smooth = gaussian_blur(noise(4, std=12 / 255), 1.0)
    frames = scene() + smooth
    for index in range(1, 4):
        block = frames[index, :, 60:190, 60:190]
        frames[index, :, 60:190, 60:190] = block.roll((17 * index, -23 * index), (-2, -1))
    frames = frames.clamp(0, 1)
    network = torch.nn.Upsample(scale_factor=2, mode="bilinear")
    result = zoom(frames, network, ZoomConfig(reference=0))
    alone = float(estimate_noise_std(rgb_to_ycbcr(frames)[:1, :1]))
    assert result.used == 4
    assert alone < result.noise_std < 13 / 255


def test_a_blurred_frame_is_called_blurry_and_noise_is_not() -> None:
    frames = scene() + noise(3)
    frames[1] = gaussian_blur(scene()[None], 1.5)[0] + noise(3)[1]
    luma = rgb_to_ycbcr(frames)[:, :1]
    assert [is_blurry(choose_reference(luma), index) for index in range(3)] == [False, True, False]
    flat = choose_reference(rgb_to_ycbcr(0.5 + noise(8))[:, :1])
    assert not any(is_blurry(flat, index) for index in range(8))


def test_a_copy_of_the_reference_written_anew_does_not_lower_the_level() -> None:
    burst = simulate_burst(scene(), CameraConfig(frames=5, noise_std=STD, seed=3))
    faint = 0.5 / 255 * torch.randn(2, *burst.frames.shape[1:])
    copies = (burst.frames[:1] + faint).clamp(0, 1)
    config = ZoomConfig(reference=0)
    before = zoom(burst.frames, config=config)
    found = zoom(torch.cat((burst.frames, copies)), config=config)
    assert found.noise_std == pytest.approx(before.noise_std, rel=0.1)
    for index in range(1, 5):
        assert found.frames[index].share > 0.9 * before.frames[index].share


@pytest.mark.parametrize("level", [0.1, 0.5])
def test_bars_that_hold_one_value_have_no_noise_to_show(level: float) -> None:
    frames = 0.1 + 0.8 * scene() + noise(4)
    frames[:, :, :60] = frames[:, :, 200:] = level
    assert measured(frames).typical_std == pytest.approx(STD, rel=0.1)


@pytest.mark.parametrize("stops", [-1.0, 0.7, 1.2])
def test_frames_of_another_exposure_say_the_noise_of_one_in_the_reference_light(
    stops: float,
) -> None:
    dark = 0.6 * example_photo("coffee")[:, :320, :400]
    burst = simulate_burst(dark, CameraConfig(frames=5, noise_std=0, seed=3))
    gains = torch.tensor([1.0, *[2.0**stops] * 4])[:, None, None, None]
    light = (srgb_to_linear(burst.frames) * gains).clamp(0, 1)
    generator = torch.Generator().manual_seed(0)
    grain = STD * torch.randn(burst.frames.shape, generator=generator)
    frames = ((linear_to_srgb(light) + grain) * 255).round().clamp(0, 255) / 255
    result = zoom(frames, config=ZoomConfig(reference=0))
    assert len([frame for frame in result.frames if frame.light is not None]) == 4
    assert result.noise_std == pytest.approx(STD, rel=0.15)

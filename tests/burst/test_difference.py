from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.driver.noise_gauge import MAX_SMOOTHING, NoiseGauge
from edge_sdk.burst.reference.choice import choose_reference, is_blurry
from edge_sdk.burst.reference.noise import estimate_noise_std
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.field import MotionField
from tests.needs import needs

pytestmark = needs("examples")

STD = 6 / 255


def scene() -> Tensor:
    return rgb_to_ycbcr(example_photo("coffee")[:, :256, :320])[:1]


def at_rest(*frames: int) -> dict[int, Tensor]:
    return {index: torch.eye(3, dtype=torch.float64) for index in frames}


def noise(count: int, seed: int = 0, std: float = STD) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return std * torch.randn(count, 1, 256, 320, generator=generator)


def difference_noise_std(
    luma: Tensor, reference: int, motions: dict[int, Tensor], single_std: float
) -> float:
    """What a gauge tells of frames at known motions."""
    gauge = NoiseGauge(luma[reference], single_std)
    for index, matrix in motions.items():
        gauge.measure(luma[index], MotionField(matrix, *luma.shape[-2:]))
    return gauge.noise_std


@pytest.mark.parametrize("std", [2 / 255, 8 / 255, 16 / 255])
@pytest.mark.parametrize("textured", [False, True])
def test_white_noise_comes_out_at_its_level(std: float, textured: bool) -> None:
    picture = scene() if textured else torch.full((1, 256, 320), 0.5)
    luma = picture + noise(5, std=std)
    assert difference_noise_std(luma, 0, at_rest(1, 2, 3, 4), std / 2) == pytest.approx(
        std, rel=0.12
    )


def test_smooth_noise_that_one_frame_hides_is_found() -> None:
    # What a 1 px blur leaves of white noise; the second blur, before measuring, leaves 0.71 more.
    luma = scene() + gaussian_blur(noise(4, std=20 / 255), 1.0)
    alone = float(estimate_noise_std(luma)[0])
    between = difference_noise_std(luma, 0, at_rest(1, 2, 3), alone)
    assert alone < 2 / 255
    assert 3 * alone < between <= MAX_SMOOTHING * alone


def test_what_moved_does_not_raise_the_level() -> None:
    luma = scene() + noise(3)
    before = difference_noise_std(luma, 0, at_rest(1, 2), STD / 4)
    moved = luma.clone()
    moved[1:, :, :, :160] = luma[1:, :, :, 160:].flip(-1)
    assert difference_noise_std(moved, 0, at_rest(1, 2), STD / 4) < 1.25 * before


def test_one_misaligned_frame_does_not_raise_the_level() -> None:
    luma = scene() + noise(5)
    before = difference_noise_std(luma, 0, at_rest(1, 2, 3, 4), STD / 4)
    luma[4] = luma[4].roll((5, 7), (-2, -1))
    assert difference_noise_std(luma, 0, at_rest(1, 2, 3, 4), STD / 4) < 1.05 * before


def test_a_copy_of_the_reference_does_not_lower_the_level() -> None:
    luma = scene() + noise(4)
    luma[3] = luma[0]
    level = difference_noise_std(luma, 0, at_rest(1, 2, 3), STD / 4)
    assert level == difference_noise_std(luma, 0, at_rest(1, 2), STD / 4)
    assert difference_noise_std(luma, 0, at_rest(3), STD / 4) == STD / 4


def test_the_result_stays_within_its_bounds() -> None:
    generator = torch.Generator().manual_seed(1)
    luma = torch.rand(3, 1, 64, 80, generator=generator)
    assert difference_noise_std(luma, 0, at_rest(1, 2), 0.001) == pytest.approx(0.01)
    assert difference_noise_std(luma, 0, at_rest(1, 2), 0.9) == 0.9


@pytest.mark.parametrize("luma", [torch.zeros(2, 1, 64, 64), torch.ones(2, 1, 64, 64)])
def test_clipped_frames_do_not_count(luma: Tensor) -> None:
    assert difference_noise_std(luma, 0, at_rest(1), 0.01) == 0.01


def test_without_another_frame_or_a_tile_the_frame_alone_counts() -> None:
    assert difference_noise_std(torch.rand(2, 1, 64, 64), 0, {}, 0.02) == 0.02
    assert difference_noise_std(torch.rand(2, 1, 15, 64), 0, at_rest(1), 0.02) == 0.02


@pytest.mark.slow
def test_zoom_does_not_take_motion_for_noise() -> None:
    # A fifth of the picture moves by itself: what a burst of leaves in the wind looks like.
    smooth = gaussian_blur(noise(12, std=12 / 255), 1.0).reshape(4, 3, 256, 320)
    frames = example_photo("coffee")[:, :256, :320] + smooth
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
    luma = scene() + noise(3)
    luma[1] = gaussian_blur(scene()[None], 1.5)[0] + noise(3)[1]
    assert [is_blurry(choose_reference(luma), index) for index in range(3)] == [False, True, False]
    flat = choose_reference(0.5 + noise(8))
    assert not any(is_blurry(flat, index) for index in range(8))

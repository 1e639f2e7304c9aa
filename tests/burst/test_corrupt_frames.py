"""Bursts with frames that are black, saturated, blurred, hidden in part or of another scene."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import ZoomConfig, ZoomResult, zoom
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr
from edge_sdk.imaging.filters import gaussian_blur
from tests.needs import needs

pytestmark = needs("examples")

CONFIG = ZoomConfig(reference=0, noise_std=8 / 255, lens_std_px=0.3)


@functools.cache
def frames() -> Tensor:
    return simulate_burst(
        example_photo("coffee")[:, 60:310, 150:400], CameraConfig(frames=4)
    ).frames


@functools.cache
def preserved_state() -> ZoomResult:
    return zoom(frames(), None, CONFIG)


def foreign() -> Tensor:
    height, width = frames().shape[-2:]
    return example_photo("astronaut")[None, :, 40 : 40 + height, 150 : 150 + width]


@pytest.mark.parametrize("kind", ["black", "white", "foreign"])
def test_a_frame_that_shows_nothing_of_the_scene_changes_nothing(kind: str) -> None:
    flat = torch.full_like(frames()[:1], float(kind == "white"))
    corrupt = foreign() if kind == "foreign" else flat
    result = zoom(torch.cat((frames(), corrupt)), None, CONFIG)
    assert result.used == 4
    assert result.frames[4].share == 0.0
    assert "does not match" in result.frames[4].note
    torch.testing.assert_close(result.pixels, preserved_state().pixels, rtol=0, atol=1e-4)


def test_nor_is_it_chosen_as_the_reference() -> None:
    flat = torch.zeros_like(frames()[:1])
    assert zoom(torch.cat((flat, flat + 1, frames()))).reference >= 2


def test_a_blurred_frame_is_reported_and_changes_little() -> None:
    blurred = gaussian_blur(frames()[1:2], 2.5)
    result = zoom(torch.cat((frames(), blurred)), None, CONFIG)
    assert [report.blurry for report in result.frames] == [False] * 4 + [True]
    assert psnr(result.pixels, preserved_state().pixels) > 30


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_frame_hidden_in_part_counts_where_it_is_not(level: float) -> None:
    hidden = frames().clone()
    height, width = hidden.shape[-2:]
    hidden[2, :, height // 2 :, : width // 2] = level
    result = zoom(hidden, None, CONFIG)
    # Well inside what is hidden, the result is what the burst without this frame gives; where the
    # scene itself is as dark as what hides it, within the noise.
    without = zoom(hidden[[0, 1, 3]], None, CONFIG)
    inside = (slice(None), slice(height + 24, None), slice(None, width - 24))
    torch.testing.assert_close(result.pixels[inside], without.pixels[inside], rtol=0, atol=8 / 255)
    mean = (result.pixels[inside] - without.pixels[inside]).abs().mean()
    assert float(mean) < 0.5 / 255
    assert result.frames[2].share < 0.85
    assert bool(torch.isfinite(result.pixels).all())


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_all_frames_flat(level: float) -> None:
    result = zoom(torch.full_like(frames(), level))
    assert float((result.pixels - level).abs().max()) <= 1 / 255


def test_all_frames_blurred() -> None:
    blurred = gaussian_blur(frames(), 3.0)
    result = zoom(blurred)
    assert result.used == 4
    assert not any(report.blurry for report in result.frames)
    assert bool(torch.isfinite(result.pixels).all())


def test_every_frame_of_another_scene_leaves_the_reference_alone() -> None:
    alone = zoom(frames()[:1], None, CONFIG)
    result = zoom(torch.cat((frames()[:1], foreign(), 1 - foreign())), None, CONFIG)
    assert result.used == 1
    torch.testing.assert_close(result.pixels, alone.pixels, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 4])
def test_a_sharp_frame_of_another_scene_is_not_the_reference(first: int) -> None:
    # Sharper than any frame of the burst, and alone.
    sharp = (0.5 + 3 * (foreign() - 0.5)).clamp(0, 1)
    burst = torch.cat((frames()[:first], sharp, frames()[first:]))
    result = zoom(burst, None, ZoomConfig(noise_std=8 / 255))
    assert result.frames[first].score == max(frame.score for frame in result.frames)
    assert result.reference != first
    assert result.used == 4
    assert "does not match" in result.frames[first].note
    assert zoom(burst, None, ZoomConfig(reference=first)).reference == first


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_noise_is_found_beside_what_is_clipped(level: float) -> None:
    config = CameraConfig(frames=5, noise_std=8 / 255)
    photo = example_photo("coffee")[:, 60:310, 150:400].clone()
    photo[:, :, :140] = 4 * level - 1.5
    burst = simulate_burst(photo.clamp(0, 1), config)
    corrupt = burst.frames.clone()
    corrupt[..., :60] = level
    assert zoom(corrupt).noise_std == pytest.approx(8 / 255, rel=0.25)

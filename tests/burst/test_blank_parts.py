"""Areas that hold nothing in any frame: said, and neither mended nor mistaken for the scene."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Rectangle, quantize
from tests.needs import needs

pytestmark = [needs("examples"), pytest.mark.usefixtures("one_thread")]


@functools.cache
def frames() -> Tensor:
    photo = example_photo("coffee")[:, 60:260, 150:350].clone()
    return quantize(simulate_burst(photo, CameraConfig(frames=4, noise_std=4 / 255)).frames)


def damaged(level: float, count: int = 4) -> Tensor:
    """The last 24 rows of the first frames hold one value, as in files that were cut off."""
    burst = frames().clone()
    burst[:count, :, -24:] = level
    return burst


@pytest.mark.parametrize("level", [0.0, 128 / 255, 1.0])
def test_what_all_frames_lost_in_one_place_is_said(level: float) -> None:
    result = zoom(damaged(level))
    height = frames().shape[2]
    # In whole blocks of 8×8 pixels.
    assert result.blank == pytest.approx(24 / height, abs=9 / height)
    assert result.used == 4
    assert bool(torch.isfinite(result.pixels).all())
    assert float((result.pixels[:, -32:] - level).abs().mean()) < 2 / 255


def test_nothing_is_said_of_a_whole_burst_or_one_that_some_frames_lost() -> None:
    assert zoom(frames()).blank == 0
    for count in (1, 2, 3):
        assert zoom(damaged(0.5, count)).blank == 0
    assert zoom(damaged(0.5)[:1]).blank == 0


def test_nor_where_the_part_is_not_enlarged() -> None:
    crop = Rectangle(left=0, top=0, width=64, height=48)
    assert zoom(damaged(0.5), config=ZoomConfig(crop=crop)).blank == 0


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("noise", [0.0, 4 / 255])
def test_nor_of_a_clipped_sky_that_moves_with_the_scene(level: float, noise: float) -> None:
    photo = example_photo("coffee")[:, 60:260, 150:350].clone()
    photo[:, :60, 20:180] = level
    burst = simulate_burst(photo, CameraConfig(frames=4, noise_std=0)).frames
    noisy = (burst + noise * torch.randn(burst.shape)).clamp(0, 1)
    clipped = (burst - level).abs() < 1e-6
    assert zoom(torch.where(clipped, burst, quantize(noisy))).blank == 0


def test_nor_of_frames_without_anything_in_them() -> None:
    assert zoom(torch.full((3, 3, 48, 64), 0.5)).blank == 0

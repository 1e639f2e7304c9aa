"""Pixels of the sensor that are bright in all frames."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import TensorSource, ZoomConfig, zoom
from edge_sdk.burst.frames.hot_pixels import MendedSource, find_hot_pixels
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr
from edge_sdk.registration import MotionField
from tests.needs import needs

pytestmark = needs("examples")

STD = 3 / 255


def moved(x: float, y: float, height: int = 80, width: int = 96) -> MotionField:
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[0, 2], matrix[1, 2] = x, y
    return MotionField(matrix, height, width)


def noise(count: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return (0.2 + STD * torch.randn(count, 3, 80, 96, generator=generator)).clamp(0, 1)


MOTIONS = {1: moved(3, 0), 2: moved(-2, 2), 3: moved(0, -4), 4: moved(5, 5)}
PLACES = torch.tensor([[0, 0, 0], [1, 79, 95], [2, 40, 0], [0, 63, 50], [1, 64, 50], [2, 20, 30]])


def heated(frames: Tensor, level: float = 0.9) -> Tensor:
    frames = frames.clone()
    channel, row, column = PLACES.unbind(1)
    frames[:, channel, row, column] = level
    return frames


def found(frames: Tensor, motions=MOTIONS, reference: int = 0) -> set[tuple[int, ...]]:
    hot = find_hot_pixels(TensorSource(frames), reference, motions, STD)
    return {tuple(place) for place in hot.tolist()}


@pytest.mark.parametrize("level", [0.45, 0.9, 1.0])
def test_hot_pixels_are_found_and_nothing_else(level: float) -> None:
    assert found(heated(noise(), level)) == {tuple(place) for place in PLACES.tolist()}
    assert found(noise()) == set()


def test_one_frame_may_hide_it() -> None:
    frames = heated(noise(7))
    frames[3, :, 40, 0] = 0.2
    motions = {**MOTIONS, 5: moved(4, -3), 6: moved(-6, 1)}
    assert (2, 40, 0) in found(frames, motions)
    # The reference must show it: where it does not, nothing needs to be mended.
    frames[0, :, 20, 30] = 0.2
    assert (2, 20, 30) not in found(frames, motions)


@pytest.mark.parametrize(
    "motions",
    [
        {},
        {1: moved(3, 0)},
        {1: moved(0.3, 0), 2: moved(0, 1.2), 3: moved(-0.5, 0.5), 4: moved(1, 1)},
    ],
    ids=["no frames", "two frames", "a tripod"],
)
def test_without_motion_nothing_tells_them_from_stars(motions) -> None:
    assert found(heated(noise()), motions) == set()


def test_stars_that_move_with_the_frames_stay() -> None:
    frames = noise()
    for index, field in {0: moved(0, 0), **MOTIONS}.items():
        x, y = (int(field.matrix[axis, 2]) for axis in (0, 1))
        frames[index, :, 40 + y, 48 + x] = 1.0
    assert found(frames) == set()


def test_all_else_is_left_as_it_is() -> None:
    frames = heated(noise())
    source = MendedSource(TensorSource(frames), PLACES)
    whole = source.rows(2, 0, 80)
    changed = (whole != frames[2]).nonzero().tolist()
    assert sorted(changed) == sorted(PLACES.tolist())
    assert float((whole - 0.2).abs().max()) < 6 * STD
    for step in (1, 7, 64):
        parts = [source.rows(2, top, min(top + step, 80)) for top in range(0, 80, step)]
        assert torch.equal(torch.cat(parts, 1), whole)


def test_a_burst_with_them_is_zoomed_as_one_without() -> None:
    scene = example_photo("coffee")[:, 60:260, 100:340]
    burst = simulate_burst(scene, CameraConfig(frames=6, noise_std=2 / 255))
    height, width = burst.frames.shape[-2:]
    generator = torch.Generator().manual_seed(1)
    places = torch.rand(30, 2, generator=generator) * torch.tensor([height - 1.0, width - 1.0])
    rows, columns = places.long().unbind(1)
    hot = burst.frames.clone()
    hot[:, torch.arange(30) % 3, rows, columns] = 0.95
    clean = zoom(burst.frames, config=ZoomConfig(reference=0))
    mended = zoom(hot, config=ZoomConfig(reference=0))
    assert clean.hot_pixels == 0
    # Those on a bright place of the scene do not stand out, and do not matter.
    assert 20 <= mended.hot_pixels <= 30
    assert psnr(mended.pixels, clean.pixels) > 40

"""Patches of the simulated camera: its frames, registered with the photograph, one per index."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.data.camera.sensor_noise import SensorNoise
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.data.samples.camera_patches import (
    CameraPatches,
    CameraRange,
    camera_pair,
    stationary_frame,
)
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import srgb_to_linear, to_levels
from edge_sdk.models import Color
from tests.needs import needs
from tests.tolerances import WHOLE_NUMBERS

pytestmark = needs("examples")

QUIET = CameraRange(2, analog_gain=None)
"""Cameras without noise."""


@functools.cache
def photo(side: int = 180) -> Tensor:
    picture = example_photo("chelsea")[:, -side:, 100 : 100 + side]
    return to_levels(picture).to(torch.uint8)


def patches(cameras: CameraRange, color: Color = Color.RGB, seed: int = 0) -> CameraPatches:
    return CameraPatches([("cat", photo())], cameras, color, patch_px=24, length=400, seed=seed)


def displacement(frames: list[Tensor], truths: list[Tensor], scale: int) -> tuple[float, float]:
    """Shift (x, y), in sensor pixels, at which the frames correlate best with the truths.

    The truth is moved by whole pixels and averaged over those of the sensor; the vertex of the
    parabola through three shifts is exact where blur is symmetric and the shift small. A window
    that fades out keeps what enters and leaves at the borders from counting as displacement.
    """
    found = []
    for dim in (-1, -2):
        values = []
        for shift in (-1, 0, 1):
            total = 0.0
            for frame, truth in zip(frames, truths, strict=True):
                seen = functional.avg_pool2d(truth.roll(shift, dim), scale)
                height, width = seen.shape[-2:]
                window = torch.outer(*(torch.hann_window(side) for side in (height, width)))
                pair = torch.stack((frame, seen)).double()
                pair -= (pair * window).sum((2, 3), keepdim=True) / window.sum()
                products = torch.einsum("achw,bchw,hw->ab", pair, pair, window.double())
                total += float(products[0, 1] / (products[0, 0] * products[1, 1]).sqrt())
            values.append(total)
        before, here, after = values
        found.append(0.5 * (before - after) / (before - 2 * here + after) / scale)
    return found[0], found[1]


@pytest.mark.parametrize("bayer", [False, True])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_frame_is_what_the_simulator_takes_at_rest(scale: int, bayer: bool) -> None:
    config = CameraConfig(
        frames=1, scale=scale, lens_std_px=0.4, noise_std=0.0, bayer=bayer, white_balance=(2, 1.6)
    )
    picture = photo().float() / 255
    burst = simulate_burst(picture, config)
    height, width = (scale * side for side in burst.frames.shape[-2:])
    top, left = (burst.scene.shape[-2] - height) // 2, (burst.scene.shape[-1] - width) // 2
    inside = photo()[:, top : top + height, left : left + width]
    frame = stationary_frame(inside, config, torch.Generator())
    error = (frame - burst.frames[0])[:, 4:-4, 4:-4].abs()
    # One level where a float32 sum falls on the other side of a half.
    assert float(error.max()) <= 1.01 / 255
    assert float((error > 0).float().mean()) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_frames_and_photographs_are_registered(scale: int, color: Color) -> None:
    drawn = patches(CameraRange(scale, analog_gain=(4, 16)), color)
    pairs = [drawn[index] for index in range(150)]
    frames, truths = [low for low, _ in pairs], [high for _, high in pairs]
    found = displacement(frames, truths, scale)
    assert max(map(abs, found)) < 0.02
    # The measure sees a pixel of the photograph.
    moved = displacement(frames, [truth.roll(1, -1) for truth in truths], scale)
    assert moved[0] < -0.8 / scale
    assert abs(moved[1]) < 0.02


def test_the_mean_over_noise_is_registered_with_the_photograph() -> None:
    config = dataclasses.replace(
        CameraRange(2).draw(np.random.default_rng(0)), sensor=SensorNoise(analog_gain=16)
    )
    chance = torch.Generator().manual_seed(0)
    picture = photo(300)
    # In linear light, since an encoded mean of light is not the mean of encoded light, which looks
    # like a displacement of up to 0.02 px where a single picture is brighter on one side of edges.
    frames = [srgb_to_linear(stationary_frame(picture, config, chance)) for _ in range(60)]
    mean = torch.stack(frames).mean(0)
    found = displacement([mean], [srgb_to_linear(picture.float() / 255)], 2)
    assert max(map(abs, found)) < 0.02


@pytest.mark.parametrize("cameras", [QUIET, CameraRange(2, jpeg_quality=(100, 100))])
def test_a_constant_photograph_stays_constant(cameras: CameraRange) -> None:
    cameras = dataclasses.replace(cameras, analog_gain=None)
    gray = torch.full((3, 90, 100), 130, dtype=torch.uint8)
    drawn = CameraPatches([("gray", gray)], cameras, Color.RGB, patch_px=16, length=30, seed=0)
    for low, high in (drawn[index] for index in range(30)):
        assert low.shape == (3, 16, 16)
        assert high.shape == (3, 32, 32)
        assert torch.equal(high, torch.full_like(high, 130 / 255))
        assert float((low - 130 / 255).abs().max()) < 1.01 / 255


def test_an_index_and_a_seed_give_one_pair() -> None:
    cameras = CameraRange(2, jpeg_quality=(70, 95))
    first, again, other = patches(cameras), patches(cameras), patches(cameras, seed=1)
    for index in reversed(range(20)):
        assert torch.equal(first[index][0], again[index][0])
        assert torch.equal(first[index][1], again[index][1])
        assert not torch.equal(first[index][0], other[index][0])
    with pytest.raises(IndexError):
        first[400]


def test_the_truth_is_a_piece_of_the_photograph() -> None:
    whole = photo().float() / 255
    pieces = whole.unfold(1, 48, 2).unfold(2, 48, 2).permute(1, 2, 0, 3, 4).flatten(0, 1)
    _, truth = patches(QUIET)[7]
    turned = [torch.rot90(truth, turn, (-2, -1)) for turn in range(4)]
    everything = [*turned, *(each.flip(-1) for each in turned)]
    assert any(bool((pieces == each).flatten(1).all(1).any()) for each in everything)


@pytest.mark.slow
def test_a_patch_is_what_the_whole_frame_shows_there() -> None:
    # The margin holds all that the patch depends on: a longer one would change nothing.
    cameras = CameraRange(2, lens_std_px=(0.5, 0.5), analog_gain=None)
    picture = photo(2 * (24 + 2 * cameras.margin_px))
    drawn = CameraPatches([("a", picture)], cameras, Color.RGB, patch_px=24, length=40, seed=0)
    margin = cameras.margin_px
    config = cameras.draw(np.random.default_rng(0))
    for low, high in (drawn[index] for index in range(40)):
        wide = functional.pad(high, (8, 8, 8, 8), mode="reflect")
        assert wide.shape[-1] == 64
        frames = []
        for turn in range(8):
            turned = torch.rot90(picture, turn % 4, (-2, -1))
            turned = (turned.flip(-1) if turn >= 4 else turned).contiguous()
            for down in range(2):
                for right in range(2):
                    seen = turned[:, 2 * down :, 2 * right :]
                    frame = stationary_frame(seen, config, torch.Generator())
                    top, left = margin - down, margin - right
                    frames.append(frame[:, top : top + 24, left : left + 24])
        assert any(torch.equal(low, frame) for frame in frames)


def test_cameras_are_drawn_between_their_bounds() -> None:
    cameras = CameraRange(3, (0.1, 0.6), (1.0, 64.0), (0.0, 0.0), True, (2.0, 1.5), (60, 62))
    chance = np.random.default_rng(0)
    drawn = [cameras.draw(chance) for _ in range(2000)]
    gains = [camera.sensor.analog_gain for camera in drawn if camera.sensor is not None]
    assert len(gains) == 2000
    assert 1 <= min(gains) < 1.1
    assert 58 < max(gains) <= 64
    assert float(np.median(np.log(gains))) == pytest.approx(np.log(8), abs=0.15)
    blurs = [camera.lens_std_px for camera in drawn]
    assert 0.1 <= min(blurs) < 0.105
    assert 0.595 < max(blurs) <= 0.6
    assert {camera.jpeg_quality for camera in drawn} == {60, 61, 62}
    assert {(camera.scale, camera.bayer, camera.white_balance) for camera in drawn} == {
        (3, True, (2.0, 1.5))
    }
    plain = CameraRange(2, analog_gain=None, noise_std=(0.01, 0.02)).draw(chance)
    assert plain.sensor is None
    assert 0.01 <= plain.noise_std <= 0.02
    assert plain.jpeg_quality is None


def test_noise_grows_with_the_gain() -> None:
    spreads = []
    for gain in (1.0, 4.0, 16.0):
        config = CameraRange(1, (0, 0), (gain, gain)).draw(np.random.default_rng(0))
        gray = torch.full((3, 128, 128), 128, dtype=torch.uint8)
        frame = stationary_frame(gray, config, torch.Generator().manual_seed(0))
        spreads.append(float(frame.std()))
    assert spreads[1] / spreads[0] == pytest.approx(2, rel=0.25)
    assert spreads[2] / spreads[1] == pytest.approx(2, rel=0.25)


@pytest.mark.parametrize("color", list(Color))
def test_whole_pictures_have_their_own_camera(color: Color) -> None:
    cameras = CameraRange(2)
    frame, truth = camera_pair(photo(), cameras, color, 3, 0)
    channels = 3 if color is Color.RGB else 1
    assert frame.shape == (channels, 90, 90)
    assert truth.shape == (channels, 180, 180)
    assert torch.equal(frame, camera_pair(photo(), cameras, color, 3, 0)[0])
    assert not torch.equal(frame, camera_pair(photo(), cameras, color, 3, 1)[0])
    assert not torch.equal(frame, camera_pair(photo(), cameras, color, 4, 0)[0])
    levels = torch.cat((frame.flatten(), truth.flatten())) * 255
    torch.testing.assert_close(levels, levels.round(), **WHOLE_NUMBERS)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(PictureError, match=r"cat: 90×90 px on the sensor .* 81 px with the 5 px"):
        CameraPatches([("cat", photo())], CameraRange(2), Color.Y, patch_px=81, length=1, seed=0)
    with pytest.raises(InputError, match="0 pictures"):
        CameraPatches([], CameraRange(2), Color.Y, patch_px=8, length=1, seed=0)

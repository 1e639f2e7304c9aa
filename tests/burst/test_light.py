"""Light that differs between frames: measured, undone, and left alone where it is steady."""

from __future__ import annotations

import functools
import math

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import TensorSource, ZoomConfig, zoom
from edge_sdk.burst.driver.align import Aligning, align_whole
from edge_sdk.burst.photometry.evened import EvenedSource, measure_lights
from edge_sdk.burst.photometry.light import Light
from edge_sdk.data.camera.config import MovingObject
from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import linear_to_srgb, psnr, srgb_to_linear
from tests.burst.test_hot_pixels import moved
from tests.needs import needs

pytestmark = [needs("examples"), pytest.mark.usefixtures("one_thread")]

GAINS = (1.0, 0.92, 1.08, 0.8, 1.25)
WHITE_BALANCE = ((1, 1), (1.05, 0.97), (0.95, 1.05), (1.05, 1.03), (1.0, 0.95))
PHASES = (0.0, 0.31, 0.62, 0.18, 0.5)


@functools.cache
def burst(noise: int = 4, moving: bool = False) -> SimulatedBurst:
    scene = example_photo("coffee")[:, :320, :400]
    thing = MovingObject(shift_px=6) if moving else None
    config = CameraConfig(frames=5, noise_std=noise / 255, seed=3, moving_object=thing)
    return simulate_burst(scene, config)


def in_other_light(frames: Tensor, factors: Tensor) -> Tensor:
    """Frames with their light multiplied, float [N, 3 or 1, H or 1, 1], in 8 bits."""
    lit = linear_to_srgb((srgb_to_linear(frames) * factors).clamp(0, 1))
    return (lit * 255).round() / 255


def flicker() -> Tensor:
    return torch.tensor(GAINS)[:, None, None, None]


def white_balance() -> Tensor:
    return torch.tensor([(red, 1.0, blue) for red, blue in WHITE_BALANCE])[:, :, None, None]


def bands(height: int) -> Tensor:
    y = torch.arange(height) / height
    waves = [torch.sin(2 * math.pi * (3.2 * y + phase)) for phase in PHASES]
    return (1 + 0.12 * torch.stack(waves))[:, None, :, None]


def lights_of(frames: Tensor) -> dict[int, Light]:
    source = TensorSource(frames)
    choice, aligned = align_whole(source, Aligning(), forced=0)
    return measure_lights(source, choice.index, aligned.motions)


def levels_off(light: Light, factors: Tensor) -> float:
    """Error of the colors' factors in levels of 255 at the mean of each color."""
    error = (light.colors - factors.double() ** (1 / 2.4)).abs()
    return float((error * (burst().frames[0].mean((1, 2)) + 0.055) * 255).max())


@pytest.mark.parametrize("noise", [1, 4, 12])
@pytest.mark.parametrize("moving", [False, True])
def test_steady_light_is_left_alone(noise: int, moving: bool) -> None:
    assert lights_of(burst(noise, moving).frames) == {}


@pytest.mark.parametrize("moving", [False, True])
def test_exposures_are_measured(moving: bool) -> None:
    found = lights_of(in_other_light(burst(4, moving).frames, flicker()))
    assert set(found) == {1, 2, 3, 4}
    for index, light in found.items():
        assert levels_off(light, torch.full((3,), GAINS[index])) < 1
        assert len(light.waves) == 0


def test_white_balance_is_measured_by_color() -> None:
    found = lights_of(in_other_light(burst().frames, white_balance()))
    for index, light in found.items():
        red, blue = WHITE_BALANCE[index]
        assert levels_off(light, torch.tensor([red, 1.0, blue])) < 1
    assert set(found) == {1, 2, 3, 4}


def test_bands_are_measured_along_the_rows() -> None:
    frames = burst().frames
    height = frames.shape[-2]
    factors = bands(height).double()
    found = lights_of(in_other_light(frames, factors.float()))
    y = (torch.arange(height, dtype=torch.float64) + 0.5) / height
    for index, light in found.items():
        ratio = (factors[index, 0, :, 0] / factors[0, 0, :, 0]) ** (1 / 2.4)
        error = (light.factors(y)[1] / ratio - 1)[16:-16]
        # Rows of the frame lie a few pixels from those of the reference.
        assert float(error.square().mean().sqrt()) < 0.015
        assert float((ratio - 1).square().mean().sqrt()) > 0.03
    assert set(found) == {1, 2, 3, 4}


@pytest.mark.parametrize("share", [0.25, 0.5])
@pytest.mark.parametrize("lit", [False, True])
def test_rows_that_hold_nothing_tell_nothing(share: float, lit: bool) -> None:
    frames = burst().frames.clone()
    height = frames.shape[-2]
    shown = round(height * (1 - share))
    factors = bands(height) if lit else torch.ones(5, 1, 1, 1)
    frames = in_other_light(frames, factors)
    frames[2, :, shown:] = 0
    found = lights_of(frames)
    assert set(found) == ({1, 2, 3, 4} if lit else set())
    if lit:
        y = (torch.arange(height, dtype=torch.float64) + 0.5) / height
        ratio = (factors[2, 0, :, 0] / factors[0, 0, :, 0]).double() ** (1 / 2.4)
        along = found[2].factors(y)[1]
        assert float((along / ratio - 1)[16 : shown - 16].square().mean().sqrt()) < 0.015
        # Beyond, nothing is known but that lamps neither go out nor shine twice as bright.
        assert 0.6 < float(along.min()) <= float(along.max()) < 1.5


@pytest.mark.parametrize("kind", ["flicker", "white balance", "bands"])
def test_other_light_costs_next_to_nothing(kind: str) -> None:
    frames, config = burst().frames, ZoomConfig(reference=0)
    factors = {
        "flicker": flicker(),
        "white balance": white_balance(),
        "bands": bands(frames.shape[-2]),
    }[kind]
    factors = factors / factors[:1]
    truth = burst().truth(0)
    steady = zoom(frames, config=config)
    lit = zoom(in_other_light(frames, factors), config=config)
    assert lit.used == 5
    # What is clipped in a brighter frame counts for nothing.
    clipped = (in_other_light(frames, factors) >= 254 / 255).any(1).float().mean((1, 2))
    for frame, white in zip(lit.frames, clipped.tolist(), strict=True):
        assert frame.share > 0.8 * (1 - white)
    assert psnr(lit.pixels, truth, border=8) > psnr(steady.pixels, truth, border=8) - 0.2
    assert [frame.light is None for frame in lit.frames] == [True] + [False] * 4
    assert [frame.light for frame in steady.frames] == [None] * 5


def test_a_brighter_frame_is_not_sharper_for_that() -> None:
    frames = burst().frames
    before = zoom(frames).reference
    factors = torch.ones(5, 1, 1, 1)
    other = (before + 1) % 5
    factors[other] = 1.6
    result = zoom(in_other_light(frames, factors))
    assert result.reference == before
    assert result.used == 5


def test_white_stays_white_and_steady_frames_are_not_touched() -> None:
    frames = torch.rand(2, 3, 40, 48)
    frames[1, :, 3, 5] = 1.0
    light = Light(torch.tensor([0.9, 1.0, 1.2], dtype=torch.float64), torch.empty(0).double())
    source = EvenedSource(TensorSource(frames), {1: light}, {1: moved(0, 0, 40, 48)})
    assert torch.equal(source.rows(0, 0, 40), frames[0])
    evened = source.rows(1, 0, 40)
    assert torch.equal(evened[:, 3, 5], torch.ones(3))
    torch.testing.assert_close(evened[1], frames[1, 1])
    dark = frames[1, 2] < 0.9
    torch.testing.assert_close(
        (evened[2][dark] + 0.055) * 1.2, (frames[1, 2][dark] + 0.055).clamp_min(0.066)
    )

"""Stage blend: what a network is told of the sums."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import TensorSource
from edge_sdk.burst.inputs.features import burst_features
from edge_sdk.burst.stages.blend import NOISE_GAIN, SMALLEST_WEIGHT, Blend
from edge_sdk.burst.stages.noise_map import white_noise
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr, resize_bicubic
from edge_sdk.models.spec import burst_channels

NOISE = white_noise(0.02)
LENS = torch.full((1, 1, 1, 1), 0.4)
SIDE = 16


def flat(scale: int, colors: tuple[float, float, float], weight: float) -> tuple[Tensor, ...]:
    phases = scale**2
    weights = torch.full((1, phases, SIDE, SIDE), weight)
    reference = torch.tensor(colors).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    sums = reference.repeat_interleave(phases, 1) * weight
    return sums, weights, reference


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("weight", [0.0, 0.3, 7.0])
def test_a_flat_picture_stays_as_it_is(scale: int, weight: float) -> None:
    colors = (0.2, 0.5, 0.9)
    features = Blend(scale)(*flat(scale, colors, weight), NOISE, LENS)
    assert features.shape == (1, burst_channels(scale), SIDE - 2, SIDE - 2)
    values = features[0].mean((1, 2))
    phases = scale**2
    wanted = torch.tensor(colors)
    torch.testing.assert_close(values[: 3 * phases], wanted.repeat_interleave(phases))
    torch.testing.assert_close(values[3 * phases : 3 * phases + 6], wanted.repeat(2))


def test_noise_falls_as_weights_grow_and_never_leaves_its_range() -> None:
    levels = []
    for weight in (0.0, 1.0, 4.0, 100.0):
        features = Blend(2)(*flat(2, (0.5, 0.5, 0.5), weight), NOISE, LENS)
        level = features[0, 18:22]
        expected = min(1.0, NOISE_GAIN * 0.02 / math.sqrt(weight + SMALLEST_WEIGHT))
        torch.testing.assert_close(level, torch.full_like(level, expected))
        levels.append(float(level.mean()))
    assert levels == sorted(levels, reverse=True)
    noisiest = Blend(2)(*flat(2, (0.5, 0.5, 0.5), 1.0), white_noise(1.0), LENS)
    assert float(noisiest.max()) == 1.0
    everywhere = torch.full((SIDE - 2, SIDE - 2), NOISE_GAIN * 0.02)
    torch.testing.assert_close(features[0, 22], everywhere)
    torch.testing.assert_close(features[0, 23], torch.full_like(everywhere, 0.4))


def test_without_samples_the_mean_is_interpolated_bilinearly() -> None:
    ramp = torch.arange(SIDE, dtype=torch.float32).view(1, 1, 1, SIDE) / SIDE
    reference = ramp.expand(1, 3, SIDE, SIDE)
    nothing = torch.zeros(1, 12, SIDE, SIDE)
    features = Blend(2)(nothing, nothing[:, :4], reference, NOISE, LENS)
    right, left = features[0, 1], features[0, 0]
    torch.testing.assert_close(right - left, torch.full_like(right, 0.5 / SIDE))


def test_a_tile_does_not_depend_on_what_lies_beyond_its_halo() -> None:
    generator = torch.Generator().manual_seed(0)
    sums, weights = (torch.rand(1, count, 40, 40, generator=generator) for count in (12, 4))
    reference = torch.rand(1, 3, 40, 40, generator=generator)
    whole = Blend(2)(sums, weights, reference, NOISE, LENS)
    part = (..., slice(9, 31), slice(9, 31))
    cut = Blend(2)(sums[part], weights[part], reference[part], NOISE, LENS)
    torch.testing.assert_close(cut, whole[..., 9:29, 9:29])


def test_features_of_a_burst_are_nearer_to_the_truth_than_its_reference() -> None:
    photograph = example_photo("coffee")[:, :260, :300]
    burst = simulate_burst(photograph, CameraConfig(frames=10, noise_std=8 / 255))
    found = burst_features(TensorSource(burst.frames))
    height, width = burst.frames.shape[-2:]
    assert found.features.shape == (24, height, width)
    assert found.used == 10
    truth = burst.truth(found.reference)
    merged = torch.nn.functional.pixel_shuffle(found.features[:12], 2)
    single = resize_bicubic(burst.frames[found.reference], size=(2 * height, 2 * width))
    assert psnr(merged, truth) > psnr(single, truth) + 1
    assert torch.equal(found.features[15:18], burst.frames[found.reference])

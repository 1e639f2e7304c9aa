"""NoiseProfile of a DNG: read, brought to encoded levels, and checked against the frames."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst import Noise, NoiseSource, TensorSource, ZoomConfig, zoom
from edge_sdk.burst.noise.profile import (
    COARSE,
    FINE,
    encoded_slope,
    profile_noise,
    profile_noise_in,
)
from edge_sdk.burst.noise.settling import AGREEING, settle_noise
from edge_sdk.burst.stages.noise_map import LEVELS, noise_at
from edge_sdk.data.camera.sensor_noise import SensorNoise
from edge_sdk.imaging import read_picture
from edge_sdk.imaging.raw_noise import RawNoise
from tests.builders.dng_bursts import camera, measured_by
from tests.builders.dng_files import Sensor, write_samples
from tests.examples import examples
from tests.needs import needs

SAME = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
PLAIN = RawNoise((1e-3,) * 3, (1e-5,) * 3, (1.0, 1.0, 1.0), SAME)
SMALL = st.floats(1e-6, 1e-2)


def test_a_point_computed_by_hand() -> None:
    # Level 1/2 is 0.21404 in linear light, where the curve's slope is 1.0799.
    linear = ((0.5 + 0.055) / 1.055) ** 2.4
    slope = 1.055 / 2.4 * linear ** (1 / 2.4 - 1)
    raw = 1e-6 * linear / 2 + 1e-8
    stated = replace(PLAIN, gains=(2.0, 1.0, 1.0), shot=(1e-6, 0.0, 0.0), read=(1e-8, 0.0, 0.0))
    noise = profile_noise(stated)
    place = LEVELS.index(0.5)
    for color in range(3):
        expected = slope * 2 * math.sqrt(raw * FINE[0][color][color])
        assert float(noise.std[color, place]) == pytest.approx(expected, rel=1e-5)


def test_colors_that_a_matrix_mixes_add_their_variances_and_what_they_share() -> None:
    matrix = ((1.5, -0.5, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    stated = RawNoise((0.0,) * 3, (0.0, 1e-8, 0.0), (1.0,) * 3, matrix)
    green = FINE[1]
    expected = 1.5**2 * green[0][0] - 2 * 1.5 * 0.5 * green[0][1] + 0.5**2 * green[1][1]
    ratio = float(profile_noise(stated).std[0, 3] / profile_noise(stated).std[1, 3])
    assert ratio == pytest.approx(math.sqrt(expected / green[1][1]), rel=1e-4)


@examples(20)
@given(SMALL, SMALL, st.floats(1, 4), st.floats(1.01, 3))
def test_more_of_anything_is_more_noise_at_all_levels(
    shot: float, read: float, gain: float, factor: float
) -> None:
    less = RawNoise((shot / 10,) * 3, (read**2,) * 3, (gain, 1.0, gain), SAME)
    more = (
        replace(less, shot=(factor * shot / 10,) * 3),
        replace(less, read=(factor * read**2,) * 3),
        replace(less, gains=(factor * gain, 1.0, factor * gain)),
    )
    for stated in more:
        assert bool((profile_noise(stated).std[0] >= profile_noise(less).std[0]).all())
        assert bool((profile_noise(stated).coarse_std >= profile_noise(less).coarse_std).all())


def test_at_black_half_of_the_noise_is_cut_off() -> None:
    linear, std = torch.zeros(1).double(), torch.full((1,), 1e-4).double()
    # Where the curve is straight: the deviation of max(n, 0) is √(1/2 − 1/2π) of that of n.
    share = math.sqrt(0.5 - 0.5 / math.pi)
    assert float(encoded_slope(linear, std)) == pytest.approx(12.92 * share, rel=1e-3)
    assert float(encoded_slope(linear + 0.001, std)) == pytest.approx(12.92, rel=1e-4)


def test_stretched_values_have_stretched_noise() -> None:
    gain = 4.0
    stretched = profile_noise(PLAIN, gain)
    assert float(stretched.std[1, 5]) == pytest.approx(gain * float(profile_noise(PLAIN).std[1, 3]))


def test_noise_of_gray_is_that_of_a_gray_picture() -> None:
    ramp = torch.linspace(0.05, 0.9, 64).expand(3, 48, 64)[None].contiguous()
    found, gray = profile_noise_in(PLAIN, TensorSource(ramp), 0), profile_noise(PLAIN)
    torch.testing.assert_close(found.std, gray.std, rtol=1e-5, atol=0)


def flat(color: tuple[float, float, float], noise: SensorNoise, folder: Path) -> tuple[Tensor, ...]:
    """A flat color as a DNG developed: the picture, and the noise that its profile predicts."""
    light = np.broadcast_to(np.asarray(color), (256, 256, 3))
    samples = measured_by(light, noise, torch.Generator().manual_seed(0))
    write_samples(folder / "flat.dng", samples, camera(noise))
    picture = read_picture(folder / "flat.dng")
    assert picture.metadata.raw_noise is not None
    source = TensorSource(picture.pixels[None])
    predicted = profile_noise_in(picture.metadata.raw_noise, source, 0)
    level = picture.pixels.mean((1, 2), keepdim=True).double()[None]
    curves = torch.stack((predicted.std, predicted.coarse_std), -1)[None]
    return picture.pixels[:, 8:-8, 8:-8].double(), *noise_at(curves, level)


def test_the_tables_of_the_reference_are_those_of_the_module() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "noise.md").read_text()
    for name, spread in (("F", FINE), ("C", COARSE)):
        red = [spread[0][0][0], spread[1][0][0], spread[2][0][0], spread[1][0][1]]
        assert f"| {name}: red, blue | " + " | ".join(f"{x:.3f}" for x in red) + " |" in page
        green = f"| {name}: green | {spread[1][1][1]:.3f} | | {spread[0][1][1]:.3f} | |"
        assert green in page


@needs("raw")
@pytest.mark.parametrize(
    "color",
    [
        (0.005, 0.005, 0.005),
        (0.05, 0.05, 0.05),
        (0.2, 0.2, 0.2),
        (0.6, 0.6, 0.6),
        (0.5, 0.3, 0.1),
        (0.2, 0.3, 0.5),
    ],
)
def test_developed_pictures_are_as_noisy_as_their_profile_says(
    color: tuple[float, float, float], tmp_path: Path
) -> None:
    pixels, fine, coarse = flat(color, SensorNoise(analog_gain=4), tmp_path)
    found = pixels.std((1, 2)).tolist()
    means = functional.avg_pool2d(pixels[None], 3, 1)[0]
    # Curves have few points, and demosaicing is not linear.
    assert fine.flatten().tolist() == pytest.approx(found, rel=0.1)
    assert coarse.flatten().tolist() == pytest.approx((3 * means.std((1, 2))).tolist(), rel=0.1)


def profile_of(sensor: Sensor, folder: Path) -> RawNoise | None:
    write_samples(folder / "a.dng", np.full((32, 32), 0.3), sensor)
    return read_picture(folder / "a.dng").metadata.raw_noise


@needs("raw")
def test_one_pair_stands_for_three_and_balance_is_read(tmp_path: Path) -> None:
    one = profile_of(Sensor(profile=(1e-3, 1e-6)), tmp_path)
    three = profile_of(Sensor(profile=(1e-3, 1e-6) * 3), tmp_path)
    assert one == three
    assert one is not None
    assert one.shot == (1e-3,) * 3
    assert one.gains == pytest.approx((2.0, 1.0, 1 / 0.6), rel=1e-3)
    np.testing.assert_allclose(one.matrix, SAME, atol=2e-3)
    colors = profile_of(Sensor(profile=(1e-3, 1e-6, 2e-3, 2e-6, 3e-3, 3e-6)), tmp_path)
    assert colors is not None
    assert colors.shot == (1e-3, 2e-3, 3e-3)
    assert colors.read == (1e-6, 2e-6, 3e-6)


@needs("raw")
@pytest.mark.parametrize(
    "profile", [(), (0.0, 0.0), (-1e-3, 1e-6), (math.nan, 1e-6), (1e-3, 1e-6) * 2, (1e-3,)]
)
def test_a_profile_that_means_nothing_is_none(profile: tuple[float, ...], tmp_path: Path) -> None:
    assert profile_of(Sensor(profile=profile), tmp_path) is None


def uneven(std: float) -> Noise:
    """Noise of which the last digits differ, as measured noise does."""
    curve = [std, std * 1.0001]
    return replace(Noise.at_levels([0.0, 1.0], [curve] * 3), typical_std=std)


def test_frames_that_differ_quite_otherwise_overrule_the_profile() -> None:
    measured = uneven(0.02)
    for factor in (0.55, 1.0, 1.9):
        assert settle_noise(measured, uneven(factor * 0.02), True).source is NoiseSource.PROFILE
    for factor in (0.4, 2.1):
        settled = settle_noise(measured, uneven(factor * 0.02), True)
        assert settled.source is NoiseSource.MEASURED
        assert settled.noise is measured
        assert f"says {255 * factor * 0.02:.1f} levels" in settled.note
    assert AGREEING == 2.0


def test_frames_that_show_too_little_to_compare_are_told() -> None:
    settled = settle_noise(Noise.white(0.001), None, True)
    assert settled.source is NoiseSource.ALONE
    assert settled.note.startswith("too little is seen in two frames")
    result = zoom(torch.full((3, 3, 48, 64), 1.0))
    assert result.used == 3
    assert result.noise_note == settled.note


def test_one_frame_alone_cannot_overrule_it() -> None:
    stated = uneven(0.1)
    assert settle_noise(uneven(0.001), stated, False).noise is stated
    assert settle_noise(Noise.white(0.001), stated, True).noise is stated
    alone = settle_noise(Noise.white(0.001), None, False)
    assert (alone.source, alone.note) == (NoiseSource.ALONE, "")
    assert settle_noise(uneven(0.001), None, True).note == ""
    result = zoom(torch.rand(1, 3, 48, 64), config=ZoomConfig(stated_noise=stated))
    assert result.noise_source is NoiseSource.PROFILE

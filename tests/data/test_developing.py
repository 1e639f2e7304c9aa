from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from edge_sdk.data.camera.bayer import demosaic, mosaic
from edge_sdk.data.camera.developing import Developing, develop, through_jpeg
from edge_sdk.data.camera.sensor_noise import SensorNoise, read_sensor
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.errors import InputError
from edge_sdk.imaging import linear_to_srgb, psnr, srgb_to_linear
from tests.tolerances import ONE_LEVEL, SINGLE, WHOLE_NUMBERS

PLAIN = Developing(
    noise_std=0.0, sensor=None, bayer=False, white_balance=(1.0, 1.0), jpeg_quality=None
)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(height: int = 96, width: int = 120) -> Tensor:
    x, y = torch.linspace(0, 1, width), torch.linspace(0, 1, height)[:, None]
    channels = [0.2 + 0.5 * x + 0 * y, 0.6 - 0.3 * y + 0 * x, 0.3 + 0.2 * x * y]
    return torch.stack(channels)


@pytest.mark.parametrize("analog", [1.0, 8.0, 64.0])
@pytest.mark.parametrize("digital", [1.0, 4.0])
@pytest.mark.parametrize("level", [0.0, 0.02, 0.3, 0.9])
def test_the_variance_is_the_formula(analog: float, digital: float, level: float) -> None:
    noise = SensorNoise(analog_gain=analog, digital_gain=digital)
    read = read_sensor(torch.full((400, 500), level), noise, chance())
    gain = analog * digital
    floor = gain**2 * (2.0**2 + (6.0 / analog) ** 2) / 6000**2
    expected = gain / 6000 * level + floor
    # The standard error of a variance is √(2/n) of it, and some times that for few electrons.
    assert float(read.double().var()) == pytest.approx(expected, rel=0.04)
    deviation = (expected / read.numel()) ** 0.5
    assert float(read.double().mean()) == pytest.approx(level, abs=5 * deviation)


def test_the_profile_is_what_a_phone_reports() -> None:
    noise = SensorNoise(analog_gain=8, digital_gain=2, full_well_e=4000, read_noise_e=3)
    assert noise.shot == 16 / 4000
    assert noise.read_std == pytest.approx(16 / 4000 * (9 + (6 / 8) ** 2) ** 0.5)


def test_dark_noise_is_not_clipped_before_the_end() -> None:
    read = read_sensor(torch.zeros(200, 200), SensorNoise(), chance())
    assert 0.45 < float((read < 0).double().mean()) < 0.55


def test_weak_channels_are_noisier() -> None:
    how = dataclasses.replace(PLAIN, sensor=SensorNoise(analog_gain=4), white_balance=(2.0, 1.5))
    light = torch.full((3, 300, 300), 0.2)
    seen = srgb_to_linear(develop(light, how, chance()))
    noise = how.sensor
    assert noise is not None
    for channel, gain in enumerate((2.0, 1.0, 1.5)):
        expected = gain**2 * (noise.shot * 0.2 / gain + noise.read_std**2)
        assert float(seen[channel].var()) == pytest.approx(expected, rel=0.05)
        assert float(seen[channel].mean()) == pytest.approx(0.2, rel=0.01)


def test_white_balance_changes_nothing_without_noise() -> None:
    balanced = dataclasses.replace(PLAIN, white_balance=(2.1, 1.7))
    for bayer in (False, True):
        one = develop(smooth(), dataclasses.replace(PLAIN, bayer=bayer), chance())
        two = develop(smooth(), dataclasses.replace(balanced, bayer=bayer), chance())
        torch.testing.assert_close(one, two, **ONE_LEVEL)


def test_the_filter_keeps_one_color_in_its_order() -> None:
    colors = torch.arange(3.0)[:, None, None].expand(3, 5, 6)
    single = mosaic(colors)
    assert single.shape == (1, 5, 6)
    assert single[0, :2, :2].tolist() == [[0, 1], [1, 2]]
    assert torch.equal(single[0, :4, :4], single[0, :2, :2].repeat(2, 2))


@pytest.mark.parametrize("size", [(8, 8), (9, 12), (7, 11)])
def test_a_constant_color_comes_back(size: tuple[int, int]) -> None:
    colors = torch.tensor([0.7, 0.4, 0.1])[:, None, None].expand(3, *size)
    torch.testing.assert_close(demosaic(mosaic(colors)), colors, rtol=0, atol=1e-6)


def test_a_gray_picture_stays_gray() -> None:
    level = torch.full((3, 40, 50), 0.37)
    assert torch.equal(
        *(develop(level, dataclasses.replace(PLAIN, bayer=b), chance()) for b in (0, 1))
    )
    x = torch.linspace(0, 1, 50)
    plane = (0.2 + 0.5 * x[None, :] + 0.2 * torch.linspace(0, 1, 40)[:, None]).expand(3, -1, -1)
    inside = demosaic(mosaic(plane))[:, 2:-2, 2:-2]
    torch.testing.assert_close(inside, plane[:, 2:-2, 2:-2], rtol=0, atol=1e-6)


def test_demosaicing_keeps_what_the_pixel_has() -> None:
    colors = torch.rand(3, 20, 22, generator=chance())
    assert torch.equal(mosaic(demosaic(mosaic(colors))), mosaic(colors))


def test_demosaicing_a_smooth_picture_is_close() -> None:
    back = demosaic(mosaic(smooth()))
    assert float((back - smooth())[:, 2:-2, 2:-2].abs().max()) < 1e-3


@pytest.mark.parametrize("level", [0, 1, 77, 128, 254, 255])
def test_gamma_comes_back(level: int) -> None:
    light = srgb_to_linear(torch.full((3, 8, 8), level / 255))
    developed = develop(light, PLAIN, chance())
    assert (developed * 255).round().unique().tolist() == [level]
    torch.testing.assert_close(linear_to_srgb(light), developed, **SINGLE)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("quality", [30, 95])
def test_gray_survives_jpeg(level: int, quality: int) -> None:
    gray = torch.full((3, 33, 40), level / 255)
    torch.testing.assert_close(through_jpeg(gray, quality), gray, **ONE_LEVEL)


def test_jpeg_loses_less_at_higher_quality() -> None:
    texture = torch.rand(3, 64, 64, generator=chance())
    picture = ((0.7 * smooth(64, 64) + 0.2 * texture) * 255).round() / 255
    scores = [psnr(through_jpeg(picture, quality), picture) for quality in (20, 60, 98)]
    assert scores == sorted(scores)
    levels = through_jpeg(picture, 60) * 255
    torch.testing.assert_close(levels, levels.round(), **WHOLE_NUMBERS)


def test_frames_of_a_whole_camera_hold_eight_bits_and_repeat() -> None:
    config = CameraConfig(
        frames=2,
        sensor=SensorNoise(analog_gain=16, digital_gain=1.5),
        bayer=True,
        white_balance=(1.9, 1.6),
        jpeg_quality=92,
    )
    first, again = (simulate_burst(smooth(), config).frames for _ in range(2))
    assert torch.equal(first, again)
    levels = first * 255
    torch.testing.assert_close(levels, levels.round(), **WHOLE_NUMBERS)
    clean = dataclasses.replace(config, sensor=None, noise_std=0.0, jpeg_quality=None)
    truth = simulate_burst(smooth(), clean).frames
    assert float((truth - first).abs().mean()) < 0.08


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("analog_gain", 0.5, "analog gain must be 1 to 1024, not 0.5"),
        ("digital_gain", 0.0, "digital gain"),
        ("full_well_e", 0.0, r"full well \(electrons\) must be"),
        ("read_noise_e", -1.0, "read noise"),
        ("converter_noise_e", float("nan"), "converter noise"),
    ],
)
def test_impossible_sensors_are_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(SensorNoise(), **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("white_balance", (0.5, 1.0), "white balance must be gains of 1 to 8"),
        ("white_balance", (1.0, float("nan")), "white balance"),
        ("jpeg_quality", 0, "JPEG quality must be 1 to 100"),
        ("jpeg_quality", 101, "JPEG quality"),
    ],
)
def test_impossible_pictures_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(CameraConfig(), **{field: value})

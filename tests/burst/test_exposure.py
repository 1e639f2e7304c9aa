"""Bursts in which frames are exposed stops apart: named, left out, and none the reference."""

from __future__ import annotations

import functools
import re

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.frames.source import TensorSource
from edge_sdk.burst.photometry.exposure import dark_exposures, prefer_common_exposure
from edge_sdk.burst.reference.choice import choose_sharpest, measure_sharpness
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import linear_to_srgb, quantize, rgb_to_ycbcr, srgb_to_linear
from tests.needs import needs

pytestmark = [needs("examples"), pytest.mark.usefixtures("one_thread")]


@functools.cache
def frames() -> Tensor:
    config = CameraConfig(frames=5, noise_std=4 / 255)
    return simulate_burst(example_photo("coffee")[:, 60:260, 150:350], config).frames


def exposed(stops: dict[int, float]) -> Tensor:
    """The burst with some frames at another exposure."""
    burst = frames().clone()
    for index, each in stops.items():
        burst[index] = linear_to_srgb((srgb_to_linear(burst[index]) * 2.0**each).clamp(0, 1))
    return quantize(burst)


@pytest.mark.parametrize("stops", [-1.0, 1.0])
def test_a_stop_is_undone_and_the_frame_used(stops: float) -> None:
    result = zoom(exposed({3: stops}))
    assert result.used == 5
    assert result.frames[3].light is not None or result.reference == 3


@pytest.mark.parametrize("stops", [-4.0, -2.5, 2.5, 4.0])
def test_more_than_two_stops_are_left_out_with_the_reason(stops: float) -> None:
    result = zoom(exposed({3: stops}))
    assert result.reference != 3
    assert result.used == 4
    assert "expos" in result.frames[3].note
    rest = zoom(exposed({})[[0, 1, 2, 4]], config=ZoomConfig(noise_std=result.noise_std))
    # Motion is found again where light differs, so that parts of a pixel may differ.
    assert float((result.pixels - rest.pixels).abs().mean()) < 0.2 / 255


@pytest.mark.parametrize("stops", [-6.0, -8.0])
def test_too_dark_to_be_measured_is_too_dark(stops: float) -> None:
    burst = exposed({3: stops})
    result = zoom(burst)
    assert "stops darker than the reference" in result.frames[3].note
    # What is seen of it is the least that it may be.
    (told,) = re.findall(r"at least (\d\.\d) stops", result.frames[3].note)
    assert -stops - 1 < float(told) < -stops
    assert [index for index, frame in enumerate(result.frames) if frame.note] == [3]


def test_a_frame_that_is_black_in_part_is_not_dark() -> None:
    burst = exposed({2: -6.0})
    burst[3, :, 60:] = 0
    assert list(dark_exposures(TensorSource(burst), 0, (1, 2, 3, 4))) == [2]
    assert dark_exposures(TensorSource(burst), 2, (0, 1, 3, 4)) == {}


@pytest.mark.parametrize("stops", [-2.5, 3.0])
@pytest.mark.parametrize("odd", [(0, 1), (3, 4)])
def test_the_reference_is_one_of_the_common_exposure(stops: float, odd: tuple[int, int]) -> None:
    result = zoom(exposed(dict.fromkeys(odd, stops)))
    assert result.reference not in odd
    assert not result.forced
    assert [index for index, frame in enumerate(result.frames) if frame.note] == list(odd)
    assert all("expos" in result.frames[index].note for index in odd)


def test_a_reference_that_is_named_stays() -> None:
    result = zoom(exposed({3: 3.0}), config=ZoomConfig(reference=3))
    assert result.reference == 3
    assert result.forced


def test_one_exposure_leaves_the_choice_alone() -> None:
    source = TensorSource(exposed({2: 0.5}))
    choice = choose_sharpest([measure_sharpness(rgb_to_ycbcr(each)[:1]) for each in source.frames])
    assert prefer_common_exposure(source, choice) is choice


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_frames_without_any_light_to_compare(level: float) -> None:
    flat = torch.full_like(frames()[:3], level)
    result = zoom(torch.cat((flat, frames())))
    assert result.reference >= 3
    assert result.used == 5

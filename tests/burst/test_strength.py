"""``strength``: from the plain enlargement of the reference to the full result."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor

from edge_sdk import burst_network
from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.frames.sinks import MixedSink, TensorSink
from edge_sdk.burst.frames.source import TensorSource
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError
from edge_sdk.imaging import Rectangle, resize_bicubic

pytestmark = pytest.mark.usefixtures("one_thread")

CROP = Rectangle(left=5, top=9, width=50, height=41)


@functools.cache
def frames() -> Tensor:
    return simulate_burst(
        example_photo("coffee")[:, 60:220, 150:310], CameraConfig(frames=3)
    ).frames


@pytest.mark.parametrize("crop", [None, CROP])
@pytest.mark.parametrize("scale", [1, 2, 3])
def test_none_of_it_is_the_enlarged_reference(scale: int, crop: Rectangle | None) -> None:
    result = zoom(frames(), config=ZoomConfig(scale=scale, crop=crop, strength=0))
    reference = frames()[result.reference]
    if crop is not None:
        reference = reference[:, crop.top :, crop.left :][:, : crop.height, : crop.width]
    plain = resize_bicubic(reference.contiguous(), scale).clamp(0, 1)
    torch.testing.assert_close(result.pixels, plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("network", [None, "burst_zoom_x2", "sr_x2_y"])
def test_between_the_two_they_are_mixed(network: str | None) -> None:
    made = None if network is None else burst_network(network, scale=2)
    plain, half, full = (
        zoom(frames(), made, ZoomConfig(strength=strength)).pixels for strength in (0, 0.5, 1)
    )
    inside = (full > 0) & (full < 1) & (plain > 0) & (plain < 1)
    torch.testing.assert_close(half[inside], (plain + full)[inside] / 2, rtol=0, atol=1e-6)
    assert torch.equal(full, zoom(frames(), made).pixels)


@pytest.mark.parametrize("rows", [1, 2, 5, 7, 64])
def test_rows_may_come_in_any_portions(rows: int) -> None:
    result = torch.rand(3, 3 * CROP.height, 3 * CROP.width)
    taken = TensorSink(3, *result.shape[1:])
    sink = MixedSink(taken, TensorSource(frames()), 1, CROP, 3, 0.25)
    for top in range(0, result.shape[1], rows):
        sink.put(top, result[:, top : top + rows])
    part = frames()[1, :, CROP.top :, CROP.left :][:, : CROP.height, : CROP.width]
    expected = 0.25 * result + 0.75 * resize_bicubic(part.contiguous(), 3)
    torch.testing.assert_close(taken.pixels, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan")])
def test_others_are_refused(strength: float) -> None:
    with pytest.raises(InputError, match=r"strength must be 0 \(bicubic\) to 1"):
        ZoomConfig(strength=strength)

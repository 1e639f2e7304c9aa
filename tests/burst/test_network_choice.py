"""A network for bursts is passed over where noise is beyond what it has learned."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.driver.network_choice import why_unsuited
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.stages.blur import DEFAULT_LENS_PX
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr
from edge_sdk.zoo.networks import burst_network
from tests.needs import needs


@pytest.mark.parametrize(
    ("levels", "frames", "passed_over"),
    [(13, 8, False), (15, 8, True), (15, 3, True), (15, 2, False), (21, 1, True), (19, 1, False)],
)
def test_by_noise_and_frames(levels: float, frames: int, passed_over: bool) -> None:
    network = burst_network("burst_zoom_x2", 2)
    reason = why_unsuited(network, Noise.white(levels / 255), DEFAULT_LENS_PX, frames)
    assert (reason is not None) == passed_over
    assert reason is None or f"noise of {levels}.0 levels is more than the" in reason


@pytest.mark.parametrize(
    ("lens", "kind"), [(0.1, "sharper"), (0.2, None), (0.45, None), (0.6, "softer")]
)
def test_by_the_lens(lens: float, kind: str | None) -> None:
    network = burst_network("burst_zoom_x2", 2)
    reason = why_unsuited(network, Noise.white(2 / 255), lens, 8)
    assert (reason is None) == (kind is None)
    assert kind is None or f"a blur of {lens:.2f} px, is {kind} than" in str(reason)


def test_other_networks_know_no_such_limit() -> None:
    enlarger = nn.Upsample(scale_factor=2)
    assert why_unsuited(enlarger, Noise.white(0.3), 0.1, 8) is None
    assert why_unsuited(None, Noise.white(0.3), 0.1, 8) is None


@needs("examples")
def test_the_picture_is_that_without_a_network_and_better_for_it() -> None:
    camera = CameraConfig(frames=6, noise_std=22 / 255, seed=2)
    burst = simulate_burst(example_photo("coffee")[:, 60:260, 150:350], camera)
    network, config = burst_network("burst_zoom_x2", 2), ZoomConfig(reference=0)
    found = zoom(burst.frames, network, config)
    without = zoom(burst.frames, None, config)
    assert found.network_passed_over is not None
    assert without.network_passed_over is None
    assert torch.equal(found.pixels, without.pixels)
    quiet = zoom(burst.frames, network, ZoomConfig(reference=0, noise_std=14 / 255))
    assert quiet.network_passed_over is None
    truth = burst.truth(0)
    assert psnr(found.pixels, truth, border=8) > psnr(quiet.pixels, truth, border=8)


@pytest.mark.slow
@needs("examples")
@pytest.mark.parametrize("lens", [0.0, 0.8])
def test_another_lens_is_taken_without_the_network_and_better_for_it(lens: float) -> None:
    camera = CameraConfig(frames=8, noise_std=4 / 255, lens_std_px=lens, seed=3)
    burst = simulate_burst(example_photo("chelsea")[:, 20:280, 80:400], camera)
    network, truth = burst_network("burst_zoom_x2", 2), burst.truth(0)
    found = zoom(burst.frames, network, ZoomConfig(reference=0))
    told = zoom(burst.frames, network, ZoomConfig(reference=0, lens_std_px=0.3))
    assert found.network_passed_over is not None
    assert told.network_passed_over is None
    assert psnr(found.pixels, truth, border=8) > psnr(told.pixels, truth, border=8)

"""A network for bursts is passed over where noise is beyond what it has learned."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from edge_sdk.burst import ZoomConfig, zoom
from edge_sdk.burst.driver.network_choice import why_unsuited
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import psnr
from edge_sdk.zoo.networks import burst_network
from tests.needs import needs


@pytest.mark.parametrize(
    ("levels", "frames", "passed_over"),
    [(47, 8, False), (49, 8, True), (49, 3, True), (49, 2, False), (65, 1, True), (63, 1, False)],
)
def test_by_noise_and_frames(levels: float, frames: int, passed_over: bool) -> None:
    network = burst_network("burst_zoom_x2", 2)
    reason = why_unsuited(network, Noise.white(levels / 255), frames)
    assert (reason is not None) == passed_over
    assert reason is None or f"noise of {levels}.0 levels is more than the" in reason


def test_other_networks_know_no_such_limit() -> None:
    enlarger = nn.Upsample(scale_factor=2)
    assert why_unsuited(enlarger, Noise.white(0.3), 8) is None
    assert why_unsuited(None, Noise.white(0.3), 8) is None


@needs("examples")
def test_the_picture_is_that_without_a_network_and_better_for_it() -> None:
    camera = CameraConfig(frames=6, noise_std=72 / 255, seed=2)
    burst = simulate_burst(example_photo("coffee")[:, 60:260, 150:350], camera)
    network, config = burst_network("burst_zoom_x2", 2), ZoomConfig(reference=0)
    found = zoom(burst.frames, network, config)
    without = zoom(burst.frames, None, config)
    assert found.network_passed_over is not None
    assert without.network_passed_over is None
    assert torch.equal(found.pixels, without.pixels)
    quiet = zoom(burst.frames, network, ZoomConfig(reference=0, noise_std=48 / 255))
    assert quiet.network_passed_over is None
    truth = burst.truth(0)
    assert psnr(found.pixels, truth, border=8) > psnr(quiet.pixels, truth, border=8)


@pytest.mark.slow
@needs("examples")
@pytest.mark.parametrize("lens", [0.0, 0.3, 0.8])
def test_any_lens_is_taken_by_the_network_and_better_for_it(lens: float) -> None:
    camera = CameraConfig(frames=8, noise_std=4 / 255, lens_std_px=lens, seed=3)
    burst = simulate_burst(example_photo("coffee")[:, 60:300, 150:400], camera)
    truth, config = burst.truth(0), ZoomConfig(reference=0)
    found = zoom(burst.frames, burst_network("burst_zoom_x2", 2), config)
    without = zoom(burst.frames, None, config)
    assert found.network_passed_over is None
    assert psnr(found.pixels, truth, border=8) > psnr(without.pixels, truth, border=8)

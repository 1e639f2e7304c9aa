"""What must hold for any burst: noise, copies, order, number of frames, nothing to see."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from edge_sdk.burst import ZoomConfig, spooling, zoom
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.noise_map import white_noise
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from tests.needs import needs
from tests.tolerances import SINGLE

pytestmark = needs("examples")

NOISE = 8 / 255
SIDE = 128


def flat(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.5 + NOISE * torch.randn(count, 3, SIDE, SIDE, generator=generator)


def small() -> Tensor:
    return simulate_burst(example_photo("chelsea")[:, :200, 100:300], CameraConfig(frames=6)).frames


def merged(frames: Tensor, scale: int) -> Tensor:
    """The fused picture before its restoration, frames at offsets that are drawn evenly."""
    generator = torch.Generator().manual_seed(1)
    offset = torch.rand(len(frames), 2, 1, 1, generator=generator) - 0.5
    offset = offset.expand(-1, -1, SIDE, SIDE)
    trust = torch.ones(len(frames), 1, SIDE, SIDE)
    noise = white_noise(NOISE)
    # A reference without noise of its own: slopes and ghost weights of a truly flat picture.
    reference = torch.full((1, 3, SIDE, SIDE), 0.5)
    sums, weights, _ = Encode(scale)(reference, frames, offset, trust, None, noise)
    return sums / weights.repeat(1, 3, 1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_noise_of_the_fused_flat_picture_falls_with_the_root_of_the_frames(scale: int) -> None:
    # Few frames fill the finer grid unevenly; from 25 on their number alone counts.
    few, many = (float(merged(flat(count), scale).std()) for count in (25, 100))
    assert few / many == pytest.approx(math.sqrt(100 / 25), rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("count", [4, 16])
def test_the_result_is_at_most_as_noisy_as_its_frames_allow(count: int) -> None:
    result = zoom(flat(count).clamp(0, 1))
    assert result.used == count
    assert float(result.pixels.std()) <= NOISE / math.sqrt(0.6 * count)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_identical_frames_give_the_single_frame_result(scale: int) -> None:
    frame = small()[:1]
    config = ZoomConfig(scale=scale)
    alone = zoom(frame, None, config)
    often = zoom(frame.expand(6, -1, -1, -1), None, config)
    assert torch.equal(often.pixels, alone.pixels)
    assert all("copy" in report.note for report in often.frames[1:])


def test_any_order_of_the_other_frames_gives_the_same_picture() -> None:
    frames = small()
    config = ZoomConfig(reference=0, noise_std=NOISE)
    expected = zoom(frames, None, config).pixels
    generator = torch.Generator().manual_seed(2)
    for _ in range(2):
        order = [0, *(1 + torch.randperm(5, generator=generator)).tolist()]
        torch.testing.assert_close(zoom(frames[order], None, config).pixels, expected, **SINGLE)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_saturated_frames(level: float) -> None:
    result = zoom(torch.full((5, 3, 64, 64), level))
    assert result.used == 5
    assert float((result.pixels - level).abs().max()) <= 1 / 255


@pytest.mark.slow
def test_two_hundred_frames() -> None:
    generator = torch.Generator().manual_seed(3)
    scene = small()[0, :, :48, :48]
    with spooling() as spool:
        for _ in range(200):
            spool.add(scene + NOISE * torch.randn(scene.shape, generator=generator), 8)
        result = zoom(spool, None, ZoomConfig(reference=0))
    assert len(result.frames) == 200
    assert result.used == 200
    assert bool(torch.isfinite(result.pixels).all())


@pytest.mark.parametrize("gain", [1.0, 0.9])
def test_a_copy_of_another_frame_counts_once(gain: float) -> None:
    frames = small()[:5].clone()
    frames[2] *= gain
    again = torch.cat((frames, frames[2:4]))
    config = ZoomConfig(reference=0, noise_std=NOISE)
    once, twice = (zoom(each, None, config) for each in (frames, again))
    assert twice.frames[5].note == "is a copy of frame 2 and adds nothing"
    assert twice.frames[6].note == "is a copy of frame 3 and adds nothing"
    assert twice.used == once.used == 5
    assert torch.equal(once.pixels, twice.pixels)

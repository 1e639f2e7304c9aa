"""A burst on the finer grid: places, weights, what does not align, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.burst.frames.source import TensorSource
from edge_sdk.burst.inputs.resampled import ResampledBurst, ResamplingConfig, resample_burst
from edge_sdk.data.camera.config import CameraConfig
from edge_sdk.data.camera.simulation import SimulatedBurst, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import EdgeSdkError
from edge_sdk.evaluation.burst_baselines import average_aligned, bicubic
from edge_sdk.imaging import psnr
from edge_sdk.models.burst_paper_net import BurstPaperConfig, BurstPaperNet


@pytest.fixture(scope="module")
def burst() -> SimulatedBurst:
    photograph = example_photo("coffee")[:, 100:300, 200:440]
    return simulate_burst(photograph, CameraConfig(frames=5))


def resampled(shots: Tensor, **settings: object) -> ResampledBurst:
    return resample_burst(TensorSource(shots), ResamplingConfig(**settings))  # type: ignore[arg-type]


def test_every_frame_comes_to_lie_on_the_reference(burst: SimulatedBurst) -> None:
    found = resampled(burst.frames, frames=5, reference=2)
    height, width = burst.frames.shape[-2:]
    assert found.pixels.shape == (5, 3, 2 * height, 2 * width)
    assert found.pixels.dtype == torch.float32
    assert float(found.pixels.amin()) >= 0
    assert float(found.pixels.amax()) <= 1
    assert found.places[0] == found.reference == 2
    assert sorted(found.places) == [0, 1, 2, 3, 4]
    assert sum(found.weights) == pytest.approx(1)
    assert all(0.15 < weight <= 0.2 for index, weight in enumerate(found.weights) if index != 2)
    assert found.weights[2] >= 0.2
    torch.testing.assert_close(found.pixels[0], bicubic(burst, 2))
    truth = burst.truth(2)
    mean = found.pixels.mean(0)
    # Estimated motion costs little against the true one, and both beat a single frame.
    assert psnr(mean, truth) > psnr(average_aligned(burst, 2), truth) - 0.3
    assert psnr(mean, truth) > psnr(found.pixels[0], truth) + 1


def test_a_burst_without_noise_or_motion_gives_one_picture_m_times() -> None:
    photograph = example_photo("coffee")[:, 100:220, 200:320]
    at_rest = CameraConfig(frames=2, noise_std=0.0, max_shift_px=0.0, max_angle_deg=0.0)
    first = simulate_burst(photograph, at_rest).frames[0]
    brighter = (first + 1 / 255).clamp(0, 1)
    found = resampled(torch.stack((first, brighter)), frames=2, reference=0)
    torch.testing.assert_close(found.pixels[1], found.pixels[0], atol=0.02, rtol=0)


@pytest.mark.parametrize("scale", [1, 3])
def test_other_scales(burst: SimulatedBurst, scale: int) -> None:
    found = resampled(burst.frames[:2], frames=2, scale=scale, reference=0)
    height, width = burst.frames.shape[-2:]
    assert found.pixels.shape[-2:] == (scale * height, scale * width)
    if scale == 1:
        torch.testing.assert_close(found.pixels[0], burst.frames[0])


def test_places_that_nothing_fills_hold_the_reference_and_its_weights(
    burst: SimulatedBurst,
) -> None:
    height, width = burst.frames.shape[-2:]
    foreign = example_photo("chelsea")[:, 100 : 100 + height, 150 : 150 + width]
    frames = torch.cat((burst.frames[:3], foreign[None]))
    found = resampled(frames, frames=6, reference=1)
    assert set(found.places) == {0, 1, 2}
    assert found.places[3:] == (1, 1, 1)
    assert sum(found.weights) == pytest.approx(1)
    assert found.weights[3] == 0
    assert found.weights[1] >= 4 / 6
    assert all(0.12 < found.weights[index] <= 1 / 6 for index in (0, 2))
    assert found.filled == 3
    for place in (3, 4, 5):
        assert torch.equal(found.pixels[place], found.pixels[0])


def test_of_too_many_frames_those_are_taken_that_agree_best(burst: SimulatedBurst) -> None:
    generator = torch.Generator().manual_seed(0)
    frames = burst.frames.clone()
    grain = torch.randn(frames[3].shape, generator=generator)
    frames[3] = (frames[3] + 0.1 * grain).clamp(0, 1)
    assert 3 in resampled(frames, frames=5, reference=0).places
    found = resampled(frames, frames=4, reference=0)
    assert sorted(found.places) == [0, 1, 2, 4]
    assert found.weights[3] == 0


def test_the_order_of_the_frames_does_not_matter(burst: SimulatedBurst) -> None:
    found = resampled(burst.frames, frames=4, reference=0)
    order = [3, 1, 4, 0, 2]
    other = resampled(burst.frames[order], frames=4, reference=3)
    assert [order[place] for place in other.places] == list(found.places)
    torch.testing.assert_close(other.pixels, found.pixels)


def test_beyond_a_frames_edge_the_reference_stands() -> None:
    photograph = example_photo("coffee")[:, 100:300, 200:440]
    scene = torch.nn.functional.avg_pool2d(photograph, 2)
    frames = torch.stack((scene[:, :80, :100], scene[:, :80, 12:112]))
    found = resampled(frames, frames=2, reference=0)
    assert found.filled == 2
    # The second frame sees nothing of the first 12 columns, 24 on the finer grid.
    assert torch.equal(found.pixels[1, :, :, :22], found.pixels[0, :, :, :22])
    assert not torch.equal(found.pixels[1, :, :, 30:60], found.pixels[0, :, :, 30:60])
    assert found.weights[1] == pytest.approx(0.88 / 2, abs=0.01)


def test_a_network_takes_what_is_packed(burst: SimulatedBurst) -> None:
    found = resampled(burst.frames[..., :64, :80], frames=3, noise_std=0.03)
    x = found.packed()
    assert x.shape == (1, 10, 128, 160)
    assert torch.equal(x[0, :3], found.pixels[0])
    assert torch.equal(x[0, 6:9], found.pixels[2])
    assert torch.equal(x[0, 9], torch.full((128, 160), 0.03))
    net = BurstPaperNet(BurstPaperConfig(frames=3, channels=4, blocks=1, width=8))
    assert net(x).shape == (1, 3, 128, 160)
    with pytest.raises(EdgeSdkError, match="resample the burst to 4 frames"):
        BurstPaperNet(BurstPaperConfig(frames=4, channels=4, blocks=1, width=8))(x)


@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        ((1, 3, 64, 64), {}, "give at least 2"),
        ((0, 3, 64, 64), {}, "0 frames are no burst"),
        ((2, 3, 64, 20), {}, "20×64 px are too small"),
        ((2, 3, 64, 64), {"reference": 2}, "reference 2 is not one of the 2 frames"),
        ((2, 3, 64, 64), {"frames": 1}, "one frame is no burst"),
        ((2, 3, 64, 64), {"scale": 5}, "scale 5 is not one of"),
        ((2, 3, 64, 64), {"noise_std": -1.0}, "noise must be 0 to 1"),
        ((2, 3, 64, 64), {"noise_std": float("nan")}, "noise must be 0 to 1"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    shape: tuple[int, ...], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(EdgeSdkError, match=message) as caught:
        resampled(torch.zeros(shape), **settings)
    assert "\n" not in str(caught.value)

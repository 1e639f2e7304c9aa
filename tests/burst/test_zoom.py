from __future__ import annotations

import functools
import importlib
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.burst import ZoomConfig, enlarge_single, spooling, zoom
from edge_sdk.burst.stages.restore import RestoreConfig
from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.errors import InputError, PictureError
from edge_sdk.evaluation.burst_baselines import average_aligned, bicubic
from edge_sdk.imaging import psnr, quantize, resize_bicubic, rgb_to_ycbcr, ycbcr_to_rgb
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.zoo.catalogue import load_model
from tests.needs import needs
from tests.tolerances import SINGLE

pytestmark = needs("examples")

NOISE = 8 / 255


def bilinear() -> nn.Module:
    return nn.Upsample(scale_factor=2, mode="bilinear")


@functools.cache
def photo(name: str) -> Tensor:
    return example_photo(name)


@functools.cache
def small_burst(frames: int = 5, top: int = 0) -> SimulatedBurst:
    picture = photo("chelsea")[:, top : top + 250, 100:330]
    return simulate_burst(picture, CameraConfig(frames=frames))


@pytest.mark.parametrize("level", [0.0, 0.2, 0.6, 1.0])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_constant_burst_stays_constant(level: float, scale: int) -> None:
    result = zoom(torch.full((4, 3, 50, 61), level), None, ZoomConfig(scale=scale))
    assert result.pixels.shape == (3, 50 * scale, 61 * scale)
    assert result.used == 4
    assert float((result.pixels - level).abs().max()) <= 1 / 255


@pytest.mark.parametrize("level", [0.0, 0.2, 0.6, 1.0])
def test_a_constant_burst_stays_constant_through_a_network(level: float) -> None:
    result = zoom(torch.full((4, 3, 50, 61), level), bilinear())
    assert result.pixels.shape == (3, 100, 122)
    assert result.used == 4
    assert float((result.pixels - level).abs().max()) <= 1 / 255


def test_mean_brightness_is_kept() -> None:
    burst = small_burst()
    result = zoom(burst.frames)
    mean = float(bicubic(burst, result.reference).mean())
    assert float(result.pixels.mean()) == pytest.approx(mean, rel=1e-3)


def test_the_order_of_the_other_frames_does_not_matter() -> None:
    frames = small_burst().frames
    config = ZoomConfig(reference=0, noise_std=NOISE)
    first = zoom(frames, None, config)
    second = zoom(frames[[0, 3, 1, 4, 2]], None, config)
    torch.testing.assert_close(second.pixels, first.pixels, **SINGLE)


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "net"), [(1, None), (2, None), (3, None), (2, bilinear())])
def test_the_size_of_the_tiles_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, scale: int, net: nn.Module | None
) -> None:
    frames = small_burst().frames
    config = ZoomConfig(scale=scale, reference=0, noise_std=NOISE)
    module = importlib.import_module("edge_sdk.burst.driver.stage_set")
    results = []
    for inside in (192, 32):
        monkeypatch.setattr(module, "TILE_PX", inside)
        results.append(zoom(frames, net, config).pixels)
    torch.testing.assert_close(results[1], results[0], **SINGLE)


@pytest.mark.slow
@pytest.mark.parametrize("camera", ["rolling", "half a pixel"])
def test_nor_does_it_where_motion_varies_or_is_exactly_half_a_pixel(
    monkeypatch: pytest.MonkeyPatch, camera: str
) -> None:
    frames = photo("coffee")[None, :, 40:240, 60:330]
    if camera == "rolling":
        config = CameraConfig(frames=4, path="walk", readout=1.0)
        frames = simulate_burst(photo("coffee"), config).frames[..., :190, :200]
    else:
        x = torch.nn.functional.avg_pool2d(photo("coffee")[None], 2, 1)
        frames = torch.cat((photo("coffee")[None, :, 40:240, 60:330], x[..., 40:240, 60:330]))
    module = importlib.import_module("edge_sdk.burst.driver.stage_set")
    results = []
    for side in (192, 33):
        monkeypatch.setattr(module, "TILE_PX", side)
        results.append(zoom(frames, None, ZoomConfig(reference=0, noise_std=NOISE)))
    varies = [
        report.field is not None and report.field.offsets_px is not None
        for report in results[0].frames
    ]
    assert any(varies) == (camera == "rolling")
    torch.testing.assert_close(results[1].pixels, results[0].pixels, **SINGLE)


def test_one_frame_is_enlarged_by_the_network_alone() -> None:
    frame = small_burst().frames[:1]
    result = zoom(frame, bilinear())
    assert result.used == 1
    assert result.effective_frames == result.effective.low == 1
    assert bool((result.effective.places == 1).all())
    torch.testing.assert_close(result.pixels, enlarge_single(frame[0], bilinear()).clamp(0, 1))


def test_a_network_enlarges_one_frame_tile_by_tile() -> None:
    network = load_model("sr_x2_y")
    sizes: list[int] = []
    network.register_forward_hook(lambda _, given, __: sizes.append(max(given[0].shape[-2:])))
    frame = torch.rand(3, 290, 300, generator=torch.Generator().manual_seed(0))
    found = zoom(frame[None], network).pixels
    assert max(sizes) <= 256 + 2 * network.spec.halo_px
    ycbcr = rgb_to_ycbcr(frame)
    with torch.no_grad():
        luma = network(ycbcr[None, :1])[0]
    chroma = resize_bicubic(ycbcr[1:], size=(580, 600))
    whole = ycbcr_to_rgb(torch.cat((luma, chroma))).clamp(0, 1)
    torch.testing.assert_close(found, whole, **SINGLE)


def test_a_foreign_frame_is_left_out_with_the_reason() -> None:
    burst = small_burst(4)
    height, width = burst.frames.shape[-2:]
    foreign = photo("coffee")[None, :, :height, :width]
    frames = torch.cat((burst.frames, foreign))
    config = ZoomConfig(reference=0, noise_std=NOISE)
    result = zoom(frames, bilinear(), config)
    assert result.used == 4
    assert result.frames[4].note
    assert result.frames[4].share == 0.0
    without = zoom(burst.frames, bilinear(), config)
    torch.testing.assert_close(result.pixels, without.pixels, rtol=0, atol=1e-4)


def test_reports() -> None:
    result = zoom(small_burst().frames, bilinear(), ZoomConfig(reference=2))
    assert result.reference == 2
    assert result.forced
    assert result.frames[2].registration is None
    assert result.frames[2].share == 1.0
    assert all(0.8 < frame.share <= 1 for frame in result.frames)
    assert result.noise_std == pytest.approx(NOISE, rel=0.2)
    assert set(result.seconds) == {"reference", "align", "lens", "merge", "enhance"}


def test_progress_is_reported() -> None:
    calls: list[tuple[str, int, int]] = []
    zoom(small_burst().frames, bilinear(), on_progress=lambda *call: calls.append(call))
    for stage in ("reference", "align"):
        assert [call[1:] for call in calls if call[0] == stage] == [(n, 5) for n in range(1, 6)]
    assert [done for stage, done, _ in calls if stage == "merge"] == list(
        range(1, calls[-1][2] + 1)
    )


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (71, 33), (129, 40)])
def test_odd_and_portrait_sizes(height: int, width: int) -> None:
    frames = small_burst(3).frames[..., :height, :width]
    if frames.shape[-2:] != (height, width):
        frames = torch.nn.functional.interpolate(small_burst(3).frames, (height, width))
    result = zoom(frames)
    assert result.pixels.shape == (3, 2 * height, 2 * width)
    assert bool(torch.isfinite(result.pixels).all())


def test_turning_the_burst_turns_the_result() -> None:
    frames = small_burst().frames
    config = ZoomConfig(reference=0, noise_std=NOISE)
    upright = zoom(frames, None, config).pixels
    lying = zoom(frames.transpose(-1, -2), None, config).pixels
    assert psnr(lying.transpose(-1, -2).contiguous(), upright, border=20) > 50


@pytest.mark.parametrize("size", [(31, 64), (64, 31)])
def test_small_frames_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(PictureError, match="too small to zoom"):
        zoom(torch.rand(2, 3, *size), bilinear())


@pytest.mark.parametrize("shape", [(0, 3, 64, 64), (2, 1, 64, 64), (3, 64, 64)])
def test_what_is_no_burst_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="frames must be"):
        zoom(torch.rand(shape), bilinear())


@pytest.mark.parametrize(
    "settings",
    [
        {"scale": 0},
        {"scale": 5},
        {"reference_weight": 0.5},
        {"noise_std": -0.1},
        {"noise_std": 1.1},
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(InputError):
        ZoomConfig(**settings)  # type: ignore[arg-type]


@pytest.mark.slow
def test_noise_in_flat_areas_falls_with_more_frames() -> None:
    flat = (0.5 + NOISE * torch.randn(16, 3, 80, 90)).clamp(0, 1)
    left = []
    for count in (1, 4, 16):
        result = zoom(flat[:count])
        assert result.used == count
        left.append(float(result.pixels.std()))
    assert left[1] < 0.6 * left[0]
    assert left[2] < 0.6 * left[1]


def test_frames_that_stream_give_what_a_tensor_gives() -> None:
    frames = small_burst().frames
    config = ZoomConfig(reference=0)
    expected = zoom(frames, None, config)
    with spooling() as spool:
        for frame in frames:
            spool.add(frame, 8)
        found = zoom(spool, None, config)
    assert found.noise_std == expected.noise_std
    assert torch.equal(found.pixels, expected.pixels)


def test_a_crop_is_that_part_of_the_whole() -> None:
    frames = small_burst().frames
    config = ZoomConfig(reference=0, noise_std=NOISE)
    whole = zoom(frames, None, config).pixels
    part = zoom(frames, None, replace(config, crop=Rectangle(left=20, top=30, width=40, height=36)))
    assert part.pixels.shape == (3, 72, 80)
    torch.testing.assert_close(part.pixels, whole[:, 60:132, 40:120], **SINGLE)


@pytest.mark.parametrize(
    "crop",
    [
        Rectangle(left=-1, top=0, width=40, height=40),
        Rectangle(left=60, top=0, width=60, height=40),
    ],
)
def test_a_crop_outside_the_frames_is_refused(crop: Rectangle) -> None:
    with pytest.raises(InputError, match="does not lie on the frames"):
        zoom(small_burst().frames, None, ZoomConfig(crop=crop))


def test_provenance_says_where_a_frame_was_used() -> None:
    frames = small_burst().frames.clone()
    height, width = frames.shape[-2:]
    frames[2, :, 24:52, 24:52] = 1 - frames[2, :, 24:52, 24:52]
    result = zoom(frames, None, ZoomConfig(reference=0, provenance=True, noise_std=NOISE))
    for frame in result.frames:
        assert frame.provenance is not None
        assert frame.provenance.dtype == torch.float16
        assert frame.provenance.shape == (-(-height // 4), -(-width // 4))
    changed = result.frames[2].provenance
    assert changed is not None
    assert float(changed[7:12, 7:12].float().mean()) < 0.1
    assert float(changed[20:24].float().mean()) > 0.8
    assert result.frames[2].field is not None
    assert zoom(frames, None, ZoomConfig(reference=0)).frames[2].provenance is None


def test_a_network_enlarges_by_two_only() -> None:
    with pytest.raises(InputError, match="this network enlarges ×2, not ×3"):
        zoom(small_burst().frames, bilinear(), ZoomConfig(scale=3))


@pytest.mark.parametrize(
    ("name", "scale"), [("sr_x4_y", 4), ("sr_x2_rgb", 2), ("denoise_rgb", 1), ("sr_x4_y", 2)]
)
@pytest.mark.parametrize("frames", [1, 3])
def test_a_network_for_something_else_is_refused(name: str, scale: int, frames: int) -> None:
    with pytest.raises(InputError, match="zoom takes") as refusal:
        zoom(small_burst(3).frames[:frames], load_model(name), ZoomConfig(scale=scale))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("network", "config"),
    [
        (load_model("burst_zoom_x2"), ZoomConfig(restore=RestoreConfig(threshold=0.7))),
        (bilinear(), ZoomConfig(restore=RestoreConfig(steps=1))),
    ],
)
def test_settings_that_a_network_would_ignore_are_refused(
    network: nn.Module, config: ZoomConfig
) -> None:
    with pytest.raises(InputError, match="would ignore the settings of restore"):
        zoom(small_burst(3).frames, network, config)


def test_a_luma_network_uses_the_lens_blur() -> None:
    frames = small_burst(3).frames
    known = [
        zoom(frames, bilinear(), ZoomConfig(reference=0, lens_std_px=lens)) for lens in (0.3, 0.7)
    ]
    assert float((known[0].pixels - known[1].pixels).abs().max()) > 1 / 255


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coffee", "astronaut"])
def test_a_moved_object_leaves_no_ghost(name: str) -> None:
    burst = simulate_burst(photo(name), CameraConfig())
    frames = burst.frames.clone()
    height, width = frames.shape[-2:]
    side = round((0.05 * height * width) ** 0.5)
    top, left = height // 2 - side // 2, width // 3 - side // 2
    rows, columns = slice(top, top + side), slice(left, left + side)
    thing = torch.tensor([0.8, 0.3, 0.2]).view(3, 1, 1)
    noise = NOISE * torch.randn(5, 3, side, side)
    frames[5:, :, rows, columns] = (thing + noise).clamp(0, 1)
    result = zoom(frames, None, ZoomConfig(reference=0))
    truth = burst.truth(0)
    area = (slice(None), slice(2 * top, 2 * (top + side)), slice(2 * left, 2 * (left + side)))
    ours = psnr(result.pixels[area], truth[area])
    assert ours >= psnr(bicubic(burst, 0)[area], truth[area]) - 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_bar(name: str, seed: int) -> None:
    burst = simulate_burst(photo(name), CameraConfig(seed=seed))
    result = zoom(burst.frames)
    truth = quantize(burst.truth(result.reference))
    ours = psnr(quantize(result.pixels), truth)
    assert result.used == 10
    assert ours >= psnr(quantize(bicubic(burst, result.reference)), truth) + 2.0
    assert ours >= psnr(quantize(average_aligned(burst, result.reference)), truth)


def test_baselines() -> None:
    burst = small_burst()
    truth = burst.truth(1)
    single, average = bicubic(burst, 1), average_aligned(burst, 1)
    assert single.shape == average.shape == truth.shape
    assert psnr(average, truth) > psnr(single, truth) + 1
    for baseline in (bicubic, average_aligned):
        with pytest.raises(InputError, match="reference 5 is not one of the 5 frames"):
            baseline(burst, 5)

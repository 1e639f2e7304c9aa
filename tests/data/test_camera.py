from __future__ import annotations

import dataclasses
import functools

import pytest
import torch
from torch import Tensor

from edge_sdk.data.camera.light_changes import LightChanges
from edge_sdk.data.camera.reduction import REACH_PX
from edge_sdk.data.camera.simulation import SMALLEST_FRAME_PX, CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import linear_to_srgb, resize_bicubic, srgb_to_linear
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.imaging.margins import inner
from edge_sdk.registration import EuclideanMotion
from edge_sdk.registration.motion import centered_grid, transform
from edge_sdk.registration.sampling import sample_bicubic
from tests.needs import needs
from tests.tolerances import DOUBLE, SINGLE, WHOLE_NUMBERS

pytestmark = needs("examples")

CLEAN = CameraConfig(frames=3, noise_std=0.0)


@functools.cache
def photo() -> Tensor:
    return example_photo("chelsea")


def gray(level: float, side: int = 120) -> Tensor:
    return torch.full((3, side, side + 14), level)


def test_the_first_frame_is_at_rest_and_the_others_within_bounds() -> None:
    config = CameraConfig(frames=40, max_shift_px=2.5, max_angle_deg=0.7)
    motions = simulate_burst(gray(0.5), config).motions
    assert motions[0] == EuclideanMotion(0.0, 0.0, 0.0)
    for axis in ("shift_x_px", "shift_y_px"):
        values = torch.tensor([getattr(motion, axis) for motion in motions[1:]])
        assert 2.0 < float(values.abs().max()) <= 2.5
        assert abs(float(values.mean())) < 1.0
    assert max(abs(motion.angle_deg) for motion in motions) <= 0.7


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("trim", [0, 1])
def test_truth_at_rest_is_the_inside_of_the_photograph(scale: int, trim: int) -> None:
    picture = photo()[:, trim:, trim:]
    burst = simulate_burst(picture, CameraConfig(frames=1, scale=scale))
    truth = burst.truth(0)
    height, width = truth.shape[-2:]
    assert (height, width) == tuple(scale * side for side in burst.frames.shape[-2:])
    top = (burst.scene.shape[-2] - height) // 2
    left = (burst.scene.shape[-1] - width) // 2
    inside = picture[:, top : top + height, left : left + width]
    torch.testing.assert_close(truth, inside, **SINGLE)


def test_same_seed_same_burst() -> None:
    config = CameraConfig(frames=2, seed=7)
    first, again = (simulate_burst(photo(), config) for _ in range(2))
    other = simulate_burst(photo(), dataclasses.replace(config, seed=8))
    assert torch.equal(first.frames, again.frames)
    assert first.motions == again.motions
    assert not torch.equal(first.frames, other.frames)
    assert first.motions != other.motions


@pytest.mark.parametrize("noise", [2, 8, 20])
def test_noise_is_what_was_requested(noise: int) -> None:
    frames = simulate_burst(gray(0.5), CameraConfig(frames=3, noise_std=noise / 255)).frames
    measured = 255 * (frames - 0.5).std(dim=(2, 3))
    # Rounding to 8 bits adds a twelfth.
    torch.testing.assert_close(
        measured, torch.full_like(measured, (noise**2 + 1 / 12) ** 0.5), rtol=0.05, atol=0
    )
    pairs = torch.corrcoef(frames.flatten(2).flatten(0, 1))
    assert float((pairs - torch.eye(9)).abs().max()) < 0.08


@pytest.mark.parametrize("level", [0, 1, 100, 200, 255])
def test_a_constant_scene_keeps_its_brightness(level: int) -> None:
    burst = simulate_burst(gray(level / 255), CLEAN)
    assert float((burst.frames * 255 - level).abs().max()) < 1e-3
    assert float((burst.truth(1) - level / 255).abs().max()) < 1e-4


def test_light_is_kept() -> None:
    # Lens and pixel average light, not encoded values: the mean in linear light survives.
    from edge_sdk.imaging import srgb_to_linear

    burst = simulate_burst(photo(), CLEAN)
    for index in range(3):
        seen = srgb_to_linear(burst.frames[index]).mean()
        truth = srgb_to_linear(burst.truth(index)).mean()
        assert float(seen) == pytest.approx(float(truth), rel=2e-3)


def test_frames_hold_eight_bits() -> None:
    levels = simulate_burst(photo(), CameraConfig(frames=1)).frames * 255
    torch.testing.assert_close(levels, levels.round(), **WHOLE_NUMBERS)
    assert float(levels.min()) >= 0
    assert float(levels.max()) <= 255


def test_no_lens_no_noise_no_scale_is_the_photograph() -> None:
    burst = simulate_burst(photo(), CameraConfig(1, scale=1, lens_std_px=0.0, noise_std=0.0))
    torch.testing.assert_close(burst.frames[0], burst.truth(0), rtol=0, atol=0.5 / 255 + 1e-5)


def test_relative_motions_chain() -> None:
    burst = simulate_burst(gray(0.5), CLEAN)
    identity = torch.eye(3, dtype=torch.float64)
    step = burst.relative_motion(1, 2) @ burst.relative_motion(0, 1)
    torch.testing.assert_close(step, burst.relative_motion(0, 2))
    torch.testing.assert_close(
        burst.relative_motion(2, 1) @ burst.relative_motion(1, 2), identity, **DOUBLE
    )
    torch.testing.assert_close(burst.relative_motion(1, 1), identity, **DOUBLE)


@pytest.mark.parametrize(("reference", "index"), [(0, 1), (1, 2), (2, 0)])
def test_relative_motion_maps_truth_to_truth(reference: int, index: int) -> None:
    x = torch.linspace(0, 40, 180)
    smooth = (0.5 + 0.3 * torch.sin(x[None, :] / 2) * torch.cos(x[:160, None] / 3)).expand(
        3, -1, -1
    )
    burst = simulate_burst(smooth, CLEAN)
    matrix = burst.relative_motion(reference, index)
    here, there = burst.truth(reference), burst.truth(index)
    grid = centered_grid(*here.shape[-2:], step=1 / 2, like=matrix)
    points = transform(matrix, grid.reshape(-1, 2)).reshape(grid.shape) * 2
    moved = sample_bicubic(there, points.float())
    inside = (slice(None), slice(24, -24), slice(24, -24))
    torch.testing.assert_close(moved[inside], here[inside], rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("frames", 0, "frames must be 1 or more"),
        ("scale", 0, "scale must be 1 to 8"),
        ("scale", 9, "scale must be 1 to 8"),
        ("max_shift_px", -1.0, "max shift"),
        ("max_angle_deg", -0.1, "max angle"),
        ("max_angle_deg", 46.0, "max angle"),
        ("lens_std_px", -0.1, "lens blur"),
        ("noise_std", -0.1, "noise"),
        ("noise_std", float("nan"), "noise"),
        ("reduction", "nearest", "choose one of: area, box, bicubic"),
        ("noise_colors", (1.0, -1.0, 1.0), "factors of 0 to 4"),
        ("noise_colors", (1.0, 1.0), "factors of 0 to 4"),
        ("noise_blur_px", 5.0, "smooth over 0 to 4 px"),
    ],
)
def test_impossible_cameras_are_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(CameraConfig(), **{field: value})


@pytest.mark.parametrize("kind", ["area", "box", "bicubic"])
def test_frames_are_reduced_as_requested(kind: str) -> None:
    burst = simulate_burst(
        photo(), CameraConfig(frames=1, noise_std=0.0, lens_std_px=0.0, reduction=kind)
    )
    truth = burst.truth(0)
    if kind == "bicubic":
        expected = resize_bicubic(truth, 1 / 2).clamp(0, 1)
    elif kind == "box":
        expected = torch.nn.functional.avg_pool2d(truth, 2)
    else:
        expected = linear_to_srgb(torch.nn.functional.avg_pool2d(srgb_to_linear(truth), 2))
    reach = REACH_PX[kind]
    found, expected = (inner(each, reach) for each in (burst.frames[0], expected))
    torch.testing.assert_close(found, expected, rtol=0, atol=0.6 / 255)


@pytest.mark.parametrize("kind", ["area", "box", "bicubic"])
def test_a_pixel_at_the_edge_sees_what_lies_beyond(kind: str) -> None:
    config = CameraConfig(frames=1, noise_std=0.0, lens_std_px=0.0, reduction=kind)
    whole, cut = (simulate_burst(inner(photo(), margin), config).frames[0] for margin in (0, 20))
    rows = (whole.shape[-2] - cut.shape[-2]) // 2
    columns = (whole.shape[-1] - cut.shape[-1]) // 2
    same = whole[:, rows : rows + cut.shape[-2], columns : columns + cut.shape[-1]]
    torch.testing.assert_close(cut, same, rtol=0, atol=1.1 / 255)


def test_light_is_cut_where_a_pixel_is_full_and_not_before() -> None:
    stripes = torch.full((3, 200, 240), 0.5)
    stripes[..., ::2] = 1.0
    lit = CameraConfig(
        frames=6,
        noise_std=0.0,
        max_shift_px=0.0,
        max_angle_deg=0.0,
        lens_std_px=0.0,
        light=LightChanges(flicker=0.3),
    )
    steady = dataclasses.replace(lit, light=None)
    gains = [
        (
            srgb_to_linear(simulate_burst(scene, lit).frames)
            / srgb_to_linear(simulate_burst(scene, steady).frames)
        ).mean((1, 2, 3))
        for scene in (gray(0.5), stripes)
    ]
    assert float(gains[0].max()) > 1.1
    torch.testing.assert_close(gains[1], gains[0], rtol=0.03, atol=0)


def test_smooth_noise_is_as_strong_at_the_edge() -> None:
    config = CameraConfig(frames=40, noise_std=8 / 255, noise_blur_px=2.0)
    noise = simulate_burst(gray(0.5, 120), config).frames - 0.5
    inside = float(inner(noise, 10).std())
    assert float(noise[..., 0].std()) == pytest.approx(inside, rel=0.15)
    assert float(noise[..., 0, 0].std()) == pytest.approx(inside, rel=0.35)


@pytest.mark.parametrize("kind", ["flicker", "balance", "bands"])
def test_the_truth_has_the_light_of_its_frame(kind: str) -> None:
    config = CameraConfig(frames=4, noise_std=0.0, light=LightChanges(**{kind: 0.2}))
    burst, steady = (simulate_burst(gray(0.5), each) for each in (config, CLEAN))
    linear = srgb_to_linear(burst.frames) / srgb_to_linear(steady.frames[:1])
    for index in range(4):
        small = torch.nn.functional.avg_pool2d(burst.truth(index), 2)
        torch.testing.assert_close(burst.frames[index], small, rtol=0, atol=1 / 255)
    spread = linear.amax() - linear.amin()
    assert 0.1 < float(spread) < 0.42
    assert float(linear[:, 1].std()) < 0.005 or kind != "balance"
    assert (float(linear.std(-2).mean()) > 0.1) == (kind == "bands")


def test_steady_light_draws_what_changing_light_draws() -> None:
    lit = simulate_burst(gray(0.5), CameraConfig(frames=3, light=LightChanges(flicker=0.1)))
    assert lit.motions == simulate_burst(gray(0.5), CameraConfig(frames=3)).motions


def test_light_changes_within_bounds() -> None:
    with pytest.raises(InputError, match=r"by bands must be 0 to 0\.5 of it, not 0\.7"):
        LightChanges(bands=0.7)


@pytest.mark.parametrize("smooth_px", [0.0, 0.4, 1.0])
def test_noise_differs_by_color_and_keeps_its_strength(smooth_px: float) -> None:
    config = CameraConfig(
        frames=4, noise_std=8 / 255, noise_colors=(1.0, 0.5, 2.0), noise_blur_px=smooth_px
    )
    noise = 255 * (simulate_burst(gray(0.5, 300), config).frames - 0.5)
    noise = noise - noise.mean((2, 3), keepdim=True)
    stds = noise.square().mean((0, 2, 3)).sqrt()
    torch.testing.assert_close(stds, torch.tensor([8.0, 4.0, 16.0]), rtol=0.08, atol=0)
    together = (noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()
    assert abs(float(together) - {0.0: 0.0, 0.4: 0.087, 1.0: 0.78}[smooth_px]) < 0.06


def test_a_photograph_may_be_too_small() -> None:
    with pytest.raises(PictureError, match="too small"):
        simulate_burst(torch.rand(3, 70, 300))
    frames = simulate_burst(torch.rand(3, 96, 96), CameraConfig(frames=2)).frames
    assert min(frames.shape[-2:]) >= SMALLEST_FRAME_PX


def test_the_default_camera_is_the_one_that_was_measured() -> None:
    # The equations of the published figures, straight on; options must not change a bit of it.
    picture, chance = photo(), torch.Generator().manual_seed(0)
    burst = simulate_burst(picture, CameraConfig(frames=3))
    height, width = burst.frames.shape[-2:]
    motions = []
    for index in range(3):
        x, y, angle = (2 * torch.rand(3, generator=chance, dtype=torch.float64) - 1).tolist()
        motions.append(EuclideanMotion(*(((4 * x), 4 * y, 0.5 * angle) if index else (0, 0, 0))))
    assert burst.motions == tuple(motions)
    seen = srgb_to_linear(picture)[:, : burst.scene.shape[1], : burst.scene.shape[2]]
    lens = gaussian_blur(seen[None], 0.6)[0]
    for index, motion in enumerate(motions):
        grid = centered_grid(2 * height, 2 * width, step=0.5, like=motion.matrix)
        points = transform(motion.matrix, grid.reshape(-1, 2)).reshape(grid.shape)
        fine = sample_bicubic(lens, (2 * points).float()).clamp(0, 1)
        light = torch.nn.functional.avg_pool2d(fine[None], 2)[0]
        noise = 8 / 255 * torch.randn(light.shape, generator=chance)
        frame = ((linear_to_srgb(light) + noise).clamp(0, 1) * 255).round() / 255
        assert torch.equal(frame, burst.frames[index])

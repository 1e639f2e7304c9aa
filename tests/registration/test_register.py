from __future__ import annotations

import functools
import math

import pytest
import torch
from torch import Tensor

from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.errors import InputError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.registration import EuclideanMotion, motion_error_px, register, transform
from edge_sdk.registration.motion import centered_grid
from tests.needs import needs

pytestmark = needs("examples")

HEIGHT, WIDTH = 96, 128
STILL = EuclideanMotion(0.0, 0.0, 0.0)
MOTIONS = (
    EuclideanMotion(0.5, -0.25, 0.0),
    EuclideanMotion(3.3, 2.7, 0.4),
    EuclideanMotion(-7.1, 5.2, -1.0),
    EuclideanMotion(15.6, -11.3, 2.0),
)


def scene(points: Tensor) -> Tensor:
    """Sinusoids and Gaussians, in [0, 1], known at every point of the plane."""
    x, y = points[..., 0], points[..., 1]
    value = 0.5 + 0.08 * torch.sin(0.31 * x + 0.17 * y) + 0.07 * torch.cos(0.23 * y - 0.11 * x)
    value = value + 0.05 * torch.sin(0.6 * x - 0.45 * y + 1.0)
    for center_x, center_y, width in ((-30, 12, 5), (22, -25, 7), (5, 30, 4), (45, 20, 6)):
        distance = (x - center_x) ** 2 + (y - center_y) ** 2
        value = value + 0.2 * torch.exp(-0.5 * distance / width**2)
    return value


def view(motion: EuclideanMotion, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """The frame that shows at M·p what the reference shows at p, evaluated in closed form."""
    inverse = torch.linalg.inv(motion.matrix)
    points = centered_grid(height, width, like=inverse).reshape(-1, 2)
    return scene(transform(inverse, points)).reshape(1, height, width).float()


def worst_px(estimate: Tensor, truth: EuclideanMotion, height: int = HEIGHT) -> float:
    return float(motion_error_px(estimate, truth.matrix, height, WIDTH).max())


@functools.cache
def burst(photo: str, seed: int = 0) -> SimulatedBurst:
    return simulate_burst(example_photo(photo), CameraConfig(frames=6, seed=seed))


def luma(photo: str) -> Tensor:
    return rgb_to_ycbcr(burst(photo).frames)[:, :1]


@pytest.mark.parametrize("motion", MOTIONS, ids=str)
def test_closed_form_scenes_are_recovered(motion: EuclideanMotion) -> None:
    (found,) = register(view(STILL), view(motion)[None])
    assert found.accepted
    assert found.reason == ""
    assert worst_px(found.matrix, motion) < 0.02
    assert found.motion.angle_deg == pytest.approx(motion.angle_deg, abs=0.02)


@pytest.mark.parametrize(("height", "width"), [(63, 97), (97, 63), (50, 201), (32, 32)])
def test_any_shape(height: int, width: int) -> None:
    motion = EuclideanMotion(1.7, -2.2, 0.5)
    (found,) = register(view(STILL, height, width), view(motion, height, width)[None])
    assert float(motion_error_px(found.matrix, motion.matrix, height, width).max()) < 0.02


def test_a_frame_is_at_rest_against_itself() -> None:
    (found,) = register(view(STILL), view(STILL)[None])
    assert worst_px(found.matrix, STILL) < 1e-3
    assert found.explained == pytest.approx(1.0, abs=1e-4)
    assert found.overlap > 0.97


def test_there_and_back_is_the_way_home() -> None:
    motion = MOTIONS[1]
    (there,) = register(view(STILL), view(motion)[None])
    (back,) = register(view(motion), view(STILL)[None])
    assert worst_px(back.matrix @ there.matrix, STILL) < 0.03


def test_each_frame_for_itself() -> None:
    frames = torch.stack([view(motion) for motion in MOTIONS])
    together = register(view(STILL), frames)
    for frame, found in zip(frames, together, strict=True):
        (alone,) = register(view(STILL), frame[None])
        # Iterations end together; what a frame gains from further ones is under the tolerance.
        assert float(motion_error_px(found.matrix, alone.matrix, HEIGHT, WIDTH).max()) < 5e-3


@pytest.mark.parametrize(("gain", "offset"), [(0.5, 0.0), (1.4, -0.2), (0.8, 0.2), (0.2, 0.6)])
def test_gain_and_offset_do_not_matter(gain: float, offset: float) -> None:
    motion = MOTIONS[1]
    (found,) = register(view(STILL), (gain * view(motion) + offset)[None])
    assert found.accepted
    assert worst_px(found.matrix, motion) < 0.02
    assert found.explained > 0.99


def test_a_moving_object_does_not_pull_the_motion() -> None:
    motion = MOTIONS[1]
    rows, columns = 36, 36  # 10 % of the picture
    generator = torch.Generator().manual_seed(1)
    thing = torch.rand(1, rows, columns, generator=generator)
    reference, frame = view(STILL).clone(), view(motion).clone()
    reference[:, 20 : 20 + rows, 30 : 30 + columns] = thing
    frame[:, 34 : 34 + rows, 58 : 58 + columns] = thing
    (found,) = register(reference, frame[None])
    assert found.accepted
    assert worst_px(found.matrix, motion) < 0.04


@pytest.mark.slow
def test_simulated_bursts_are_recovered() -> None:
    errors = []
    for photo in PHOTOS:
        for seed in (0, 1):
            taken = burst(photo, seed)
            y = rgb_to_ycbcr(taken.frames)[:, :1]
            height, width = y.shape[-2:]
            for index, found in enumerate(register(y[0], y[1:]), start=1):
                assert found.accepted
                truth = taken.relative_motion(0, index)
                errors.append(motion_error_px(found.matrix, truth, height, width)[::7])
    error = torch.cat(errors)
    assert float(error.median()) <= 0.03
    assert float(error.sort().values[int(0.95 * len(error))]) <= 0.08


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_black_and_saturated_frames_are_not_accepted(level: float) -> None:
    y = luma("chelsea")
    (found,) = register(y[0], torch.full_like(y[:1], level))
    assert not found.accepted
    assert "does not match" in found.reason
    assert worst_px(found.matrix, STILL) < 1e-3


def test_noise_and_negatives_are_not_accepted() -> None:
    y = luma("chelsea")
    noise = 0.5 + 0.05 * torch.randn(y[0].shape)
    for found in register(y[0], torch.stack((noise, 1 - y[1])), noise_std=0.03):
        assert not found.accepted
        assert found.explained < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("photo", PHOTOS[1:])
def test_foreign_frames_are_not_accepted(photo: str) -> None:
    here, there = luma("coffee"), luma(photo)
    height = min(here.shape[-2], there.shape[-2])
    width = min(here.shape[-1], there.shape[-1])
    (found,) = register(here[0, :, :height, :width], there[:1, :, :height, :width], noise_std=0.03)
    assert not found.accepted
    assert found.explained < 0.2
    assert found.reason


def test_a_featureless_burst_is_accepted_at_rest() -> None:
    noise_std = 0.03
    frames = 0.4 + noise_std * torch.randn(5, 1, 80, 90)
    for found in register(frames[0], frames[1:], noise_std=noise_std):
        assert found.accepted
        assert torch.equal(found.matrix, torch.eye(3, dtype=torch.float64))
    for found in register(frames[0], frames[1:], noise_std=0.0):
        assert not found.accepted


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_exactly_flat_bursts_are_accepted_at_rest(level: float) -> None:
    frames = torch.full((3, 1, 50, 60), level)
    for found in register(frames[0], frames[1:]):
        assert found.accepted
        assert worst_px(found.matrix, STILL) == 0.0


def test_too_little_overlap() -> None:
    width = 400
    far = EuclideanMotion(40.0, 0.0, 0.0)
    (found,) = register(view(STILL, 64, 64), view(far, 64, width)[None, ..., :64])
    assert not found.accepted or found.overlap >= 0.4
    assert math.isfinite(found.residual_std)


def test_no_frames() -> None:
    assert register(view(STILL), torch.empty(0, 1, HEIGHT, WIDTH)) == ()


@pytest.mark.parametrize("shape", [(2, 1, 96, 127), (2, 1, 95, 128), (2, 3, 96, 128)])
def test_sizes_must_match(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="do not match the reference"):
        register(view(STILL), torch.rand(shape))

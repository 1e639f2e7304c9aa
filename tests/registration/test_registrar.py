"""Alignment by stages: motions known in closed form, real pictures, and what is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.data.probes.examples import PHOTOS, example_photo
from edge_sdk.errors import InputError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration import (
    MODELS,
    EuclideanMotion,
    MotionModel,
    Registrar,
    Registration,
    RegistrationConfig,
    motion_error_px,
    transform,
)
from edge_sdk.registration import registrar as module
from edge_sdk.registration.alignment.global_motion import GlobalFinder
from edge_sdk.registration.alignment.levels import levels_of
from edge_sdk.registration.models import step_matrices
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.stages.align import Align
from edge_sdk.registration.stages.expand import Expand
from edge_sdk.registration.stages.levels import Halve, Smooth, Surround
from edge_sdk.registration.stages.stage_set import AlignStages
from tests.examples import examples
from tests.needs import needs
from tests.registration import waves
from tests.registration.charts import SCENES, THING_PX, Chart, hand_motion

HEIGHT, WIDTH = 96, 128
STILL = torch.eye(3, dtype=torch.float64)
MOTIONS = {
    "translation": EuclideanMotion(3.3, -2.7, 0.0).matrix,
    "euclidean": EuclideanMotion(-7.1, 5.2, -1.5).matrix,
    "similarity": EuclideanMotion(2.2, 4.1, 0.8).matrix
    @ torch.diag(torch.tensor([1.02, 1.02, 1.0], dtype=torch.float64)),
    "homography": EuclideanMotion(-3.4, 1.3, 0.5).matrix
    @ step_matrices(
        "homography",
        torch.tensor([[0.0, 0.0, 0.0, 0.4, -0.6, 0.3, 0.8, -0.5]], dtype=torch.float64),
        WIDTH / 2,
    )[0],
}
WRONG_PX = 0.5


def scene(points: Tensor) -> Tensor:
    """Waves and hills, in [0, 1], known at every point of the plane."""
    x, y = points[..., 0], points[..., 1]
    value = 0.45 + 0.09 * torch.sin(0.27 * x + 0.21 * y) + 0.06 * torch.cos(0.19 * y - 0.13 * x)
    value = value + 0.05 * torch.sin(0.55 * x - 0.5 * y + 0.7)
    for center_x, center_y, width in ((-28, 14, 5), (24, -22, 7), (3, 28, 4), (47, 18, 6)):
        distance = (x - center_x) ** 2 + (y - center_y) ** 2
        value = value + 0.2 * torch.exp(-0.5 * distance / width**2)
    return value


def view(matrix: Tensor, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    """The frame that shows at M·p what the reference shows at p, evaluated in closed form."""
    points = centered_grid(height, width, like=matrix).reshape(-1, 2)
    back = transform(torch.linalg.inv(matrix), points)
    return scene(back).reshape(1, height, width).float()


@functools.cache
def registrar(model: MotionModel = "euclidean") -> Registrar:
    return Registrar(view(STILL), RegistrationConfig(model=model))


def aligned(frame: Tensor, model: MotionModel = "euclidean") -> Registration:
    (found,) = registrar(model).register(frame[None])
    return found


def worst_px(found: Registration, matrix: Tensor) -> float:
    return float(motion_error_px(found.matrix, matrix, HEIGHT, WIDTH).max())


@examples(20)
@given(st.floats(-14, 14), st.floats(-14, 14))
def test_a_known_shift_is_found(x: float, y: float) -> None:
    matrix = EuclideanMotion(x, y, 0.0).matrix
    found = aligned(view(matrix), "translation")
    assert found.accepted
    assert worst_px(found, matrix) < 0.02


@examples(20)
@given(st.floats(-24, 24), st.floats(-24, 24))
@example(-16.0, -20.0)  # of what tells these waves from themselves a period away little is in sight
def test_a_far_shift_is_found_or_undecided(x: float, y: float) -> None:
    matrix = EuclideanMotion(x, y, 0.0).matrix
    found = aligned(view(matrix), "translation")
    assert found.accepted or found.reason.startswith("fits in several places")
    assert worst_px(found, matrix) < 0.02


WITHIN = [(name, model) for k, model in enumerate(MODELS) for name in MODELS[: k + 1]]
"""Motions, each with a model that has them."""


@pytest.mark.parametrize(("name", "model"), WITHIN)
def test_every_model_finds_its_own_motions_and_those_of_the_models_within(
    name: MotionModel, model: MotionModel
) -> None:
    found = aligned(view(MOTIONS[name]), model)
    assert found.accepted
    # In a corner: there a homography has little to hold on to.
    assert worst_px(found, MOTIONS[name]) < (0.06 if model == "homography" else 0.03)


@pytest.mark.parametrize(("height", "width"), [(63, 97), (97, 63), (50, 201), (24, 24), (121, 121)])
def test_any_shape(height: int, width: int) -> None:
    motion = EuclideanMotion(1.7, -2.2, 0.5).matrix
    made = Registrar(view(STILL, height, width))
    (found,) = made.register(view(motion, height, width)[None])
    assert float(motion_error_px(found.matrix, motion, height, width).max()) < 0.06


def test_a_frame_is_at_rest_against_itself() -> None:
    found = aligned(view(STILL))
    assert worst_px(found, STILL) < 1e-3
    assert found.explained == pytest.approx(1.0, abs=1e-4)
    assert found.overlap > 0.99


@examples(20)
@given(st.floats(0.3, 1.6), st.floats(-0.2, 0.2))
def test_gain_and_offset_do_not_matter(gain: float, offset: float) -> None:
    motion = MOTIONS["euclidean"]
    found = aligned(gain * view(motion) + offset)
    assert found.accepted
    assert worst_px(found, motion) < 0.02
    assert found.explained > 0.99


def test_each_frame_for_itself() -> None:
    frames = torch.stack([view(MOTIONS[name]) for name in ("translation", "euclidean")])
    together = registrar().register(frames)
    for frame, found in zip(frames, together, strict=True):
        # Steps end together; what a frame gains from further ones is under the tolerance.
        assert worst_px(aligned(frame), found.matrix) < 5e-3


def test_a_moving_object_does_not_pull_the_motion() -> None:
    motion = MOTIONS["translation"]
    thing = torch.rand(1, 36, 36, generator=torch.Generator().manual_seed(1))
    reference, frame = view(STILL).clone(), view(motion).clone()
    reference[:, 20:56, 30:66] = thing
    frame[:, 34:70, 58:94] = thing
    (found,) = Registrar(reference).register(frame[None])
    assert found.accepted
    assert worst_px(found, motion) < 0.04


@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
def test_flat_frames_are_refused(level: float) -> None:
    flat = torch.full((1, HEIGHT, WIDTH), level)
    found = aligned(flat)
    assert not found.accepted
    assert found.reason.startswith("does not match")
    (found,) = Registrar(flat).register(view(STILL)[None])
    assert not found.accepted


def test_frames_of_something_else_are_refused() -> None:
    for seed in range(3):
        noise = torch.rand(1, 1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))
        other = gaussian_blur(noise, 3.0)[0]
        assert not aligned(other).accepted
    negative = aligned(1.0 - view(STILL))
    assert not negative.accepted


def test_what_shows_too_little_is_refused() -> None:
    strict = Registrar(view(STILL), RegistrationConfig(min_overlap=0.95))
    (found,) = strict.register(view(MOTIONS["euclidean"])[None])
    assert found.reason.startswith("shows only")


def test_sizes_that_do_not_fit_are_told() -> None:
    with pytest.raises(InputError, match="do not match the reference"):
        registrar().register(torch.zeros(1, 1, HEIGHT, WIDTH - 1))
    with pytest.raises(InputError, match="cannot be aligned to"):
        Registrar(torch.zeros(3, 20, 20))
    assert registrar().register(torch.zeros(0, 1, HEIGHT, WIDTH)) == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "affine"}, "motion model must be"),
        ({"max_shift_px": -1.0}, "max shift"),
        ({"min_overlap": 0.0}, "overlap must be"),
        ({"min_explained": 2.0}, "explained must be"),
    ],
)
def test_settings_that_make_no_sense_are_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RegistrationConfig(**settings)


def test_a_frame_without_numbers_is_refused() -> None:
    assert not aligned(torch.full((1, HEIGHT, WIDTH), torch.nan)).accepted


def test_large_pictures_are_compared_on_the_level_above() -> None:
    motion = MOTIONS["euclidean"]
    back = torch.linalg.inv(motion)
    frame = waves.view(lambda points: transform(back, points.reshape(-1, 2)).view_as(points))
    config = RegistrationConfig(max_pixels=waves.HEIGHT * waves.WIDTH // 2)
    (found,) = Registrar(waves.view(), config).register(frame[None])
    assert found.accepted
    error = motion_error_px(found.matrix, motion, waves.HEIGHT, waves.WIDTH)
    assert float(error.max()) < 0.06


def test_frames_are_aligned_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = torch.stack([view(motion) for motion in MOTIONS.values()])
    together = registrar("homography").register(frames)
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 1)
    for found, each in zip(registrar("homography").register(frames), together, strict=True):
        assert worst_px(found, each.matrix) < 5e-3


def test_without_a_reach_frames_at_rest_are_found() -> None:
    made = Registrar(view(STILL), RegistrationConfig(max_shift_px=0.0))
    motion = EuclideanMotion(0.4, -0.3, 0.1).matrix
    (found,) = made.register(view(motion)[None])
    assert worst_px(found, motion) < 0.02


def placed(chart: Chart, seeds: range) -> list[str]:
    """Reasons of the frames that were refused; those accepted lie in their place."""
    made = Registrar(chart.seen(EuclideanMotion(0.0, 0.0, 0.0), seed=99))
    reasons = []
    for seed in seeds:
        motion = hand_motion(seed + 100).matrix
        (found,) = made.register(chart.seen(EuclideanMotion.of(motion), seed=seed)[None])
        off = motion_error_px(found.matrix, motion, chart.height, chart.width).max()
        assert not found.accepted or float(off) < WRONG_PX, (chart, seed)
        if not found.accepted:
            reasons.append(found.reason)
    return reasons


@pytest.mark.parametrize("name", SCENES)
def test_a_scene_that_repeats_is_undecided(name: str) -> None:
    reasons = placed(Chart(name, 13.3), range(3))
    assert len(reasons) == 3
    assert all(reason.startswith("fits in several places: the scene") for reason in reasons)


@pytest.mark.parametrize("name", SCENES)
def test_one_thing_that_does_not_repeat_is_enough(name: str) -> None:
    assert placed(Chart(name, 13.3, THING_PX), range(3)) == []


@functools.cache
def burst(photo: str, far: bool = False) -> SimulatedBurst:
    config = CameraConfig(frames=6)
    if far:
        config = CameraConfig(frames=6, max_shift_px=64, max_angle_deg=2)
    return simulate_burst(example_photo(photo), config)


def errors_px(made: SimulatedBurst, gains: Tensor | None = None) -> Tensor:
    """Errors at the pixels that frames show, of frames all of which must be accepted."""
    luma = rgb_to_ycbcr(made.frames)[:, :1]
    if gains is not None:
        luma = luma * gains.view(-1, 1, 1, 1)
    errors = []
    for index, found in enumerate(Registrar(luma[0]).register(luma[1:]), start=1):
        assert found.accepted, found.reason
        truth = made.true_positions(0, index)
        points = centered_grid(*truth.shape[:2], like=truth)
        half = truth.new_tensor([truth.shape[1] - 1, truth.shape[0] - 1]) / 2
        error = (found.field.at(points) - truth).norm(dim=-1)
        errors.append(error[(truth.abs() <= half).all(-1)])
    return torch.cat(errors)


@needs("examples")
@pytest.mark.parametrize("photo", PHOTOS)
def test_real_pictures(photo: str) -> None:
    error = errors_px(burst(photo))
    assert float(error.median()) < 0.02
    assert float(error.quantile(0.95)) < 0.06


@needs("examples")
def test_light_that_flickers_changes_nothing() -> None:
    gains = torch.tensor([1.0, 0.9, 1.1, 0.95, 1.05, 0.92])
    made = burst("coffee")
    steady, lit = errors_px(made), errors_px(made, gains)
    assert float(lit.median()) < float(steady.median()) + 2e-3


def halved(stage: nn.Module) -> Callable[..., Tensor]:
    """A stage that computes in half precision, each operator's result rounded."""
    stage = stage.half()

    def run(*planes: Tensor) -> Tensor:
        made: Tensor = stage(*(plane.half() for plane in planes))
        return made.float()

    return run


@needs("examples")
@pytest.mark.parametrize(
    ("photo", "share", "allowed_px"),
    [("coffee", 1.0, 0.002), ("astronaut", 0.1, 0.001), ("coffee", 0.1, 0.002)],
)
def test_half_precision_is_enough(photo: str, share: float, allowed_px: float) -> None:
    # Frames that use a tenth of the range come in 26 levels, and would be off by 0.008 px if they
    # were not stretched.
    luma = rgb_to_ycbcr(burst(photo).frames)[:, :1] * share
    luma = (luma * 255).round() / 255
    stages = AlignStages(
        smooth=halved(Smooth()),
        halve=halved(Halve()),
        surround=halved(Surround()),
        expand=halved(Expand()),
        align=halved(Align()),
    )
    expected = Registrar(luma[0]).register(luma[1:])
    found = Registrar(luma[0], stages=stages).register(luma[1:])
    for ours, single in zip(found, expected, strict=True):
        off = motion_error_px(ours.matrix, single.matrix, *luma.shape[-2:])
        assert float(off.max()) < allowed_px


def test_stretching_moves_the_light_back() -> None:
    # A tenth of the range, and a frame of another light.
    first, frame = 0.1 * view(STILL), 0.08 * view(MOTIONS["euclidean"]) + 0.01
    finder = GlobalFinder(levels_of(first[None], AlignStages()), AlignStages(), "euclidean", 64.0)
    found = finder.find(*of_frame(frame)).motions.lit
    bright = aligned(view(MOTIONS["euclidean"]))
    assert float(found.gain[0]) == pytest.approx(0.8, abs=2e-3)
    assert float(found.offset[0]) == pytest.approx(0.01, abs=2e-4)
    assert float(motion_error_px(found.matrices[0], bright.matrix, HEIGHT, WIDTH).max()) < 0.01


def of_frame(frame: Tensor) -> tuple[list[np.ndarray], list[Tensor]]:
    """Levels of a frame, as the finder takes them."""
    levels = levels_of(frame[None], AlignStages())
    return [level[:, 0].numpy() for level in levels], [levels[-1]]


@needs("examples")
@pytest.mark.parametrize("photo", ["coffee", "astronaut"])
def test_far_motion(photo: str) -> None:
    error = errors_px(burst(photo, far=True))
    assert float(error.median()) < 0.03

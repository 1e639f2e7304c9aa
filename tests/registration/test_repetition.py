"""On a scene that repeats a frame is placed right, or left out because its place is undecided."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from edge_sdk.registration import EuclideanMotion, Registrar, Registration, register, transform
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.repetition.repetition import Repetition
from tests.registration import waves
from tests.registration.charts import NOISE_STD, PERIODS, SCENES, THING_PX, Chart, hand_motion

STILL = EuclideanMotion(0.0, 0.0, 0.0)
WRONG_PX = 0.5
"""No frame may be merged that is further off than this."""
UNDECIDED = "fits in several places: the scene repeats every"
Change = Callable[[Tensor], Tensor]


def unchanged(picture: Tensor) -> Tensor:
    return picture


def worst_px(found: Registration, truth: EuclideanMotion, chart: Chart) -> float:
    """Largest distance of a found and a true position, field included, over the picture."""
    points = centered_grid(chart.height, chart.width, like=truth.matrix)
    off = found.field.at(points) - transform(truth.matrix, points.flatten(0, 1)).view_as(points)
    return float(off.norm(dim=-1).max())


def placed(
    chart: Chart, seeds: range, change: Change = unchanged, shift_px: float = 6.0
) -> tuple[int, list[str]]:
    """Frames accepted, all of them in their place, and the reasons of the others."""
    registrar = Registrar(change(chart.seen(STILL, seed=99)), noise_std=NOISE_STD)
    assert registrar.repeats
    accepted, reasons = 0, []
    for seed in seeds:
        motion = hand_motion(seed + 100, shift_px)
        (found,) = registrar.register(change(chart.seen(motion, seed=seed))[None])
        if found.accepted:
            assert worst_px(found, motion, chart) < WRONG_PX, (chart, seed)
            accepted += 1
        else:
            reasons.append(found.reason)
    return accepted, reasons


@pytest.mark.parametrize("name", SCENES)
def test_one_thing_that_does_not_repeat_places_every_frame(name: str) -> None:
    accepted, _ = placed(Chart(name, 13.3, THING_PX), range(3))
    assert accepted == 3


@pytest.mark.parametrize("name", SCENES)
def test_without_it_every_frame_is_left_out_by_name(name: str) -> None:
    accepted, reasons = placed(Chart(name, 13.3), range(3))
    assert accepted == 0
    assert all(reason.startswith(UNDECIDED) for reason in reasons)


def test_the_reason_names_the_period() -> None:
    _, reasons = placed(Chart("facade", 13.0), range(1))
    assert reasons == [f"{UNDECIDED} 13 px"]


@pytest.mark.slow
@pytest.mark.parametrize("period_px", PERIODS)
@pytest.mark.parametrize("name", SCENES)
def test_every_pattern(name: str, period_px: float) -> None:
    accepted, _ = placed(Chart(name, period_px, THING_PX), range(6))
    assert accepted >= 5
    accepted, _ = placed(Chart(name, period_px), range(6))
    assert accepted == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENES)
def test_far_motion(name: str) -> None:
    accepted, _ = placed(Chart(name, 13.3, THING_PX), range(6), shift_px=20.0)
    assert accepted >= 5


@pytest.mark.slow
@pytest.mark.parametrize("period_px", [5.0, 8.3, 21.3])
def test_larger_frames(period_px: float) -> None:
    accepted, _ = placed(Chart("facade", period_px, THING_PX, 240, 320), range(4))
    assert accepted >= 3


def hot(picture: Tensor) -> Tensor:
    """Pixels that are white in every frame at the same place."""
    chosen = torch.rand(picture.shape, generator=torch.Generator().manual_seed(4)) < 2e-3
    return picture.masked_fill(chosen, 1.0)


def dimmed(picture: Tensor) -> Tensor:
    """What a lens leaves of the light towards the corners."""
    y, x = (torch.linspace(-1, 1, side) for side in picture.shape[-2:])
    return picture * (1 - 0.15 * (y[:, None].square() + x.square()))


@pytest.mark.parametrize("change", [hot, dimmed])
@pytest.mark.parametrize("name", ["sine", "facade"])
def test_what_is_fixed_to_the_camera_decides_nothing(name: str, change: Change) -> None:
    accepted, _ = placed(Chart(name, 8.3, THING_PX), range(2), change)
    assert accepted == 2
    accepted, _ = placed(Chart(name, 8.3), range(2), change)
    assert accepted == 0


@pytest.mark.parametrize("name", ["sine", "checkerboard", "facade"])
@pytest.mark.parametrize("period_px", [13.0, 24.0])
def test_shading_does_not_draw_a_frame_without_noise_a_period_back(
    name: str, period_px: float
) -> None:
    chart, motion = Chart(name, period_px, 5.0, 200, 264), EuclideanMotion(-2 * period_px, 0.4, 0.0)
    frames = [dimmed(chart.seen(place, noise_std=0.0)) for place in (STILL, motion)]
    (found,) = register(frames[0], frames[1][None])
    assert not found.accepted or worst_px(found, motion, chart) < WRONG_PX


def test_exposure_does_not_matter() -> None:
    chart, motion = Chart("checkerboard", 13.3, THING_PX), hand_motion(100)
    frame = 0.6 * chart.seen(motion) + 0.05
    (found,) = register(chart.seen(STILL, seed=99), frame[None], noise_std=NOISE_STD)
    assert found.accepted
    assert worst_px(found, motion, chart) < WRONG_PX


@pytest.mark.parametrize("name", ["sine", "checkerboard", "facade"])
def test_a_thing_that_moves_by_itself_places_no_frame(name: str) -> None:
    chart = Chart(name, 13.3)
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(24.0), indexing="ij")
    person = 0.3 + 0.2 * torch.sin(x / 7) + 0.2 * torch.cos(y / 9)

    def passed(picture: Tensor, top: int, left: int) -> Tensor:
        picture = picture.clone()
        picture[:, top : top + 40, left : left + 24] = person
        return picture

    motion = hand_motion(101)
    reference = passed(chart.seen(STILL, seed=99), 70, 25)
    frame = passed(chart.seen(motion, seed=1), 61, 36)
    (found,) = register(reference, frame[None], noise_std=NOISE_STD)
    assert not found.accepted
    assert found.reason.startswith(UNDECIDED)


def test_a_frame_in_part_black_is_never_placed_wrong() -> None:
    chart, motion = Chart("facade", 13.3, THING_PX), hand_motion(102)
    frame = chart.seen(motion, seed=2)
    frame[:, 100:] = 16 / 255
    (found,) = register(chart.seen(STILL, seed=99), frame[None], noise_std=NOISE_STD)
    assert found.accepted
    assert worst_px(found, motion, chart) < WRONG_PX


@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_changes_where_nothing_repeats(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    motion = hand_motion(seed, 12.0)
    inverse = torch.linalg.inv(motion.matrix)
    turn, shift = inverse[:2, :2], inverse[:2, 2]
    frames = torch.stack([waves.view(lambda p: p @ turn.mT + shift, 0.01) for _ in range(2)])
    reference = waves.view(noise_std=0.01)
    assert not Registrar(reference).repeats
    found = register(reference, frames)

    def none(*_: object) -> None:
        return None

    monkeypatch.setattr(Repetition, "of", staticmethod(none))
    for one, other in zip(found, register(reference, frames), strict=True):
        assert torch.equal(one.matrix, other.matrix)
        assert (one.residual_std, one.explained) == (other.residual_std, other.explained)
        assert one.accepted
        assert other.accepted

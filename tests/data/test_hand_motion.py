from __future__ import annotations

import dataclasses
import functools
import math

import pytest
import torch
from torch import Tensor

from edge_sdk.data.camera.hand_motion import HandMotion, draw_hand_motion
from edge_sdk.data.camera.simulation import CameraConfig, SimulatedBurst, simulate_burst
from edge_sdk.errors import InputError
from edge_sdk.registration.motion import centered_grid
from edge_sdk.registration.sampling import sample_bicubic
from tests.tolerances import DOUBLE

WALK = CameraConfig(frames=5, noise_std=0.0, path="walk", readout=0.8, seed=3)


def hand(path: str = "walk", frames: int = 8, readout: float = 0.8, seed: int = 0) -> HandMotion:
    return draw_hand_motion(
        torch.Generator().manual_seed(seed),
        path=path,
        frames=frames,
        max_shift_px=4.0,
        max_angle_deg=0.5,
        height=60,
        width=80,
        readout=readout,
    )


@functools.cache
def waves(height: int = 180, width: int = 210) -> Tensor:
    x = torch.linspace(0, 40, width)
    return (0.5 + 0.3 * torch.sin(x[None, :] / 2) * torch.cos(x[:height, None] / 3)).expand(
        3, -1, -1
    )


@functools.cache
def bent() -> SimulatedBurst:
    return simulate_burst(waves(), WALK)


def positions_in_scene(burst: SimulatedBurst, index: int, points: Tensor) -> Tensor:
    """The equation itself: p is rotated and shifted by the pose at the time of its row."""
    time = WALK.readout * points[..., 1] / burst.frames.shape[-2]
    x, y, angle = burst.layered.hand.pose(index, time).unbind(-1)
    turn = angle * (math.pi / 180)
    return torch.stack(
        (
            turn.cos() * points[..., 0] - turn.sin() * points[..., 1] + x,
            turn.sin() * points[..., 0] + turn.cos() * points[..., 1] + y,
        ),
        dim=-1,
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_path_keeps_its_limits_and_starts_at_rest(seed: int) -> None:
    path = hand(frames=30, seed=seed)
    times = torch.linspace(-0.5, 0.5, 101, dtype=torch.float64)
    poses = torch.stack([path.pose(index, times) for index in range(30)])
    assert float(poses[..., :2].abs().max()) <= 4.0
    assert float(poses[..., 2].abs().max()) <= 0.5
    assert float(poses[..., :2].abs().max()) > 1.5
    torch.testing.assert_close(poses[0, 50], torch.zeros(3, dtype=torch.float64), **DOUBLE)


def test_the_path_is_smooth_across_frames() -> None:
    path = hand()
    ahead = path.pose(3, torch.tensor(0.5, dtype=torch.float64))
    behind = path.pose(4, torch.tensor(-0.5, dtype=torch.float64))
    torch.testing.assert_close(ahead, behind, **DOUBLE)
    # Across a knot the second difference is continuous: a jump of the speed would be of order 1/h.
    h = 1e-3
    delays = torch.tensor([-2 * h, -h, 0.0, h, 2 * h], dtype=torch.float64)
    around = path.pose(3, delays)
    second = (around[2:] - 2 * around[1:-1] + around[:-2]) / h**2
    assert float((second[0] - second[2]).abs().max()) < 0.2
    assert float(second.abs().max()) < 50


def test_independent_poses_stand_still_while_a_frame_is_read() -> None:
    path = hand("independent", readout=0.0)
    static = path.pose(2, torch.linspace(-0.5, 0.5, 5, dtype=torch.float64))
    assert torch.equal(static, static[:1].expand(5, 3))


def test_a_row_lies_where_the_path_is_at_its_time() -> None:
    burst = bent()
    height, width = burst.frames.shape[-2:]
    grid = centered_grid(height, width, like=torch.zeros((), dtype=torch.float64))
    found = burst.layered.hand.to_scene(2, grid)
    torch.testing.assert_close(found, positions_in_scene(burst, 2, grid), **DOUBLE)
    skew = (found - grid)[:, width // 2]
    assert float((skew[0] - skew[-1]).norm()) > 0.3


@pytest.mark.parametrize("readout", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_from_scene_undoes_to_scene(readout: float, factor: float) -> None:
    path = hand(readout=readout)
    grid = centered_grid(60, 80, like=torch.zeros((), dtype=torch.float64))
    for index in (0, 3, 7):
        places = path.to_scene(index, grid, factor)
        back = path.from_scene(index, places, factor)
        torch.testing.assert_close(back, grid, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("reference", "index"), [(0, 1), (1, 4), (3, 0)])
def test_true_positions_carry_frame_to_frame(reference: int, index: int) -> None:
    burst = bent()
    positions = burst.true_positions(reference, index)
    moved = sample_bicubic(burst.frames[index], positions.float())
    inside = (slice(None), slice(12, -12), slice(12, -12))
    error = (moved - burst.frames[reference])[inside].abs()
    # Rounding to 8 bits twice, and what the slant of the rows changes in a pixel's square.
    assert float(error.max()) < 2.5 / 255
    rigid = burst.layered.hand.motion(index).matrix
    static = torch.linalg.inv(rigid) @ burst.layered.hand.motion(reference).matrix
    grid = centered_grid(*burst.frames.shape[-2:], like=static)
    plain = (grid @ static[:2, :2].T + static[:2, 2] - positions).norm(dim=-1)
    assert float(plain.max()) > 0.3


def test_true_positions_of_a_rigid_burst_are_its_relative_motion() -> None:
    burst = simulate_burst(waves(), CameraConfig(frames=3, noise_std=0.0))
    matrix = burst.relative_motion(1, 2)
    grid = centered_grid(*burst.frames.shape[-2:], like=matrix)
    expected = grid @ matrix[:2, :2].T + matrix[:2, 2]
    torch.testing.assert_close(burst.true_positions(1, 2), expected, rtol=0, atol=1e-9)


def test_a_rolling_shutter_has_no_single_motion() -> None:
    with pytest.raises(InputError, match="rolling shutter has no single motion"):
        bent().relative_motion(0, 1)


def test_a_walk_without_rolling_shutter_is_rigid() -> None:
    burst = simulate_burst(waves(), dataclasses.replace(WALK, readout=0.0))
    found = burst.true_positions(0, 2)
    matrix = burst.relative_motion(0, 2)
    grid = centered_grid(*burst.frames.shape[-2:], like=matrix)
    torch.testing.assert_close(found, grid @ matrix[:2, :2].T + matrix[:2, 2], rtol=0, atol=1e-9)


def test_a_hand_faster_than_the_shutter_is_refused() -> None:
    config = CameraConfig(frames=3, max_shift_px=60.0, path="walk", readout=1.0)
    with pytest.raises(InputError, match="too fast"):
        simulate_burst(torch.rand(3, 330, 330), config)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("path", "jump", "no path 'jump'; choose one of"),
        ("readout", -0.1, "readout must be 0 to 1"),
        ("readout", 1.1, "readout must be 0 to 1"),
        ("readout", float("nan"), "readout must be 0 to 1"),
        ("readout", 0.5, "needs a hand that moves"),
    ],
)
def test_impossible_hands_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        dataclasses.replace(CameraConfig(), **{field: value})

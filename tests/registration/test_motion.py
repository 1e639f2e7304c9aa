from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration import EuclideanMotion, MotionField, motion_error_px, transform
from edge_sdk.registration.motion import centered_grid

shifts = st.floats(-100, 100)
motions = st.builds(EuclideanMotion, shifts, shifts, st.floats(-179, 179))


def close(a: torch.Tensor, b: torch.Tensor, tolerance: float = 1e-9) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


@given(motions)
def test_the_matrix_holds_the_motion(motion: EuclideanMotion) -> None:
    back = EuclideanMotion.of(motion.matrix)
    assert back.shift_x_px == motion.shift_x_px
    assert back.shift_y_px == motion.shift_y_px
    assert back.angle_deg == pytest.approx(motion.angle_deg, abs=1e-9)


@given(motions)
def test_distances_and_handedness_are_kept(motion: EuclideanMotion) -> None:
    rotation = motion.matrix[:2, :2]
    close(rotation @ rotation.T, torch.eye(2, dtype=torch.float64))
    assert float(torch.linalg.det(rotation)) == pytest.approx(1.0)


@given(motions, motions)
def test_transforms_compose(first: EuclideanMotion, second: EuclideanMotion) -> None:
    points = torch.tensor([[0.0, 0.0], [3.0, -4.0], [50.0, 20.0]], dtype=torch.float64)
    in_turn = transform(second.matrix, transform(first.matrix, points))
    close(transform(second.matrix @ first.matrix, points), in_turn)
    close(transform(torch.linalg.inv(first.matrix), transform(first.matrix, points)), points)


def test_a_quarter_turn_goes_clockwise_on_screen() -> None:
    right = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    down = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    close(transform(EuclideanMotion(0, 0, 90).matrix, right), down)


def test_shifts_point_right_and_down() -> None:
    origin = torch.zeros(1, 2, dtype=torch.float64)
    moved = transform(EuclideanMotion(2.0, -3.0, 17.0).matrix, origin)
    close(moved, torch.tensor([[2.0, -3.0]], dtype=torch.float64))


def test_length() -> None:
    assert EuclideanMotion(3.0, -4.0, 10.0).length_px == 5.0


def test_a_projective_motion_divides_by_its_depth() -> None:
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[2, 0] = 0.5
    point = torch.tensor([[2.0, 6.0]], dtype=torch.float64)
    close(transform(matrix, point), torch.tensor([[1.0, 3.0]], dtype=torch.float64))


def test_transform_takes_a_batch() -> None:
    matrices = torch.stack([EuclideanMotion(n, 0, n).matrix for n in range(4)])
    points = torch.randn(7, 2, dtype=torch.float64)
    batch = transform(matrices, points)
    assert batch.shape == (4, 7, 2)
    close(batch, torch.stack([transform(matrix, points) for matrix in matrices]))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4))
def test_the_grid_is_centered(height: int, width: int, scale: int) -> None:
    like = torch.zeros(1, dtype=torch.float64)
    grid = centered_grid(height, width, step=1 / scale, like=like)
    assert grid.shape == (height, width, 2)
    close(grid.mean((0, 1)), torch.zeros(2, dtype=torch.float64))
    assert float(grid[-1, -1, 0]) == pytest.approx((width - 1) / 2 / scale)
    assert float(grid[-1, -1, 1]) == pytest.approx((height - 1) / 2 / scale)


def test_a_finer_grid_averages_to_the_coarse_one() -> None:
    like = torch.zeros(1, dtype=torch.float64)
    fine = centered_grid(6, 10, step=1 / 2, like=like)
    blocks = fine.reshape(3, 2, 5, 2, 2).mean((1, 3))
    close(blocks, centered_grid(3, 5, like=like))


@given(motions)
def test_no_error_against_itself(motion: EuclideanMotion) -> None:
    assert float(motion_error_px(motion.matrix, motion.matrix, 5, 7).max()) == 0.0


def test_the_error_of_a_shift_is_its_length_everywhere() -> None:
    still = EuclideanMotion(0, 0, 0).matrix
    error = motion_error_px(EuclideanMotion(3, 4, 0).matrix, still, 5, 7)
    assert error.shape == (35,)
    close(error, torch.full((35,), 5.0, dtype=torch.float64))


def test_the_error_of_a_turn_grows_from_the_center() -> None:
    still = EuclideanMotion(0, 0, 0).matrix
    error = motion_error_px(EuclideanMotion(0, 0, 1).matrix, still, 3, 101).reshape(3, 101)
    assert float(error[1, 50]) == 0.0
    assert float(error[1, 100]) == pytest.approx(2 * 50 * math.sin(math.radians(0.5)))


def test_a_motion_of_a_part_is_the_same_on_the_whole() -> None:
    generator = torch.Generator().manual_seed(0)
    grids = torch.rand(3, 4, 2, dtype=torch.float64, generator=generator)
    motion = EuclideanMotion(shift_x_px=2.5, shift_y_px=-1.0, angle_deg=1.5)
    own = MotionField(motion.matrix, 48, 64, grids, grids[..., 0])
    part = Rectangle(left=10, top=70, width=64, height=48)
    on_whole = own.within(part, height=300, width=200)
    points = torch.rand(9, 2, dtype=torch.float64, generator=generator) * 40 - 20
    away = torch.tensor([10 + 32 - 100, 70 + 24 - 150], dtype=torch.float64)
    torch.testing.assert_close(on_whole.at(points + away), own.at(points) + away)
    torch.testing.assert_close(on_whole.confidence_at(points + away), own.confidence_at(points))
    assert on_whole.covered == own.covered == (64, 48)
    larger = on_whole.within(Rectangle(left=30, top=5, width=200, height=300), 400, 500)
    further = torch.tensor([30 + 100 - 250, 5 + 150 - 200], dtype=torch.float64)
    torch.testing.assert_close(larger.at(points + away + further), own.at(points) + away + further)

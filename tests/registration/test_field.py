from __future__ import annotations

import torch

from edge_sdk.registration.field import MotionField
from edge_sdk.registration.motion import EuclideanMotion, centered_grid, transform

MATRIX = EuclideanMotion(3.2, -1.5, 0.7).matrix
POINTS = centered_grid(40, 60, like=MATRIX)


def test_without_offsets_it_is_the_matrix() -> None:
    field = MotionField(MATRIX, 40, 60)
    assert torch.allclose(field.at(POINTS).reshape(-1, 2), transform(MATRIX, POINTS.reshape(-1, 2)))
    assert torch.equal(field.confidence_at(POINTS), torch.ones(40, 60, dtype=torch.float64))


def test_offsets_are_met_at_the_centers_of_tiles_and_linear_between() -> None:
    # Two rows of 20 px, three columns of 20 px: centers at x = −20, 0, 20 and y = −10, 10.
    offsets = torch.arange(12.0, dtype=torch.float64).reshape(2, 3, 2)
    field = MotionField(torch.eye(3, dtype=torch.float64), 40, 60, offsets, offsets[..., 0] / 10)
    centers = torch.tensor([[-20.0, -10.0], [0.0, 10.0], [-10.0, -10.0]], dtype=torch.float64)
    moved = field.at(centers) - centers
    assert torch.allclose(moved[0], offsets[0, 0])
    assert torch.allclose(moved[1], offsets[1, 1])
    assert torch.allclose(moved[2], (offsets[0, 0] + offsets[0, 1]) / 2)
    assert torch.allclose(field.confidence_at(centers), moved[:, 0] / 10)


def test_beyond_the_outermost_centers_they_stay() -> None:
    offsets = torch.arange(12.0, dtype=torch.float64).reshape(2, 3, 2)
    field = MotionField(torch.eye(3, dtype=torch.float64), 40, 60, offsets)
    corner = torch.tensor([[-29.5, -19.5]], dtype=torch.float64)
    assert torch.allclose(field.at(corner) - corner, offsets[0, :1])

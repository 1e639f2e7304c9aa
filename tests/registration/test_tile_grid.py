from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.registration.fields.grid import TileGrid, relaxed, solve_pairs
from edge_sdk.registration.template import make_template

STEP_PX, REST_PX = 0.1, 0.2
sides = st.integers(24, 70)
counts = st.integers(1, 5)


def tiles(height: int, width: int, rows: int, columns: int, most: int = 100_000) -> TileGrid:
    return TileGrid.over(make_template(torch.rand(1, 1, height, width), most), rows, columns)


def settled(information: Tensor, right: Tensor, start: Tensor | None = None) -> Tensor:
    start = torch.zeros_like(right) if start is None else start
    return relaxed(information, right, start, step_px=STEP_PX, rest_px=REST_PX)


def evidence_for(offsets: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Information and right side of tiles that ask for ``offsets`` [N, 2, R, C]."""
    information = torch.zeros(len(offsets), 3, *offsets.shape[-2:])
    information[:, 0::2] = strength
    return information, strength * offsets


@given(sides, sides, counts, counts)
def test_equal_tiles_are_equal_everywhere(h: int, w: int, rows: int, columns: int) -> None:
    grid = tiles(h, w, rows, columns, most=300)
    cells = grid.interpolated(torch.full((2, 3, rows, columns), 0.7))
    torch.testing.assert_close(cells, torch.full_like(cells, 0.7))


@given(sides, sides, counts, counts)
def test_gathering_is_the_transpose_of_interpolating(
    h: int, w: int, rows: int, columns: int
) -> None:
    grid = tiles(h, w, rows, columns)
    values = torch.rand(1, 2, rows, columns)
    cells = torch.rand(1, 2, h * w)
    one = (grid.interpolated(values) * cells).sum()
    other = (values * grid.gathered(cells)).sum()
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


def test_every_cell_counts_once() -> None:
    grid = tiles(40, 60, 2, 3)
    assert float(grid.gathered(torch.ones(1, 1, 2400)).sum()) == pytest.approx(2400)


def test_pairs_are_solved() -> None:
    root = torch.randn(6, 2, 2)
    matrix = root @ root.mT + torch.eye(2)
    right = torch.randn(6, 2)
    packed = torch.stack((matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 1, 1]), 1)
    torch.testing.assert_close(
        solve_pairs(packed, right), torch.linalg.solve(matrix, right), rtol=1e-3, atol=1e-4
    )


def test_without_evidence_nothing_moves() -> None:
    empty = torch.zeros(1, 2, 4, 5)
    assert torch.equal(settled(torch.zeros(1, 3, 4, 5), empty), empty)


def test_strong_evidence_is_followed() -> None:
    wanted = torch.randn(2, 2, 4, 5)
    torch.testing.assert_close(settled(*evidence_for(wanted, 1e6)), wanted, rtol=0, atol=2e-3)


def test_a_tile_without_evidence_goes_with_its_neighbors() -> None:
    wanted = torch.full((1, 2, 3, 3), 0.3)
    information, right = evidence_for(wanted, 1e5)
    information[..., 1, 1] = right[..., 1, 1] = 0.0
    found = settled(information, right, wanted)
    assert float((found - 0.3).abs().max()) < 0.1
    assert float(found[..., 1, 1].min()) > 0.2


def test_two_layers_part() -> None:
    # One weak tile stands at the border: it goes with the side that it started on.
    wanted = torch.zeros(1, 2, 4, 6)
    wanted[..., 3:] = 4.0
    information, right = evidence_for(wanted, 400.0)
    found = settled(information, right, wanted)
    assert float((found - wanted).abs().max()) < 0.1


def test_each_frame_for_itself() -> None:
    wanted = torch.randn(3, 2, 4, 5)
    information, right = evidence_for(wanted, 50.0)
    together = settled(information, right)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(settled(information[order], right[order]), together[order])
    torch.testing.assert_close(settled(information[1:2], right[1:2]), together[1:2])

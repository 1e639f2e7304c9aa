"""The search of whole shifts: what is seen of them, in which light, and where nothing is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.registration.alignment.peaks import Peak, ShiftSearch
from edge_sdk.registration.stages.stage_set import AlignStages


def peaks(reference: Tensor, frame: Tensor, reach_px: int) -> tuple[Peak, ...]:
    return ShiftSearch(reference, AlignStages(), reach_px).peaks(frame)


def places(found: tuple[Peak, ...]) -> list[tuple[int, int]]:
    return [(peak.x, peak.y) for peak in found]


@given(st.integers(-6, 6), st.integers(-6, 6), st.floats(0.3, 2), st.floats(-0.3, 0.3))
def test_whole_shifts_are_found_in_any_light(dx: int, dy: int, gain: float, offset: float) -> None:
    scene = torch.rand(1, 1, 60, 70, generator=torch.Generator().manual_seed(3))
    reference = scene[..., 10:50, 10:60]
    frame = scene[..., 10 - dy : 50 - dy, 10 - dx : 60 - dx] * gain + offset
    found = peaks(reference, frame, 8)
    assert places(found) == [(dx, dy)]
    overlap = (1 - abs(dx) / 50) * (1 - abs(dy) / 40)
    assert found[0].evidence == pytest.approx(overlap**0.5, abs=0.05)


def test_further_peaks_are_not_beside_the_best() -> None:
    # Rows that repeat every 6 px: shifts by 6 and −6 are the next best.
    generator = torch.Generator().manual_seed(0)
    rows = torch.rand(1, 1, 6, 50, generator=generator).repeat(1, 1, 8, 1)
    found = peaks(rows, rows, 8)
    assert places(found)[0] == (0, 0)
    assert sorted(places(found)[1:]) == [(0, -6), (0, 6)]


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_frame_stays_at_rest(level: float) -> None:
    flat = torch.full((1, 1, 40, 50), level)
    textured = torch.rand(1, 1, 40, 50, generator=torch.Generator().manual_seed(1))
    assert places(peaks(textured, flat, 8)) == [(0, 0)]
    assert places(peaks(flat, textured, 8)) == [(0, 0)]


def test_reach_beyond_the_picture() -> None:
    image = torch.rand(1, 1, 8, 9, generator=torch.Generator().manual_seed(2))
    assert places(peaks(image, image, 100))[0] == (0, 0)

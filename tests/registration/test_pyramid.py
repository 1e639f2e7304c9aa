from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.imaging.filters import gaussian_blur
from edge_sdk.registration.pyramid import build_pyramid, search_shifts


def impulse(size: int = 41) -> Tensor:
    image = torch.zeros(1, 1, size, size, dtype=torch.float64)
    image[..., size // 2, size // 2] = 1.0
    return image


def variance_px(image: Tensor) -> float:
    size = image.shape[-1]
    axis = torch.arange(size, dtype=torch.float64) - size // 2
    return float((image[0, 0] * axis.square()).sum())


@given(st.floats(0, 4), st.floats(0, 1))
def test_blur_keeps_a_constant(std_px: float, level: float) -> None:
    image = torch.full((2, 3, 9, 11), level, dtype=torch.float64)
    torch.testing.assert_close(gaussian_blur(image, std_px), image)


@pytest.mark.parametrize("std_px", [0.8, 1.0, 2.0, 3.5])
def test_blur_has_the_width_it_says(std_px: float) -> None:
    blurred = gaussian_blur(impulse(), std_px)
    assert float(blurred.sum()) == pytest.approx(1.0)
    # The kernel ends at three standard deviations, which takes a little of the variance.
    assert variance_px(blurred) == pytest.approx(std_px**2, rel=0.05)
    torch.testing.assert_close(blurred, blurred.transpose(-1, -2))
    torch.testing.assert_close(blurred, blurred.flip(-1))


def test_no_blur_is_the_picture_itself() -> None:
    image = torch.rand(1, 2, 5, 6)
    assert torch.equal(gaussian_blur(image, 0.0), image)


def test_blur_treats_channels_equally_and_separately() -> None:
    image = torch.rand(2, 3, 9, 8)
    together = gaussian_blur(image, 1.2)
    apart = gaussian_blur(image.reshape(6, 1, 9, 8), 1.2).reshape(2, 3, 9, 8)
    torch.testing.assert_close(together, apart)


@given(st.integers(16, 90), st.integers(16, 90))
def test_levels_halve_until_the_smallest(height: int, width: int) -> None:
    levels = build_pyramid(torch.rand(1, 1, height, width), 8)
    for finer, coarser in itertools.pairwise(levels):
        assert coarser.shape[-2:] == (finer.shape[-2] // 2, finer.shape[-1] // 2)
    assert 8 <= min(levels[-1].shape[-2:]) < 16


def test_a_small_picture_is_its_own_pyramid() -> None:
    image = torch.rand(1, 1, 15, 40)
    levels = build_pyramid(image, 8)
    assert len(levels) == 1
    assert torch.equal(levels[0], image)


def test_halving_keeps_brightness_and_ramps() -> None:
    ramp = torch.arange(64.0).expand(1, 1, 48, 64) / 64
    coarse = build_pyramid(ramp, 24)[1]
    expected = (torch.arange(32.0) * 2 + 0.5) / 64
    torch.testing.assert_close(coarse[0, 0, 5, 2:-2], expected[2:-2])


@given(st.integers(-6, 6), st.integers(-6, 6), st.floats(0.3, 2), st.floats(-0.3, 0.3))
def test_search_finds_whole_shifts(dx: int, dy: int, gain: float, offset: float) -> None:
    scene = torch.rand(1, 1, 60, 70, generator=torch.Generator().manual_seed(3))
    reference = scene[..., 10:50, 10:60]
    frame = scene[..., 10 - dy : 50 - dy, 10 - dx : 60 - dx] * gain + offset
    shifts, evidence = search_shifts(reference, frame, 8)
    assert shifts.tolist() == [[[dx, dy]]]
    overlap = (1 - abs(dx) / 50) * (1 - abs(dy) / 40)
    assert float(evidence) == pytest.approx(overlap**0.5, abs=1e-3)


def test_further_candidates_are_not_beside_the_best() -> None:
    # Rows that repeat every 6 px: shifts by 6 and −6 are the next best.
    rows = torch.rand(1, 1, 6, 50).repeat(1, 1, 8, 1)
    shifts, evidence = search_shifts(rows, rows, 8, candidates=3)
    assert shifts[0, 0].tolist() == [0, 0]
    assert sorted(shifts[0, 1:].tolist()) == [[0, -6], [0, 6]]
    assert evidence[0, 0] > evidence[0, 1] >= evidence[0, 2]


def test_search_takes_a_batch() -> None:
    scene = torch.rand(1, 1, 60, 70)
    reference = scene[..., 10:50, 10:60]
    frames = torch.cat([scene[..., 10 - n : 50 - n, 10 + n : 60 + n] for n in range(4)])
    shifts, _ = search_shifts(reference, frames, 5)
    assert shifts.tolist() == [[[-n, n]] for n in range(4)]


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_flat_frame_stays_at_rest(level: float) -> None:
    flat = torch.full((1, 1, 40, 50), level)
    textured = torch.rand(1, 1, 40, 50)
    assert search_shifts(textured, flat, 8)[0].tolist() == [[[0, 0]]]
    assert search_shifts(flat, textured, 8)[0].tolist() == [[[0, 0]]]


def test_reach_beyond_the_picture() -> None:
    image = torch.rand(1, 1, 8, 9)
    assert search_shifts(image, image, 100)[0].tolist() == [[[0, 0]]]

"""Bursts of a scene that repeats: noise is not what the pattern makes of it, and notes say why."""

from __future__ import annotations

import pytest
import torch

from edge_sdk.burst import TensorSource
from edge_sdk.burst.driver.align import Aligned, Aligning, align_whole
from edge_sdk.registration import EuclideanMotion
from tests.registration.charts import NOISE_STD, THING_PX, Chart, hand_motion


def aligned(chart: Chart, count: int) -> Aligned:
    motions = [EuclideanMotion(0.0, 0.0, 0.0), *(hand_motion(seed, 3.0) for seed in range(count))]
    luma = torch.stack(
        [chart.seen(motion, 0.57 * NOISE_STD, seed) for seed, motion in enumerate(motions)]
    )
    source = TensorSource(luma.expand(-1, 3, -1, -1))

    def silent(*_: object) -> None:
        pass

    return align_whole(source, Aligning(), forced=0)[1]


def test_a_fine_pattern_does_not_pass_for_noise() -> None:
    found = aligned(Chart("sine", 6.5, THING_PX), 3)
    assert len(found.motions) == 3
    assert found.noise.typical_std == pytest.approx(NOISE_STD, rel=0.4)


def test_frames_whose_place_is_undecided_are_left_out() -> None:
    found = aligned(Chart("sine", 13.3), 3)
    assert not found.motions
    for registration in found.registrations.values():
        assert registration.reason.startswith("fits in several places")

"""The registered temporal difference: blind to motion, true to noise."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.video import motions_between, temporal_difference
from tests.builders.clips import FORM, moving


def lumas(count: int, step_px: int = 1) -> list[Tensor]:
    form = replace(FORM, width=160, height=120)
    return [rgb_to_ycbcr(each)[:1] for each in moving(count, form, step_px)]


def test_a_still_clip_has_none() -> None:
    (frame,) = lumas(1)
    assert temporal_difference([frame, frame.clone(), frame.clone()]).levels < 1e-3


def test_motion_counts_for_nearly_nothing() -> None:
    frames = lumas(4, 3)
    found = temporal_difference(frames)
    plain = sum(
        255 * float((after - before).abs().mean()) for before, after in itertools.pairwise(frames)
    )
    assert found.pairs == 3
    assert found.levels < 0.15 * plain / 3


def test_noise_counts_in_full() -> None:
    # The mean of |n₁ − n₂| is 2σ/√π where the motion is by whole pixels.
    std, frames = 4 / 255, lumas(3, 2)
    motions = motions_between(frames)
    generator = torch.Generator().manual_seed(0)
    noisy = [each + std * torch.randn(each.shape, generator=generator) for each in frames]
    clean = temporal_difference(frames, motions).levels
    expected = 255 * 2 * std / math.sqrt(math.pi)
    assert temporal_difference(noisy, motions).levels == pytest.approx(expected + clean, rel=0.15)


def test_motions_of_a_smaller_clip_hold_for_a_larger_one() -> None:
    frames = lumas(3, 2)
    larger = [each.repeat_interleave(2, -1).repeat_interleave(2, -2) for each in frames]
    motions = motions_between(frames)
    assert temporal_difference(larger, motions).levels < 1.0


def test_a_cut_is_left_out() -> None:
    frames = lumas(2)
    foreign = torch.rand(1, 120, 160, generator=torch.Generator().manual_seed(1))
    found = temporal_difference([*frames, foreign])
    assert (found.pairs, found.left_out) == (1, 1)


def test_bad_input() -> None:
    (frame,) = lumas(1)
    with pytest.raises(InputError, match="give at least two of one scene"):
        temporal_difference([frame])
    with pytest.raises(InputError, match="frames of a clip have one size"):
        temporal_difference([frame, frame[:, :50]])

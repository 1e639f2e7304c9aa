from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.int8 import int8_values
from edge_sdk.quantization.quantizer import quantize_affine, sqnr_db


@given(st.integers(0, 2**31), st.floats(1e-3, 1e3))
def test_weights_are_off_by_half_a_step_of_their_channel_at_most(seed: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = scale * torch.randn(5, 3, 3, 3, generator=generator, dtype=torch.float64)
    error = (weight - int8_values(weight)).abs().flatten(1).amax(1)
    assert bool((error <= weight.flatten(1).abs().amax(1) / 254 * (1 + 2.0**-10)).all())


def test_levels_and_zeros_are_kept() -> None:
    weight = torch.arange(-127, 128, dtype=torch.float64)[None] * torch.tensor([[1.0], [0.25]])
    assert torch.equal(int8_values(weight), weight)
    zeros = torch.zeros(2, 3, 1, 1, dtype=torch.float64)
    assert torch.equal(int8_values(zeros), zeros)
    assert torch.equal(quantize_affine(zeros, 0.0, 0.0), zeros)
    least = torch.full((1, 1), 5e-324, dtype=torch.float64)
    assert bool(int8_values(least).isfinite().all())
    assert torch.equal(quantize_affine(least, 0.0, 5e-324), least)


@given(st.floats(-1e3, -1e-3) | st.just(0.0), st.floats(1e-3, 1e3))
def test_activations_are_off_by_a_step_at_most_and_zero_is_exact(low: float, high: float) -> None:
    values = torch.linspace(low, high, 1001, dtype=torch.float64)
    step = (high - low) / 255
    kept = quantize_affine(values, low, high)
    # Rounding the zero point to a level moves the ends by half a step.
    assert float((values - kept).abs().max()) <= step * (1 + 1e-9)
    assert float(quantize_affine(torch.zeros(1, dtype=torch.float64), low, high)) == 0


def test_sqnr() -> None:
    assert sqnr_db(100.0, 1.0) == pytest.approx(20)
    assert sqnr_db(1.0, 0.0) == sqnr_db(0.0, 0.0) == math.inf
    assert sqnr_db(0.0, 1.0) == -math.inf

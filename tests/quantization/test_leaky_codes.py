"""Leaky ReLU in codes: steps and slopes for which the integer kernel computes the exact result."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edge_sdk.int8 import LEAKY_PARTS, WIDENING, leaky_scales, leaky_slope
from edge_sdk.quantization import apply_scheme, quantize
from tests.builders.smooth_pictures import smooth_pictures
from tests.examples import examples

SLOPES = st.sampled_from([0.01, 0.05, 0.1, 0.2, 0.25, 0.3])


def wrong_codes(slope: float, scales: tuple[float, float], points: tuple[int, int]) -> int:
    """Codes for which the kernel's result is not the graph's, computed in float32 as it is."""
    codes = np.arange(-128, 128) - points[0]
    held = leaky_slope(slope, *scales)
    x = torch.from_numpy(codes).float() * scales[0]
    y = nn.functional.leaky_relu(x, held)
    exact = ((y / scales[1]).round() + points[1]).clamp(-128, 127).numpy().astype(int)
    factors = [round(LEAKY_PARTS * scales[0] / scales[1] * side) for side in (1.0, held)]
    product = np.where(codes >= 0, codes * factors[0], codes * factors[1])
    kernel = np.clip(((product + 128) >> 8) + points[1], -128, 127)
    return int((kernel != exact).sum())


@examples(25)
@given(
    SLOPES,
    st.floats(2.0**-10, 2.0**-5, width=16),
    st.floats(0.4, 0.98),
    st.integers(-100, 60),
    st.integers(-128, -60),
)
def test_steps_are_widened_a_little_to_be_exact(
    slope: float, scale: float, ratio: float, zero_in: int, zero_out: int
) -> None:
    given_scales = (scale, float(np.float16(scale * ratio)))
    points = (zero_in, zero_out)
    found = leaky_scales(slope, given_scales, points)
    for before, after in zip(given_scales, found, strict=True):
        assert before <= after <= before * (1 + WIDENING)
        assert float(np.float16(after)) == after
    assert wrong_codes(slope, found, points) <= wrong_codes(slope, given_scales, points)
    assert wrong_codes(slope, found, points) <= 8


@given(SLOPES, st.floats(0.001, 0.05), st.floats(0.001, 0.05))
def test_a_slope_moves_by_half_a_part_at_most(slope: float, before: float, after: float) -> None:
    ratio = LEAKY_PARTS * before / after
    assert abs(leaky_slope(slope, before, after) - slope) * ratio <= 0.5 + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.01, 0.1, 0.2])
def test_a_scheme_holds_exact_steps_and_the_graph_the_slope(slope: float) -> None:
    torch.manual_seed(0)
    pictures = smooth_pictures(3, seed=6, size=16)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.LeakyReLU(slope), nn.Conv2d(8, 1, 3))
    made = quantize(net, pictures[0], pictures)
    one, other = (made.scheme.values[name] for name in ("0", "1"))
    assert wrong_codes(slope, (one.scale, other.scale), (one.zero_point, other.zero_point)) <= 2
    node = next(node for node in made.model.graph.nodes if "leaky_relu" in str(node.target))
    assert node.args[1] == leaky_slope(slope, one.scale, other.scale)
    again = apply_scheme(net, pictures[0], made.scheme)
    with torch.no_grad():
        assert torch.equal(again.model(pictures[1]), made.model(pictures[1]))

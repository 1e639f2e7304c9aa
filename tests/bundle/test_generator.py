"""What golden vectors are drawn by: figures that every language must find again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.bundle.generator import ONE, Fill, Group, Layer, drawn, hashed, positions
from edge_sdk.bundle.golden import GoldenVector, measured, read_golden, write_golden
from edge_sdk.errors import BundleError
from tests.examples import examples


def plain_hash(seed: int, row: int, column: int) -> int:
    """The hash again, by Python's own integers."""
    h = (seed * 0x9E3779B1 + row * 0x85EBCA77 + column * 0xC2B2AE3D) % 2**32
    for odd in (0x2C1B3C6D, 0x297A2D39):
        h = (h ^ h >> 15) * odd % 2**32
    return h ^ h >> 15


def plain_value(layer: Layer, channel: int, row: int, column: int) -> int:
    c, seed = layer.cell, layer.seed + channel
    i, y, j, x = row // c, row % c, column // c, column % c
    a, b, d, e = (
        plain_hash(seed, i + down, j + right) >> 16 for down in (0, 1) for right in (0, 1)
    )
    v = ((c - y) * ((c - x) * a + x * b) + y * ((c - x) * d + x * e)) // (c * c)
    return layer.low + (v * (layer.high - layer.low) >> 16)


def test_the_hash() -> None:
    three = [int(hashed(np.uint32(1), np.uint32(2), np.uint32(k))) for k in range(3)]
    assert three == [plain_hash(1, 2, k) for k in range(3)]
    assert three == [1448194980, 2845652509, 3350582505]


@examples(20)
@given(
    st.integers(0, 2**31 - 1),
    st.sampled_from([1, 2, 8, 64]),
    st.integers(-(2**20), 2**20),
    st.integers(0, 2**20),
    st.integers(0, 3),
)
def test_layers_are_those_of_plain_integers(
    seed: int, cell: int, low: int, span: int, channel: int
) -> None:
    layer = Layer(seed, cell, low, low + span)
    tensor = drawn((Group(4, (layer,)),), 9, 70)
    for row, column in ((0, 0), (3, 69), (8, 5)):
        expected = np.float32(plain_value(layer, channel, row, column) / ONE)
        assert tensor[0, channel, row, column] == expected


def test_layers_add_up_and_fills_replace() -> None:
    layers = (Layer(1, 4, 0, 100), Layer(2, 1, 0, 100))
    both = drawn((Group(1, layers),), 8, 8)
    parts = sum(drawn((Group(1, (layer,)),), 8, 8) for layer in layers)
    np.testing.assert_array_equal(both, parts)
    filled = drawn((Group(1, layers, (Fill(1, 2, 3, 4, ONE), Fill(2, 2, 3, 3, 0))),), 8, 8)
    assert filled[0, 0, 1, 2:4].tolist() == [1.0, 1.0]
    assert filled[0, 0, 2, 2:4].tolist() == [0.0, 1.0]
    np.testing.assert_array_equal(filled[0, 0, 3:], both[0, 0, 3:])


def test_positions_are_hashes() -> None:
    assert positions(7, 3, 1000).tolist() == [plain_hash(7, 0, k) % 1000 for k in range(3)]


def vector() -> GoldenVector:
    groups = (Group(2, (Layer(5, 4, 0, ONE),)),)
    return measured(lambda x: np.asarray(2 * x, np.float32), groups, (1, 2, 8, 8))


def test_signal_over_noise() -> None:
    known = vector()
    right = 2 * known.drawn()
    assert known.snr_db(right) > 130
    assert known.snr_db(right * np.float32(1.01)) == pytest.approx(40, abs=0.01)
    assert known.snr_db(right * np.float32(np.nan)) == -math.inf
    with pytest.raises(BundleError, match="gives 1×2×8×4, not 1×2×8×8"):
        known.snr_db(right[..., :4])


def test_vectors_are_read_as_they_were_written() -> None:
    known = vector()
    assert read_golden(write_golden({"a": known}), "golden.json") == {"a": known}

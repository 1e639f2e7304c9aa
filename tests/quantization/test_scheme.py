"""Codes cover their range with 0 exact, and schemes survive their file form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError
from edge_sdk.quantization.scheme import Affine, Scheme, affine, scheme_from_json

BOUNDS = st.floats(-1e4, 1e4, allow_nan=False)


@given(BOUNDS, BOUNDS)
def test_codes_cover_the_range_and_hold_zero(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    codes = affine(low, high)
    slack = codes.scale * 0.51
    assert codes.low <= min(low, 0) + slack
    assert codes.high >= max(high, 0) - slack
    assert codes.low <= 0 <= codes.high


def test_codes_of_pictures_are_the_8_bit_values() -> None:
    codes = affine(0.0, 1.0)
    assert codes.zero_point == -128
    assert all(
        round(level / 255 / codes.scale) + codes.zero_point == level - 128 for level in range(256)
    )


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.builds(Affine, st.floats(1e-8, 1e4), st.integers(-128, 127)),
        max_size=5,
    ),
    st.booleans(),
)
def test_file_form_is_exact(values: dict[str, Affine], weights_only: bool) -> None:
    scheme = Scheme(values, weights_only, ("features.0",), "mse")
    assert scheme_from_json(scheme.to_json()) == scheme


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 2}',
        '{"version": 1, "values": {"x": {"scale": 0, "zero_point": 0}}}',
        '{"version": 1, "values": {"x": {"scale": 1, "zero_point": 200}}, "weights_only": false,'
        ' "float_layers": [], "observer": "mse"}',
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        scheme_from_json(text)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_scales_are_refused(scale: float) -> None:
    with pytest.raises(InputError, match="scale"):
        Affine(scale, 0)

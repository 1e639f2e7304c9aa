from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError
from edge_sdk.imaging import linear_to_srgb, rgb_to_ycbcr, srgb_to_linear, ycbcr_to_rgb
from tests.tolerances import DOUBLE, SINGLE


@given(st.lists(st.integers(1, 3), max_size=2), st.integers(0, 2**31))
def test_ycbcr_round_trip_with_any_leading_dimensions(leading: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rgb = torch.rand(*leading, 3, 4, 5, dtype=torch.float64, generator=generator)
    ycbcr = rgb_to_ycbcr(rgb)
    assert ycbcr.shape == rgb.shape
    torch.testing.assert_close(ycbcr_to_rgb(ycbcr), rgb, **DOUBLE)


def test_ycbcr_range_is_studio_swing() -> None:
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * 3)
    y, cb, cr = (255 * rgb_to_ycbcr(corners.T[:, None])).squeeze(1)
    assert (y.min(), y.max()) == (pytest.approx(16), pytest.approx(235))
    for chroma in (cb, cr):
        assert (chroma.min(), chroma.max()) == (pytest.approx(16), pytest.approx(240))


@given(st.floats(0, 1))
def test_gray_has_no_chroma(level: float) -> None:
    y, cb, cr = rgb_to_ycbcr(torch.full((3, 1, 1), level, dtype=torch.float64)).flatten()
    assert float(255 * y) == pytest.approx(16 + 219 * level)
    assert float(255 * cb) == pytest.approx(128)
    assert float(255 * cr) == pytest.approx(128)


@given(st.floats(-0.5, 1.5))
def test_transfer_round_trip(value: float) -> None:
    encoded = torch.tensor([value], dtype=torch.float64)
    # The standard rounds the joint of its two parts, which leaves a step of 3e-8 there.
    torch.testing.assert_close(linear_to_srgb(srgb_to_linear(encoded)), encoded, rtol=0, atol=1e-6)


def test_transfer_keeps_black_and_white_rises_and_has_finite_gradients() -> None:
    encoded = torch.linspace(0, 1, 257, dtype=torch.float64, requires_grad=True)
    linear = srgb_to_linear(encoded)
    assert linear[0].item() == 0
    assert linear[-1].item() == pytest.approx(1)
    assert bool((linear.diff() > 0).all())
    (gradient,) = torch.autograd.grad(linear_to_srgb(linear).sum(), encoded)
    torch.testing.assert_close(gradient, torch.ones_like(gradient), **SINGLE)


def test_mid_gray_of_the_standard() -> None:
    assert float(srgb_to_linear(torch.tensor([0.5]))) == pytest.approx(0.214041, abs=1e-6)


def test_wrong_kinds_of_image_are_refused() -> None:
    with pytest.raises(InputError, match="channels come before"):
        rgb_to_ycbcr(torch.zeros(4, 5, 3))
    for function in (rgb_to_ycbcr, ycbcr_to_rgb, srgb_to_linear, linear_to_srgb):
        with pytest.raises(InputError, match="float"):
            function(torch.zeros(3, 4, 5, dtype=torch.uint8))

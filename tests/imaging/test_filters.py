"""Gaussian blur: what it keeps and how wide it is."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.imaging.filters import gaussian_blur


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

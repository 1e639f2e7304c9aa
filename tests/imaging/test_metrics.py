from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError
from edge_sdk.imaging import psnr, psnr_y, quantize, rgb_to_ycbcr, ssim
from tests.examples import examples
from tests.needs import needs


@given(st.floats(1e-4, 0.5), st.floats(0.1, 255))
def test_psnr_of_a_constant_error(error: float, peak: float) -> None:
    a = torch.rand(3, 6, 7, dtype=torch.float64)
    expected = -20 * math.log10(error)
    assert psnr(peak * a, peak * (a + error), peak=peak) == pytest.approx(expected)


def test_psnr_of_equal_images_is_infinite() -> None:
    a = torch.rand(3, 12, 12)
    assert psnr(a, a) == math.inf
    assert psnr_y(a, a, border=2) == math.inf


def test_border_is_left_out() -> None:
    a = torch.rand(3, 12, 12)
    b = a.clone()
    b[:, :2] = 0
    b[..., -2:] = 0
    assert psnr(a, b) < 40
    assert psnr(a, b, border=2) == math.inf


def test_psnr_y_is_that_of_rounded_luma() -> None:
    a, b = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    luma_a, luma_b = (quantize(rgb_to_ycbcr(image)[:1]) for image in (a, b))
    assert psnr_y(a, b, border=1) == pytest.approx(psnr(luma_a, luma_b, border=1))
    assert psnr_y(luma_a, luma_b, border=1) == pytest.approx(psnr(luma_a, luma_b, border=1))


@needs("examples")
@examples(20)
@given(st.integers(11, 30), st.integers(11, 30), st.floats(0, 0.5), st.integers(0, 2**31))
def test_ssim_agrees_with_scikit_image(height: int, width: int, noise: float, seed: int) -> None:
    from skimage import metrics

    generator = torch.Generator().manual_seed(seed)
    a = torch.rand(3, height, width, dtype=torch.float64, generator=generator)
    b = (a + noise * torch.randn(a.shape, dtype=a.dtype, generator=generator)).clamp(0, 1)
    expected = metrics.structural_similarity(
        a.numpy(),
        b.numpy(),
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
    )
    assert ssim(a, b) == pytest.approx(expected, abs=1e-10)


def test_ssim_is_one_for_equal_and_symmetric() -> None:
    a, b = torch.rand(2, 16, 16)
    assert ssim(a, a) == pytest.approx(1)
    assert ssim(a, b) == pytest.approx(ssim(b, a))


@pytest.mark.parametrize("metric", [psnr, ssim, lambda a, b: psnr_y(a, b, border=0)])
def test_images_that_cannot_be_compared_are_refused(metric) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        metric(torch.zeros(3, 12, 12), torch.zeros(3, 12, 13))
    with pytest.raises(InputError, match="float"):
        metric(*torch.zeros(2, 3, 12, 12, dtype=torch.uint8))
    with pytest.raises(InputError, match="at least one pixel"):
        metric(*torch.zeros(2, 3, 0, 12))


def test_bad_arguments_are_refused() -> None:
    a = torch.zeros(3, 10, 10)
    with pytest.raises(InputError, match="peak"):
        psnr(a, a, peak=0)
    for border in (-1, 5):
        with pytest.raises(InputError, match="border"):
            psnr(a, a, border=border)
    with pytest.raises(InputError, match="11×11"):
        ssim(a, a)
    with pytest.raises(InputError, match="1 or 3"):
        psnr_y(a[:2], a[:2], border=0)

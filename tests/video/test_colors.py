"""Luma and chroma against colors: exact formulas, both ways, each sample where it lies."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.imaging import resize_bicubic, rgb_to_ycbcr
from edge_sdk.models.picture import Chroma
from edge_sdk.video import (
    ClipForm,
    Matrix,
    Sampling,
    Swing,
    frame_to_rgb,
    rgb_to_frame,
    rgb_to_yuv,
    yuv_to_rgb,
)
from edge_sdk.video.chroma import chroma_from_luma, chroma_on_luma, enlarged_chroma
from tests.builders.clips import moving
from tests.examples import examples

SUBSAMPLED = (Sampling.C420JPEG, Sampling.C420MPEG2, Sampling.C420PALDV, Sampling.C422)
METHODS: tuple[Chroma, ...] = ("bicubic", "bilinear")


def color(*rgb: float) -> Tensor:
    return torch.tensor(rgb, dtype=torch.float64)[:, None, None]


@pytest.mark.parametrize(
    ("rgb", "matrix", "swing", "yuv"),
    [
        # ITU-R BT.601-7 and BT.709-6, and JFIF for full range.
        ((1, 1, 1), Matrix.BT601, Swing.LIMITED, (235, 128, 128)),
        ((0, 0, 0), Matrix.BT709, Swing.LIMITED, (16, 128, 128)),
        ((1, 0, 0), Matrix.BT601, Swing.LIMITED, (81.481, 90.203, 240)),
        ((0, 0, 1), Matrix.BT709, Swing.LIMITED, (31.8118, 240, 117.7303)),
        ((1, 0, 0), Matrix.BT601, Swing.FULL, (76.245, 84.972, 255.5)),
        ((0, 1, 0), Matrix.BT709, Swing.FULL, (182.376, 29.7159, 12.1910)),
    ],
)
def test_known_colors(
    rgb: tuple[float, ...], matrix: Matrix, swing: Swing, yuv: tuple[float, ...]
) -> None:
    found = 255 * rgb_to_yuv(color(*rgb), matrix, swing)
    assert found.flatten().tolist() == pytest.approx(yuv, abs=2e-3)


@pytest.mark.parametrize(("matrix", "swing"), list(product(Matrix, Swing)))
def test_there_and_back(matrix: Matrix, swing: Swing) -> None:
    rgb = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    again = yuv_to_rgb(rgb_to_yuv(rgb, matrix, swing), matrix, swing)
    torch.testing.assert_close(again, rgb, rtol=0, atol=1e-12)


def test_limited_601_is_the_color_of_luma_networks() -> None:
    rgb = torch.rand(3, 5, 7, dtype=torch.float64)
    found = rgb_to_yuv(rgb, Matrix.BT601, Swing.LIMITED)
    torch.testing.assert_close(found, rgb_to_ycbcr(rgb), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("matrix", "swing"), list(product(Matrix, Swing)))
def test_levels_come_back_within_one(matrix: Matrix, swing: Swing) -> None:
    form = ClipForm(64, 48, Sampling.C444, matrix=matrix, swing=swing)
    (rgb,) = moving(1)
    frame = rgb_to_frame(rgb, form)
    again = rgb_to_frame(frame_to_rgb(frame, form), form)
    # Colors near the border of what exists are clipped.
    inside = ((rgb > 0.05) & (rgb < 0.95)).all(0)
    for one, other in zip(frame, again, strict=True):
        assert int((one.int() - other.int()).abs()[inside].max()) <= 1


def ramp(form: ClipForm, plane: int) -> Tensor:
    """A chroma plane whose value is the place of its samples: x + 100·y in pixels of luma."""
    (columns, rows), (x, y) = form.sampling.step, form.sampling.offsets(plane)
    height, width = form.plane_sizes[plane]
    return (columns * torch.arange(width) + x) + 100 * (rows * torch.arange(height) + y)[:, None]


def luma_ramp(form: ClipForm) -> Tensor:
    return torch.arange(form.width) + 100.0 * torch.arange(form.height)[:, None]


@pytest.mark.parametrize(
    ("sampling", "plane", "method"), list(product(SUBSAMPLED, (1, 2), METHODS))
)
def test_samples_lie_where_their_siting_says(
    sampling: Sampling, plane: int, method: Chroma
) -> None:
    form = ClipForm(41, 37, sampling)
    inner = (slice(9, -9), slice(9, -9))
    on_luma = chroma_on_luma(ramp(form, plane), plane, form, method)
    torch.testing.assert_close(on_luma[inner], luma_ramp(form)[inner], rtol=0, atol=2e-3)
    back = chroma_from_luma(luma_ramp(form), plane, form, method)
    torch.testing.assert_close(back[inner], ramp(form, plane)[inner], rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    ("sampling", "scale", "method"),
    list(product(SUBSAMPLED, (Fraction(2), Fraction(3), Fraction(1), Fraction(1, 2)), METHODS)),
)
def test_enlarged_samples_keep_their_siting(
    sampling: Sampling, scale: Fraction, method: Chroma
) -> None:
    form = ClipForm(60, 48, sampling)
    target = ClipForm(int(60 * scale), int(48 * scale), sampling)
    for plane in (1, 2):
        made = enlarged_chroma(ramp(form, plane), plane, form, target, scale, method)
        assert tuple(made.shape) == target.plane_sizes[plane]
        # Pixel x of the smaller lies at scale·(x + ½) − ½ of the larger.
        ratio = float(scale)
        places = (ramp(target, plane) + 101 / 2) / ratio - 101 / 2
        inner = (slice(10, -10), slice(10, -10)) if ratio >= 1 else (slice(4, -4), slice(4, -4))
        torch.testing.assert_close(made[inner], places[inner].float(), rtol=0, atol=4e-3)


def test_samples_in_the_middle_are_enlarged_as_pictures_are() -> None:
    form, target = ClipForm(20, 16), ClipForm(40, 32)
    plane = torch.rand(8, 10)
    made = enlarged_chroma(plane, 1, form, target, Fraction(2), "bicubic")
    torch.testing.assert_close(made, resize_bicubic(plane, 2), rtol=0, atol=1e-6)


@given(st.sampled_from(SUBSAMPLED), st.integers(1, 9), st.integers(1, 9), st.integers(0, 255))
@examples(30)
def test_a_constant_stays_one(sampling: Sampling, width: int, height: int, level: int) -> None:
    form = ClipForm(width, height, sampling)
    target = ClipForm(2 * width, 2 * height, sampling)
    plane = torch.full(form.plane_sizes[1], level / 255)
    for method in METHODS:
        for made in (
            enlarged_chroma(plane, 1, form, target, Fraction(2), method),
            chroma_on_luma(plane, 1, form, method),
        ):
            torch.testing.assert_close(made, torch.full_like(made, level / 255))


def test_a_frame_of_luma_alone_is_gray() -> None:
    form = ClipForm(4, 2, Sampling.MONO, swing=Swing.LIMITED)
    frame = (torch.tensor([[16, 235, 16, 235], [125, 126, 0, 255]], dtype=torch.uint8),)
    rgb = frame_to_rgb(frame, form)
    assert torch.equal(rgb[0], rgb[1])
    assert rgb[0, 0].tolist() == [0, 1, 0, 1]
    assert rgb[0, 1, 2:].tolist() == [0, 1]


def test_other_tensors_are_refused() -> None:
    for wrong in (torch.zeros(3, 2, 2, dtype=torch.uint8), torch.zeros(2, 2, 2)):
        with pytest.raises(InputError, match="must be float"):
            rgb_to_yuv(wrong, Matrix.BT601, Swing.FULL)
        with pytest.raises(InputError, match="must be float"):
            yuv_to_rgb(wrong, Matrix.BT601, Swing.FULL)

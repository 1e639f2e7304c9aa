from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError
from edge_sdk.imaging import psnr_y, quantize, read_picture, resize_bicubic, rgb_to_ycbcr
from tests.examples import examples
from tests.tolerances import DOUBLE, SINGLE

sides = st.integers(1, 24)
scales = st.fractions(Fraction(1, 9), 9, max_denominator=9)


def image(height: int, width: int) -> torch.Tensor:
    return torch.rand(2, height, width, dtype=torch.float64)


@pytest.mark.slow
@given(sides, sides, scales)
def test_size_is_rounded_up(height: int, width: int, scale: Fraction) -> None:
    resized = resize_bicubic(image(height, width), scale)
    assert resized.shape == (2, math.ceil(scale * height), math.ceil(scale * width))


@given(sides, sides, scales)
def test_a_constant_stays_constant(height: int, width: int, scale: Fraction) -> None:
    resized = resize_bicubic(torch.full((height, width), 0.37, dtype=torch.float64), scale)
    torch.testing.assert_close(resized, torch.full_like(resized, 0.37), **DOUBLE)


@given(sides, sides, sides, sides)
def test_flipping_and_transposing_commute(height: int, width: int, rows: int, columns: int) -> None:
    x = image(height, width)
    resized = resize_bicubic(x, size=(rows, columns))
    flipped = resize_bicubic(x.flip(-1, -2), size=(rows, columns)).flip(-1, -2)
    transposed = resize_bicubic(x.transpose(-1, -2), size=(columns, rows)).transpose(-1, -2)
    torch.testing.assert_close(flipped, resized, **DOUBLE)
    torch.testing.assert_close(transposed, resized, **DOUBLE)


@given(st.integers(2, 4), st.integers(0, 5), st.integers(0, 5))
def test_reduction_keeps_the_phase_of_a_ramp(factor: int, rows: int, columns: int) -> None:
    height, width = factor * (8 + rows), factor * (8 + columns)
    row, column = torch.meshgrid(
        torch.arange(height, dtype=torch.float64),
        torch.arange(width, dtype=torch.float64),
        indexing="ij",
    )
    reduced = resize_bicubic(row + 2 * column, Fraction(1, factor))
    # The center of the block of input pixels that an output pixel covers.
    expected = (row + 2 * column)[::factor, ::factor] + 3 * (factor - 1) / 2
    inside = (slice(2, -2), slice(2, -2))
    torch.testing.assert_close(reduced[inside], expected[inside], rtol=0, atol=1e-9)


def test_same_size_is_the_image_itself() -> None:
    x = image(7, 9)
    assert torch.equal(resize_bicubic(x, 1), x)
    assert torch.equal(resize_bicubic(x, size=(7, 9)), x)


def test_float_and_fraction_agree() -> None:
    x = image(20, 30)
    torch.testing.assert_close(resize_bicubic(x, 0.1), resize_bicubic(x, Fraction(1, 10)))


def test_enlarging_an_impulse_gives_the_kernel() -> None:
    impulse = torch.zeros(1, 9, dtype=torch.float64)
    impulse[0, 4] = 1
    enlarged = resize_bicubic(impulse, size=(1, 18))[0]
    # Keys' kernel at 1/4, 3/4, 5/4 and 7/4.
    expected = torch.tensor([111, 29, -9, -3], dtype=torch.float64) / 128
    torch.testing.assert_close(enlarged[9:13], expected)
    torch.testing.assert_close(enlarged[5:9], expected.flip(0))


def test_gradient_is_exact() -> None:
    x = torch.rand(1, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: resize_bicubic(x, Fraction(2, 3)), (x,))


@examples(20)
@given(sides, sides, scales)
def test_float32_is_close_to_float64(height: int, width: int, scale: Fraction) -> None:
    x = image(height, width)
    single = resize_bicubic(x.float(), scale)
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), resize_bicubic(x, scale), **SINGLE)


def test_bad_arguments_are_refused() -> None:
    x = image(4, 4)
    for scale in (0, -1, math.nan, math.inf):
        with pytest.raises(InputError, match="scale"):
            resize_bicubic(x, scale)
    with pytest.raises(InputError, match="size"):
        resize_bicubic(x, size=(0, 4))
    with pytest.raises(InputError, match="either"):
        resize_bicubic(x)
    with pytest.raises(InputError, match="either"):
        resize_bicubic(x, 2, size=(8, 8))
    for wrong in (x.half(), torch.zeros(4), torch.zeros(3, 0, 4)):
        with pytest.raises(InputError, match="float32"):
            resize_bicubic(wrong, 2)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "scale", "published_db"),
    [
        ("Set5", 2, 33.66),
        ("Set14", 2, 30.24),
        ("B100", 2, 29.56),
        ("Set5", 4, 28.42),
        ("Set14", 4, 26.00),
        ("B100", 4, 25.96),
    ],
)
def test_published_bicubic(name: str, scale: int, published_db: float, picture_sets: Path) -> None:
    values = []
    for path in sorted((picture_sets / "sr_bench" / name).iterdir()):
        picture = read_picture(path)
        pixels = picture.pixels.double()
        y = quantize(pixels[:1] if picture.metadata.gray else rgb_to_ycbcr(pixels)[:1])
        y = y[:, : y.shape[1] // scale * scale, : y.shape[2] // scale * scale]
        low = quantize(resize_bicubic(y, Fraction(1, scale)))
        values.append(psnr_y(resize_bicubic(low, scale), y, border=scale))
    assert sum(values) / len(values) == pytest.approx(published_db, abs=0.02)

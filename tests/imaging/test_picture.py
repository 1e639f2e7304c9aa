from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError
from edge_sdk.imaging import Metadata, Picture, quantize, to_levels


@pytest.mark.parametrize("bit_depth", [8, 16])
def test_levels_of_every_level_are_the_level(bit_depth: int) -> None:
    levels = torch.arange(1 << bit_depth, dtype=torch.int32)
    image = levels.float() / ((1 << bit_depth) - 1)
    assert torch.equal(to_levels(image, bit_depth), levels)
    assert torch.equal(quantize(image, bit_depth), image)


def test_levels_round_half_up_and_clip() -> None:
    image = torch.tensor([-1.0, 0.5, 127.4 / 255, 2.0])
    assert to_levels(image).tolist() == [0, 128, 127, 255]


@given(st.floats(-2, 2, width=32))
def test_quantizing_is_idempotent_and_within_half_a_level(value: float) -> None:
    image = torch.tensor([value], dtype=torch.float64)
    once = quantize(image)
    assert torch.equal(quantize(once), once)
    assert abs(float(once - image.clamp(0, 1))) <= 0.5 / 255 + 1e-12


@pytest.mark.parametrize(
    "pixels",
    [
        torch.zeros(3, 4, 5, dtype=torch.float64),
        torch.zeros(1, 4, 5),
        torch.zeros(4, 5),
        torch.zeros(3, 0, 5),
        torch.full((3, 4, 5), torch.nan),
        torch.full((3, 4, 5), torch.inf),
    ],
)
def test_pixels_that_make_no_picture_are_refused(pixels: torch.Tensor) -> None:
    with pytest.raises(InputError, match="pixels"):
        Picture(pixels)


def test_alpha_and_bit_depth_are_checked() -> None:
    with pytest.raises(InputError, match="alpha is 5×4 px but the pixels are 6×4 px"):
        Picture(torch.zeros(3, 4, 6), Metadata(alpha=torch.zeros(1, 4, 5)))
    with pytest.raises(InputError, match="alpha"):
        Metadata(alpha=torch.zeros(4, 5))
    with pytest.raises(InputError, match="bit_depth"):
        Metadata(bit_depth=10)  # type: ignore[arg-type]


def test_other_pixels_keep_metadata_and_resize_alpha() -> None:
    metadata = Metadata(exif=b"e", icc_profile=b"i", bit_depth=16, alpha=torch.ones(1, 4, 6))
    larger = Picture(torch.zeros(3, 4, 6), metadata).with_pixels(torch.ones(3, 8, 12))
    assert (larger.height, larger.width) == (8, 12)
    assert larger.metadata.alpha is not None
    torch.testing.assert_close(larger.metadata.alpha, torch.ones(1, 8, 12))
    assert (larger.metadata.exif, larger.metadata.icc_profile) == (b"e", b"i")
    assert larger.metadata.bit_depth == 16

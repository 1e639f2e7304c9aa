"""The same colors stored under several profiles are the same values after conversion."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms
from torch import Tensor

from edge_sdk.errors import PictureError
from edge_sdk.imaging import Metadata, Picture, convert_profile, quantize
from edge_sdk.imaging.matrix_profiles import ProfileError, parse_matrix_profile
from edge_sdk.imaging.picture import BitDepth
from edge_sdk.imaging.profiles import profile_name
from tests.builders import icc_profiles as icc

SPACES = {
    "sRGB": (icc.SRGB, "srgb"),
    "none": (None, "srgb"),
    "P3": (icc.DISPLAY_P3, "p3"),
    "sampled P3": (icc.SAMPLED_P3, "p3"),
    "Adobe RGB": (icc.ADOBE_RGB, "adobe"),
}


def scene(seed: int) -> np.ndarray:
    """SRGB colors, none so saturated that rounding of stored values is much enlarged."""
    generator = np.random.default_rng(seed)
    gray = generator.uniform(0.3, 0.8, (1, 12, 16))
    return np.clip(gray + generator.uniform(-0.1, 0.1, (3, 12, 16)), 0, 1)


def stored(seed: int, space: str, depth: BitDepth) -> Picture:
    profile, name = SPACES[space]
    pixels = torch.from_numpy(icc.stored_in(scene(seed), name)).float()
    return Picture(quantize(pixels, depth), Metadata(icc_profile=profile, bit_depth=depth))


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ("P3", "sRGB"),
        ("sRGB", "P3"),
        ("Adobe RGB", "none"),
        ("none", "Adobe RGB"),
        ("Adobe RGB", "sampled P3"),
        ("sampled P3", "sRGB"),
        ("sRGB", "none"),
    ],
)
@given(seed=st.integers(0, 2**16))
def test_one_scene_in_two_profiles(own: str, wanted: str, depth: BitDepth, seed: int) -> None:
    there = stored(seed, wanted, depth)
    made = convert_profile(stored(seed, own, depth), SPACES[wanted][0], "a.png")
    assert made.metadata.icc_profile == SPACES[wanted][0]
    assert made.metadata.bit_depth == depth
    # 16 bits are computed in floats, and the primaries of the two sources agree to 4 digits.
    bound = 2.01 / 255 if depth == 8 else 0.3 / 255
    torch.testing.assert_close(made.pixels, there.pixels, rtol=0, atol=bound)


@pytest.mark.parametrize("own", [icc.DISPLAY_P3, icc.ADOBE_RGB])
@given(seed=st.integers(0, 2**16))
def test_floats_agree_with_littlecms(own: bytes, seed: int) -> None:
    pixels = quantize(torch.from_numpy(np.random.default_rng(seed).random((3, 9, 9))).float())
    eight, sixteen = (
        convert_profile(Picture(pixels, Metadata(icc_profile=own, bit_depth=depth)), None, "a.png")
        for depth in (8, 16)
    )
    torch.testing.assert_close(eight.pixels, sixteen.pixels, rtol=0, atol=1.6 / 255)


def test_white_black_and_gray_stay_neutral() -> None:
    ramp = torch.linspace(0, 1, 256).expand(3, 1, -1).contiguous()
    for depth in (8, 16):
        picture = Picture(ramp, Metadata(icc_profile=icc.DISPLAY_P3, bit_depth=depth))
        made = convert_profile(picture, icc.ADOBE_RGB, "a.png").pixels
        assert float((made.amax(0) - made.amin(0)).max()) < 1.1 / 255
        assert float(made[..., 0].max()) < 0.5 / 255
        assert float(made[..., -1].min()) > 1 - 0.5 / 255


def test_profiles_that_mean_the_same_leave_pixels_alone() -> None:
    pixels = torch.rand(3, 8, 8)
    for own, wanted in ((icc.SRGB, None), (None, icc.SRGB), (icc.DISPLAY_P3, icc.SAMPLED_P3)):
        made = convert_profile(Picture(pixels, Metadata(icc_profile=own)), wanted, "a.png")
        assert torch.equal(made.pixels, pixels)
        assert made.metadata.icc_profile == wanted


def test_tables_are_converted_at_8_bits_and_refused_by_name_at_16() -> None:
    picture = Picture(torch.rand(3, 8, 8), Metadata(icc_profile=icc.P3_BY_TABLES))
    assert convert_profile(picture, None, "a.png").pixels.shape == (3, 8, 8)
    deep = Picture(torch.rand(3, 8, 8), Metadata(icc_profile=icc.P3_BY_TABLES, bit_depth=16))
    with pytest.raises(PictureError, match=r"^a\.png: has 16 bits .* made of tables.*convert all"):
        convert_profile(deep, None, "a.png", "b.png")


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (icc.BROKEN, "is damaged"),
        (icc.DISPLAY_P3[:200], "is damaged"),
        (icc.GRAY, "is for GRAY"),
        (ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(), "is for Lab"),
    ],
)
def test_what_cannot_be_converted_is_named(profile: bytes, reason: str, depth: BitDepth) -> None:
    pixels = torch.rand(3, 8, 8)
    own = Picture(pixels, Metadata(icc_profile=profile, bit_depth=depth))
    with pytest.raises(PictureError, match=rf"^a\.png: its color profile {reason}"):
        convert_profile(own, None, "a.png", "b.png")
    plain = Picture(pixels, Metadata(bit_depth=depth))
    with pytest.raises(PictureError, match=rf"^b\.png: its color profile {reason}"):
        convert_profile(plain, profile, "a.png", "b.png")
    assert convert_profile(own, profile, "a.png") is own


@given(cut=st.integers(0, len(icc.ADOBE_RGB)), at=st.integers(0, 10**6), value=st.integers(0, 255))
def test_damaged_profiles_never_crash(cut: int, at: int, value: int) -> None:
    data = bytearray(icc.DISPLAY_P3)
    data[at % len(data)] = value
    for damaged in (bytes(data), icc.ADOBE_RGB[:cut]):
        with contextlib.suppress(ProfileError):
            parse_matrix_profile(damaged)
        deep = Picture(torch.full((3, 2, 2), 0.5), Metadata(icc_profile=damaged, bit_depth=16))
        try:
            made: Tensor = convert_profile(deep, None, "a.png").pixels
        except PictureError:
            continue
        assert bool(torch.isfinite(made).all())


def test_profiles_are_called_what_they_call_themselves() -> None:
    assert profile_name(None) == "sRGB"
    assert profile_name(icc.DISPLAY_P3) == "Display P3"
    assert profile_name(icc.BROKEN) == "unnamed"

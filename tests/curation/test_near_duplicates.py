"""Perceptual hashes: copies are near, other photographs are far, and few comparisons tell."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge_sdk.curation import Measured, NearDuplicates
from edge_sdk.curation.criteria.near_duplicates import first_alike, perceptual_hash
from edge_sdk.curation.opened import open_picture
from edge_sdk.errors import InputError
from tests.builders.collections import photo
from tests.examples import examples
from tests.needs import needs

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
UNLIKE = 16
"""Bits in which unrelated photographs differ at least; half of the 32 that chance gives."""


def hashed(picture: Image.Image, folder: Path, name: str = "copy.png", **options: int) -> int:
    picture.save(folder / name, **options)
    return perceptual_hash(open_picture(folder / name))


def bits(first: int, second: int) -> int:
    return (first ^ second).bit_count()


@needs("examples")
@pytest.mark.parametrize("name", PHOTOS)
def test_copies_are_near(name: str, tmp_path: Path) -> None:
    original = photo(name)
    width, height = original.size
    levels = np.asarray(original).astype(np.float64)
    found = hashed(original, tmp_path)
    copies = {
        "half": hashed(original.resize((width // 2, height // 2)), tmp_path),
        "third": hashed(original.resize((width // 3, height // 3)), tmp_path),
        "enlarged": hashed(original.resize((width * 3 // 2, height * 3 // 2)), tmp_path),
        "JPEG 50": hashed(original, tmp_path, "copy.jpg", quality=50),
        "brighter": hashed(Image.fromarray((levels * 1.1).clip(0, 255).astype(np.uint8)), tmp_path),
        "flatter": hashed(Image.fromarray((levels * 0.7 + 30).astype(np.uint8)), tmp_path),
        "gray": hashed(original.convert("L"), tmp_path),
    }
    apart = {name: bits(found, copy) for name, copy in copies.items()}
    assert max(apart.values()) <= NearDuplicates().most_bits, apart


@needs("examples")
def test_other_photographs_and_mirrored_ones_are_far(tmp_path: Path) -> None:
    hashes = {name: hashed(photo(name), tmp_path) for name in PHOTOS}
    for name in PHOTOS:
        mirrored = photo(name).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        hashes[f"{name} mirrored"] = hashed(mirrored, tmp_path)
    apart = {pair: bits(hashes[pair[0]], hashes[pair[1]]) for pair in combinations(hashes, 2)}
    assert min(apart.values()) >= UNLIKE, apart


@needs("examples")
def test_a_turned_file_with_its_orientation_is_the_same(tmp_path: Path) -> None:
    original = photo("coffee")
    turned = original.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    upright = open_picture(tmp_path / "turned.png")
    assert (upright.width, upright.height) == original.size
    assert perceptual_hash(upright) == hashed(original, tmp_path)


def test_colors_under_transparent_pixels_do_not_count(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    seen = draws.integers(0, 256, (40, 50, 4), np.uint8)
    seen[..., 3] = 255 * (draws.random((40, 50)) < 0.5)
    other = seen.copy()
    other[seen[..., 3] == 0] = (9, 200, 30, 0)
    assert hashed(Image.fromarray(seen), tmp_path) == hashed(Image.fromarray(other), tmp_path)


def test_flat_pictures_of_any_level_have_one_hash(tmp_path: Path) -> None:
    assert {hashed(Image.new("RGB", (60, 40), (v, v, v)), tmp_path) for v in (0, 99, 255)} == {0}


def naive(hashes: list[int], most_bits: int) -> list[int]:
    kept: list[int] = []
    like = []
    for place, one in enumerate(hashes):
        near = [first for first in kept if bits(hashes[first], one) <= most_bits]
        like.append(near[0] if near else -1)
        kept += [] if near else [place]
    return like


@examples(60)
@given(
    st.lists(st.integers(0, 255), max_size=60),
    st.integers(0, 4),
    st.integers(1, 20),
)
def test_blocks_find_what_a_plain_search_finds(
    hashes: list[int], most_bits: int, block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("edge_sdk.curation.criteria.near_duplicates._BLOCK", block)
        found = first_alike(np.array(hashes, np.uint64), most_bits)
    assert found.tolist() == naive(hashes, most_bits)


@examples(60)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 3)), max_size=30), st.integers(0, 3))
def test_each_left_out_is_like_a_kept_one_that_is_no_smaller(
    drawn: list[tuple[int, int]], most_bits: int
) -> None:
    pictures = [
        Measured(Path(f"{place:02}.png"), 10 * size, 10, {"hash": f"{one:016x}"})
        for place, (one, size) in enumerate(drawn)
    ]
    found = NearDuplicates(most_bits).judge(pictures)
    kept = [one for one, finding in zip(pictures, found, strict=True) if finding is None]
    known = {one.path: one for one in pictures}

    def apart(first: Measured, second: Measured) -> int:
        return bits(int(str(first.numbers["hash"]), 16), int(str(second.numbers["hash"]), 16))

    assert all(apart(*pair) > most_bits for pair in combinations(kept, 2))
    for one, finding in zip(pictures, found, strict=True):
        if finding is not None:
            assert finding.like is not None
            like = known[finding.like]
            assert like in kept
            assert apart(one, like) <= most_bits
            assert (-like.pixels, like.path) < (-one.pixels, one.path)


@pytest.mark.parametrize("most_bits", [-1, 33])
def test_a_distance_out_of_range_is_refused(most_bits: int) -> None:
    with pytest.raises(InputError, match=f"must be 0 to 32, not {most_bits}"):
        NearDuplicates(most_bits)

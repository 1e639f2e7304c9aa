"""HEIC files, written without loss by the tests themselves, and what is said without the extra."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from edge_sdk.errors import MissingExtraError, PictureError
from edge_sdk.imaging import read_picture
from edge_sdk.imaging.heic import is_heic
from tests.builders.heic_files import write_heic
from tests.builders.icc_profiles import DISPLAY_P3
from tests.needs import needs


def levels(depth: int = 8, size: tuple[int, int] = (64, 96)) -> NDArray[np.int64]:
    return np.random.default_rng(depth).integers(0, 2**depth, (*size, 3))


@needs("heic")
@pytest.mark.parametrize("depth", [8, 10, 12])
def test_every_level_is_read(depth: int, tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    write_heic(path, levels(depth), depth=depth)
    picture = read_picture(path)
    assert picture.metadata.bit_depth == (8 if depth == 8 else 16)
    expected = torch.from_numpy(levels(depth).transpose(2, 0, 1) / (2**depth - 1)).float()
    torch.testing.assert_close(picture.pixels, expected, rtol=0, atol=0.51 / 65535)


@needs("heic")
def test_exif_and_profile_are_kept(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "maker", 6
    path = tmp_path / "a.heic"
    write_heic(
        path, levels(), exif=exif.tobytes().removeprefix(b"Exif\0\0"), icc_profile=DISPLAY_P3
    )
    metadata = read_picture(path).metadata
    assert metadata.icc_profile == DISPLAY_P3
    assert metadata.exif is not None
    kept = Image.Exif()
    kept.load(metadata.exif)
    # Turns are those of the container; the tag of a HEIC file does not count.
    assert (kept[0x010F], kept[0x0112]) == ("maker", 1)
    assert (read_picture(path).width, read_picture(path).height) == (96, 64)


@needs("heic")
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turns_are_applied(turns: int, tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    write_heic(path, levels(), quarter_turns=turns)
    expected = torch.from_numpy(np.rot90(levels(), turns).copy().transpose(2, 0, 1) / 255).float()
    torch.testing.assert_close(read_picture(path).pixels, expected, rtol=0, atol=1e-6)


@needs("heic")
@pytest.mark.parametrize("part", [0.02, 0.3, 0.9])
def test_a_truncated_file_is_named(part: float, tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    write_heic(path, levels())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(PictureError, match=r"a\.heic: is a HEIC picture that is truncated"):
        read_picture(path)


@needs("heic")
@pytest.mark.parametrize("place", range(4))
def test_a_kind_of_item_that_is_no_text_does_not_end_the_process(
    place: int, tmp_path: Path
) -> None:
    path = tmp_path / "a.heic"
    write_heic(path, levels(), exif=b"MM\0*\0\0\0\x08\0\0\0\0\0\0")
    data = bytearray(path.read_bytes())
    data[data.index(b"Exif") + place] = 0xE5
    path.write_bytes(data)
    with pytest.raises(PictureError, match=r"a\.heic: is a HEIC picture that is truncated"):
        read_picture(path)


@needs("heic")
@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused(transfer: int, name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    write_heic(path, levels(10), depth=10, transfer=transfer)
    with pytest.raises(PictureError, match=rf"a\.heic: holds HDR colors \({name}\)"):
        read_picture(path)


@needs("heic")
def test_too_many_pixels_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.heic"
    write_heic(path, levels())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(PictureError, match=r"a\.heic: has more than 0 million pixels"):
        read_picture(path)


@needs("heic")
def test_nothing_is_registered_with_pillow(tmp_path: Path) -> None:
    path = tmp_path / "a.heic"
    write_heic(path, levels())
    read_picture(path)
    with pytest.raises(OSError, match="cannot identify"):
        Image.open(path)


def test_without_the_extra_the_line_names_file_and_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.heic"
    write_heic(path, levels())
    right = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, _=None: None if name == "pi_heif" else right(name)
    )
    expected = r"a\.heic: is a HEIC picture, and pi_heif is not installed; install it with: pip"
    with pytest.raises(MissingExtraError, match=rf"{expected}.*\[heic\]"):
        read_picture(path)


def test_the_brand_and_not_the_suffix_says_what_is_heic(tmp_path: Path) -> None:
    write_heic(tmp_path / "a.jpg", levels())
    assert is_heic((tmp_path / "a.jpg").read_bytes()[:12])
    assert not is_heic(b"\0\0\0\x18ftypmp42")
    assert not is_heic(b"\0\0\0\x18ftypcrx ")

"""Quick looks at files agree with the pictures, and find what is damaged."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from edge_sdk.errors import PictureError
from edge_sdk.imaging import previews
from edge_sdk.imaging.previews import read_preview
from tests.builders.camera_folders import exif_of, frame, with_thumbnail
from tests.builders.dng_files import write_dng
from tests.builders.heic_files import write_heic
from tests.needs import needs


def reduced(image: Image.Image) -> NDArray[np.float32]:
    levels = np.asarray(image.convert("L"), np.float32) / 255
    return cv2.resize(levels, (32, 24), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp"])
def test_a_preview_is_the_picture_in_small(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    frame(1).save(path, **({} if suffix == "bmp" else {"exif": exif_of(orientation=6)}))
    seen = read_preview(path)
    image = frame(1)
    if suffix == "tif":
        # Pillow turns these upright itself.
        image = image.transpose(Image.Transpose.ROTATE_270)
    assert (seen.width, seen.height) == image.size
    assert seen.orientation == (1 if suffix in ("bmp", "tif") else 6)
    assert seen.luma.shape == previews.SHAPE
    assert np.abs(seen.luma - reduced(image)).max() < 0.03


@pytest.fixture
def large_jpegs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are taken for large ones, of which the thumbnail is enough."""
    monkeypatch.setattr(previews, "_SMALL_BYTES", 0)
    monkeypatch.setattr(previews, "_TAIL_BYTES", 1000)


@pytest.mark.usefixtures("large_jpegs")
@pytest.mark.parametrize("bars", [False, True])
def test_the_thumbnail_is_enough_and_its_bars_are_cut_off(bars: bool, tmp_path: Path) -> None:
    # Of another scene, so that it shows which was looked at.
    wide = frame(2, size=(160, 90))
    thumbnail = Image.new("RGB", (160, 120)) if bars else wide
    if bars:
        thumbnail.paste(wide, (0, 15))
    path = tmp_path / "a.jpg"
    frame(1, size=(160, 90)).save(path, exif=with_thumbnail(exif_of(), thumbnail))
    seen = read_preview(path)
    assert (seen.width, seen.height) == (160, 90)
    assert np.abs(seen.luma - reduced(wide)).max() < 0.08


@pytest.mark.usefixtures("large_jpegs")
def test_of_a_file_that_was_cut_off_the_thumbnail_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    frame(1).save(path, exif=with_thumbnail(exif_of(), frame(1)))
    path.write_bytes(path.read_bytes()[:-1500])
    with pytest.raises(PictureError, match=r"a\.jpg: is truncated, damaged"):
        read_preview(path)


@pytest.mark.usefixtures("large_jpegs")
def test_a_damaged_thumbnail_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    block = bytearray(with_thumbnail(exif_of(), frame(2)))
    block[-2000:] = bytes(2000)
    frame(1).save(path, exif=bytes(block))
    assert np.abs(read_preview(path).luma - reduced(frame(1))).max() < 0.03


@needs("heic")
@pytest.mark.parametrize("depth", [8, 10])
def test_heic(depth: int, tmp_path: Path) -> None:
    image = frame(1, size=(96, 64))
    levels = np.asarray(image).astype(np.int64) << (depth - 8)
    exif = exif_of("2024:01:01 12:00:00", "5").tobytes().removeprefix(b"Exif\0\0")
    write_heic(tmp_path / "a.heic", levels, depth=depth, exif=exif)
    seen = read_preview(tmp_path / "a.heic")
    assert (seen.width, seen.height, seen.container) == (96, 64, "HEIC")
    assert seen.exif.get_ifd(0x8769)[0x9003] == "2024:01:01 12:00:00"
    assert np.corrcoef(seen.luma.flatten(), reduced(image).flatten())[0, 1] > 0.95


@needs("raw")
def test_raw(tmp_path: Path) -> None:
    image = frame(1, size=(96, 64))
    write_dng(tmp_path / "a.dng", np.asarray(image) / 255 * 0.5)
    seen = read_preview(tmp_path / "a.dng")
    assert (seen.width, seen.height, seen.container) == (96, 64, "raw")
    assert np.corrcoef(seen.luma.flatten(), reduced(image).flatten())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"tripod", "is no picture"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(30), "is truncated, damaged"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(30), "is truncated, damaged"),
        ("a.heic", b"\0\0\0\x18ftypheic" + bytes(30), "HEIC picture"),
    ],
)
def test_what_cannot_be_looked_at_is_named(
    name: str, data: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PictureError, match=rf"{name}: .*{reason}") as caught:
        read_preview(tmp_path / name)
    # Pillow's messages name objects of Python's.
    assert " object at " not in str(caught.value)
    assert "<" not in str(caught.value)
    with pytest.raises(PictureError, match=r"b\.jpg: cannot be read"):
        read_preview(tmp_path / "b.jpg")

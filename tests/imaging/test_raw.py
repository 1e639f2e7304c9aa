"""Raw files: developed to what the scene was, told from pictures, refused where damaged."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from edge_sdk.errors import MissingExtraError, OutputError, PictureError
from edge_sdk.imaging import Picture, linear_to_srgb, read_frames, read_picture, write_picture
from edge_sdk.imaging.raw import is_raw
from tests.builders.dng_files import write_dng
from tests.needs import needs

HEIGHT, WIDTH = 48, 64


def flat(*color: float) -> np.ndarray:
    return np.broadcast_to(np.asarray(color), (HEIGHT, WIDTH, 3)).copy()


def scene() -> np.ndarray:
    """Four flat patches of color and a white bar at the top."""
    picture = np.empty((HEIGHT, WIDTH, 3))
    picture[:24, :32], picture[:24, 32:] = (0.5, 0.2, 0.1), (0.1, 0.5, 0.2)
    picture[24:, :32], picture[24:, 32:] = (0.2, 0.1, 0.5), (0.18, 0.18, 0.18)
    return picture


@needs("raw")
@pytest.mark.parametrize("neutral", [(1.0, 1.0, 1.0), (0.5, 1.0, 0.6), (1.0, 0.7, 0.4)])
def test_gray_stays_gray_and_white_white_under_any_balance(neutral, tmp_path: Path) -> None:
    for value in (0.02, 0.18, 0.6, 1.0):
        write_dng(tmp_path / "a.dng", flat(value, value, value), neutral)
        pixels = read_picture(tmp_path / "a.dng").pixels[:, 4:-4, 4:-4]
        expected = linear_to_srgb(torch.tensor(value, dtype=torch.float64))
        # The file's own 12 bits are the limit: one step of the weakest channel.
        step = float(linear_to_srgb(torch.tensor(value + 1.5 / 4031 / min(neutral)).double()))
        tolerance = step - float(expected) + 1e-3
        torch.testing.assert_close(
            pixels.double(), expected.expand(pixels.shape), rtol=0, atol=tolerance
        )
        if value == 1.0:
            assert bool((pixels * 255 > 254.5).all())


@needs("raw")
def test_colors_are_those_of_the_scene_in_srgb(tmp_path: Path) -> None:
    truth = scene()
    write_dng(tmp_path / "a.dng", truth)
    picture = read_picture(tmp_path / "a.dng")
    assert (picture.height, picture.width) == (HEIGHT, WIDTH)
    expected = linear_to_srgb(torch.from_numpy(truth).permute(2, 0, 1))
    for top in (4, 28):
        for left in (4, 36):
            inside = (slice(None), slice(top, top + 16), slice(left, left + 24))
            torch.testing.assert_close(
                picture.pixels[inside].double(), expected[inside], rtol=0, atol=0.006
            )


@needs("raw")
def test_a_dark_frame_is_not_brightened(tmp_path: Path) -> None:
    write_dng(tmp_path / "a.dng", flat(0.01, 0.01, 0.01))
    level = float(linear_to_srgb(torch.tensor(0.01)))
    assert float(read_picture(tmp_path / "a.dng").pixels.mean()) == pytest.approx(level, abs=0.01)


@needs("raw")
def test_sixteen_bits_hold_more_than_eight(tmp_path: Path) -> None:
    ramp = np.linspace(0.2, 0.21, WIDTH)[None, :, None].repeat(HEIGHT, 0).repeat(3, 2)
    write_dng(tmp_path / "a.dng", ramp)
    picture = read_picture(tmp_path / "a.dng")
    assert picture.metadata.bit_depth == 16
    assert len(torch.unique((picture.pixels[1, 8] * 65535).round())) > 10
    assert len(torch.unique((picture.pixels[1, 8] * 255).round())) < 5
    write_picture(picture, tmp_path / "a.png")
    assert torch.equal(read_picture(tmp_path / "a.png").pixels, picture.pixels)


@needs("raw")
@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, -1), (8, 1)])
def test_orientation_is_applied_and_reset(orientation: int, turns: int, tmp_path: Path) -> None:
    write_dng(tmp_path / "a.dng", scene())
    write_dng(tmp_path / "b.dng", scene(), orientation=orientation)
    turned = read_picture(tmp_path / "b.dng")
    assert torch.equal(
        turned.pixels, torch.rot90(read_picture(tmp_path / "a.dng").pixels, turns, (1, 2))
    )
    assert turned.metadata.exif is not None
    exif = Image.Exif()
    exif.load(turned.metadata.exif)
    assert exif[0x0112] == 1
    assert exif[0x010F] == "Maker"
    assert 0xC612 not in exif


@needs("raw")
def test_content_and_not_suffix_says_what_is_raw(tmp_path: Path) -> None:
    write_dng(tmp_path / "a.tif", scene())
    assert read_picture(tmp_path / "a.tif").metadata.bit_depth == 16
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "b.tif")
    (tmp_path / "b.tif").rename(tmp_path / "b.dng")
    assert read_picture(tmp_path / "b.dng").width == 8
    assert not is_raw((tmp_path / "b.dng").read_bytes())


@needs("raw")
@pytest.mark.parametrize("kept", [0.001, 0.03, 0.2, 0.5, 0.99])
def test_truncation_is_one_line(kept: float, tmp_path: Path, capfd) -> None:
    write_dng(tmp_path / "a.dng", scene())
    data = (tmp_path / "a.dng").read_bytes()
    (tmp_path / "a.dng").write_bytes(data[: int(kept * len(data))])
    with pytest.raises(PictureError, match=r"a\.dng: ") as caught:
        read_picture(tmp_path / "a.dng")
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@needs("raw")
def test_a_raw_bomb_is_refused(tmp_path: Path) -> None:
    write_dng(tmp_path / "a.dng", scene())
    data = bytearray((tmp_path / "a.dng").read_bytes())
    for tag, value in ((256, 30_000), (257, 30_000)):
        at = data.index(tag.to_bytes(2, "little") + (4).to_bytes(2, "little")) + 8
        data[at : at + 4] = value.to_bytes(4, "little")
    (tmp_path / "a.dng").write_bytes(data)
    with pytest.raises(PictureError, match=r"a\.dng: "):
        read_picture(tmp_path / "a.dng")


@needs("raw")
@pytest.mark.parametrize(
    "head", [b"FUJIFILMCCD-RAW 0201", b"IIU\0" + b"\x18\0\0\0", b"\0\0\0\x18ftypcrx "]
)
def test_what_only_looks_raw_is_refused_in_one_line(head: bytes, tmp_path: Path, capfd) -> None:
    (tmp_path / "a.raw").write_bytes(head + bytes(500))
    with pytest.raises(PictureError, match=r"LibRaw cannot read \(\w[^']*\); convert it"):
        read_picture(tmp_path / "a.raw")
    assert capfd.readouterr().err == ""


def test_a_missing_reader_is_named_with_its_command(tmp_path: Path, monkeypatch) -> None:
    write_dng(tmp_path / "a.dng", scene())
    right = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "rawpy" else right(name, *rest),
    )
    with pytest.raises(MissingExtraError, match=r"rawpy is not installed.*\[raw\]") as caught:
        read_picture(tmp_path / "a.dng")
    assert "\n" not in str(caught.value)


def test_raw_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.dng names no format that is written"):
        write_picture(Picture(torch.ones(3, 4, 4)), tmp_path / "a.dng")


@needs("raw")
def test_frames_of_a_raw_burst_have_one_size(tmp_path: Path) -> None:
    for name, orientation in (("a", 1), ("b", 1), ("c", 6)):
        write_dng(tmp_path / f"{name}.dng", scene(), orientation=orientation)
    assert len(read_frames([tmp_path / "a.dng", tmp_path / "b.dng"])) == 2
    with pytest.raises(PictureError, match=r"c\.dng: is 48×64 px but"):
        read_frames([tmp_path / "a.dng", tmp_path / "c.dng"])

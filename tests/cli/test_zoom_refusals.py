"""Files that ``zoom`` cannot use: one line, status 2, and nothing written, not even in part."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.command_line import Run

SIZE = (56, 40)


def good(name: str, **options: object) -> str:
    generator = np.random.default_rng(1)
    levels = generator.integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    Image.fromarray(levels).save(name, **options)
    return name


def png_of(width: int, height: int, depth: int) -> bytes:
    """A PNG whose header promises a size and whose data do not."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def jpeg_of(width: int, height: int) -> bytes:
    good("small.jpg")
    data = bytearray(Path("small.jpg").read_bytes())
    Path("small.jpg").unlink()
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp_of(width: int, height: int) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


def tiff_of(width: int, height: int) -> bytes:
    good("small.tif")
    data = Path("small.tif").read_bytes()
    Path("small.tif").unlink()
    for tag, old, new in ((256, SIZE[0], width), (257, SIZE[1], height)):
        for kind in (3, 4):
            entry = struct.pack("<HHI", tag, kind, 1)
            data = data.replace(
                entry + struct.pack("<I", old), struct.pack("<HHII", tag, 4, 1, new)
            )
    return data


BOMBS = {
    "png": lambda: png_of(60_000, 60_000, 8),
    "16.png": lambda: png_of(2**31 - 1, 2**31 - 1, 16),
    "jpg": lambda: jpeg_of(65_500, 65_500),
    "bmp": lambda: bmp_of(100_000, 100_000),
    "tif": lambda: tiff_of(1_000_000, 1_000_000),
}


def refused(run: Run, *arguments: object) -> str:
    """The line of a refusal, after which the folder is as it was."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    line = run("zoom", *arguments).error_line
    after = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    assert after == before
    return line


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.png", b"", "is empty"),
        ("notes.txt", b"not a picture, but long enough to be read", "is not a JPEG"),
        ("half.png", b"\x89PNG\r\n\x1a\n", "truncated"),
        ("film.mp4", b"\0\0\0\x18ftypmp42" + bytes(400), "is not a JPEG"),
    ],
)
def test_a_bad_file_among_good_ones(
    run: Run, name: str, data: bytes, reason: str, place: int
) -> None:
    Path(name).write_bytes(data)
    frames = [good("a.png"), good("b.png")]
    frames.insert(place, name)
    line = refused(run, *frames, "-o", "z.png", "--report", "r.html")
    assert line.startswith(f"error: {name}: ")
    assert reason in line


def test_a_truncated_jpeg_among_good_ones(run: Run) -> None:
    good("whole.jpg")
    data = Path("whole.jpg").read_bytes()
    Path("cut.jpg").write_bytes(data[: len(data) // 2])
    line = refused(run, "whole.jpg", "cut.jpg")
    assert line.startswith("error: cut.jpg: is truncated")


def test_a_folder_without_pictures(run: Run) -> None:
    Path("burst").mkdir()
    assert refused(run, good("a.png"), "burst").startswith("error: burst: holds no picture")
    Path("burst/notes.txt").write_text("tripod")
    Path("burst/deeper").mkdir()
    good("burst/deeper/b.png")
    assert refused(run, "burst").startswith("error: burst: holds no picture")


@pytest.mark.parametrize("kind", BOMBS)
def test_a_header_that_promises_too_much(run: Run, kind: str) -> None:
    Path(f"bomb.{kind}").write_bytes(BOMBS[kind]())
    line = refused(run, f"bomb.{kind}", "-o", "z.png")
    assert line.startswith(f"error: bomb.{kind}: ")
    assert "million pixels" in line


def test_frames_of_two_sizes_or_orientations(run: Run) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = [good("a.png"), good("turned.png", exif=exif)]
    assert "turned.png: is 40×56 px but a.png is 56×40 px" in refused(run, *frames)
    Image.new("RGB", (57, 40)).save("wider.png")
    assert "wider.png: is 57×40 px" in refused(run, "a.png", "wider.png")


@pytest.mark.parametrize("output", ["z", "z.gif", "z.dng", "z.png.txt", ""])
def test_an_output_whose_suffix_names_no_format(run: Run, output: str) -> None:
    assert refused(run, good("a.png"), "-o", output)


def test_a_result_that_its_format_cannot_hold_is_refused_before_the_work(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (8192, 32)).save("wide.png")
    monkeypatch.setattr("edge_sdk.burst.picture_files.zoom", None)
    line = refused(run, "wide.png", "-o", "z.webp")
    assert "z.webp: 16384×64 px is more than the 16383 px of a WEBP; write a .png" in line


def test_an_output_folder_that_is_missing_or_a_file(run: Run) -> None:
    assert "does not exist" in refused(run, good("a.png"), "-o", "none/z.png")
    assert "a.png is a file and no folder" in refused(run, "a.png", "-o", "a.png/z.png")
    Path("z.png").mkdir()
    assert "is a folder" in refused(run, "a.png", "-o", "z.png")


@pytest.mark.parametrize("option", ["-o", "--report"])
def test_a_folder_where_nothing_can_be_written(run: Run, option: str) -> None:
    # Not even root creates files here.
    place = Path("/proc/self/fdinfo")
    if not place.is_dir():
        pytest.skip("needs /proc")
    outcome = run("zoom", good("a.png"), option, place / "z.png")
    assert "z.png" in outcome.error_line


def test_no_frames(run: Run) -> None:
    assert "no frames given" in refused(run, "--report", "r.html")

from __future__ import annotations

import errno
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.imaging import (
    Metadata,
    Picture,
    check_output_path,
    quantize,
    read_frames,
    read_picture,
    write_picture,
)
from tests.examples import examples
from tests.needs import needs

SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SUFFIXES = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"]
TURNS = {
    1: lambda x: x,
    2: lambda x: x.flip(-1),
    3: lambda x: x.flip(-1, -2),
    4: lambda x: x.flip(-2),
    5: lambda x: x.transpose(-1, -2),
    6: lambda x: torch.rot90(x, -1, (-2, -1)),
    7: lambda x: x.transpose(-1, -2).flip(-1, -2),
    8: lambda x: torch.rot90(x, 1, (-2, -1)),
}


def shot_exif(orientation: int = 1, width: int = 5, height: int = 4) -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = orientation
    exif[0x0100] = 999
    exif.get_ifd(0x8769).update(
        {0x829A: 0.01, 0x8827: 400, 0xA002: width, 0xA003: height, 0x927C: b"note \x00\x01"}
    )
    exif.get_ifd(0x8769)[0xA005] = {1: "R98"}
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 1.5)})
    return exif.tobytes()


def parsed(exif: bytes | None) -> Image.Exif:
    assert exif is not None
    result = Image.Exif()
    result.load(exif)
    return result


def random_picture(height: int, width: int, metadata: Metadata, seed: int = 0) -> Picture:
    generator = torch.Generator().manual_seed(seed)
    channels = 1 if metadata.gray else 3
    pixels = torch.rand(channels, height, width, generator=generator)
    pixels[:, 0, 0] = 1
    return Picture(quantize(pixels, metadata.bit_depth).expand(3, -1, -1).clone(), metadata)


def assert_same(read: Picture, written: Picture) -> None:
    assert torch.equal(read.pixels, written.pixels)
    assert read.metadata.bit_depth == written.metadata.bit_depth
    assert read.metadata.gray == written.metadata.gray
    assert read.metadata.icc_profile == written.metadata.icc_profile
    if written.metadata.alpha is None:
        assert read.metadata.alpha is None
    else:
        assert read.metadata.alpha is not None
        assert torch.equal(read.metadata.alpha, written.metadata.alpha)


@examples(80)
@given(
    size=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    suffix=st.sampled_from([".png", ".tif", ".TIFF"]),
    bit_depth=st.sampled_from([8, 16]),
    gray=st.booleans(),
    with_alpha=st.booleans(),
    with_metadata=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_lossless_formats_round_trip_exactly(
    tmp_path_factory, size, suffix, bit_depth, gray, with_alpha, with_metadata, seed
) -> None:
    if gray and with_alpha and bit_depth == 16 and suffix != ".png":
        with_alpha = False
    generator = torch.Generator().manual_seed(seed)
    alpha = quantize(torch.rand(1, *size, generator=generator), bit_depth) if with_alpha else None
    metadata = Metadata(
        exif=shot_exif() if with_metadata else None,
        icc_profile=SRGB_PROFILE if with_metadata and not gray else None,
        bit_depth=bit_depth,
        alpha=alpha,
        gray=gray,
    )
    picture = random_picture(*size, metadata, seed)
    path = tmp_path_factory.getbasetemp() / f"round{suffix}"
    written = write_picture(picture, path)
    assert (written.path, written.notes) == (path, ())
    read = read_picture(path)
    assert_same(read, picture)
    if with_metadata:
        exif = parsed(read.metadata.exif)
        assert exif[0x010F] == "Maker"
        shot = exif.get_ifd(0x8769)
        assert (float(shot[0x829A]), shot[0x8827], shot[0x927C]) == (0.01, 400, b"note \x00\x01")
        assert (shot[0xA003], shot[0xA002]) == size
        assert exif.get_ifd(0xA005)[1].rstrip("\0") == "R98"
        assert tuple(map(float, exif.get_ifd(0x8825)[2])) == (48.0, 8.0, 1.5)


@pytest.mark.parametrize("suffix", [".webp", ".bmp"])
def test_lossless_8_bit_formats_round_trip_color(suffix: str, tmp_path: Path) -> None:
    picture = random_picture(9, 7, Metadata())
    assert write_picture(picture, tmp_path / f"a{suffix}").notes == ()
    assert_same(read_picture(tmp_path / f"a{suffix}"), picture)


def test_webp_keeps_color_under_transparency(tmp_path: Path) -> None:
    picture = random_picture(9, 7, Metadata(alpha=torch.zeros(1, 9, 7), icc_profile=SRGB_PROFILE))
    write_picture(picture, tmp_path / "a.webp")
    assert_same(read_picture(tmp_path / "a.webp"), picture)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("gray", [False, True])
def test_white_stays_white_and_gray_stays_gray(suffix: str, gray: bool, tmp_path: Path) -> None:
    levels = torch.linspace(0, 1, 16).repeat_interleave(8)[None, None].expand(3, 8, -1)
    picture = Picture(quantize(levels.contiguous()), Metadata(gray=gray))
    write_picture(picture, tmp_path / f"a{suffix}")
    read = read_picture(tmp_path / f"a{suffix}")
    red, green, blue = read.pixels
    assert torch.equal(red, green)
    assert torch.equal(green, blue)
    assert bool((red[:, -8:] == 1).all())
    assert read.metadata.gray == (gray and suffix != ".webp")
    # Quality 95 quantizes by a few levels.
    torch.testing.assert_close(read.pixels, picture.pixels, rtol=0, atol=2.5 / 255)


def test_jpeg_chroma_is_not_subsampled(tmp_path: Path) -> None:
    write_picture(random_picture(16, 16, Metadata()), tmp_path / "a.jpg")
    with Image.open(tmp_path / "a.jpg") as image:
        assert {layer[1:3] for layer in image.layer} == {(1, 1)}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", "16.png", "16.tif"])
def test_orientation_is_applied_once(suffix: str, orientation: int, tmp_path: Path) -> None:
    deep = suffix.startswith("16")
    stored = random_picture(24, 40, Metadata(bit_depth=16 if deep else 8))
    smooth = torch.nn.functional.avg_pool2d(stored.pixels, 5, 1, 2).clamp(0, 1)
    path = tmp_path / f"a{suffix}"
    write_picture(Picture(smooth, Metadata(bit_depth=16 if deep else 8, exif=shot_exif())), path)
    unturned = read_picture(path)
    # Orientation 1 is a short right after its tag, type and count, in the file's byte order.
    data = path.read_bytes()
    for order in ("little", "big"):
        head = b"".join(value.to_bytes(2, order) for value in (0x0112, 3))
        head += (1).to_bytes(4, order)
        data = data.replace(head + (1).to_bytes(2, order), head + orientation.to_bytes(2, order))
    data = with_png_checks(data) if suffix.endswith("png") else data
    path.write_bytes(data)
    turned = read_picture(path)
    assert torch.equal(turned.pixels, TURNS[orientation](unturned.pixels))
    exif = parsed(turned.metadata.exif)
    assert exif[0x0112] == 1
    shot = exif.get_ifd(0x8769)
    assert (shot[0xA002], shot[0xA003]) == (turned.width, turned.height)
    assert 0x0100 not in exif
    write_picture(turned, path)
    torch.testing.assert_close(read_picture(path).pixels, turned.pixels, rtol=0, atol=4 / 255)


def with_png_checks(data: bytes) -> bytes:
    import struct
    import zlib

    chunks, at = [data[:8]], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        body = data[at + 4 : at + 8 + length]
        chunks += [data[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + length
    return b"".join(chunks)


def test_exif_follows_the_size_of_an_enlarged_picture(tmp_path: Path) -> None:
    picture = random_picture(4, 5, Metadata(exif=shot_exif()))
    larger = picture.with_pixels(torch.rand(3, 8, 10))
    write_picture(larger, tmp_path / "a.jpg")
    shot = parsed(read_picture(tmp_path / "a.jpg").metadata.exif).get_ifd(0x8769)
    assert (shot[0xA002], shot[0xA003]) == (10, 8)


def test_damaged_exif_does_not_keep_the_picture_away(tmp_path: Path) -> None:
    Image.new("RGB", (5, 4)).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x09junk")
    assert read_picture(tmp_path / "a.jpg").width == 5


def test_icc_profile_is_kept_by_every_format_that_can(tmp_path: Path) -> None:
    picture = random_picture(8, 8, Metadata(icc_profile=SRGB_PROFILE))
    for suffix in (".png", ".jpg", ".webp", ".tif"):
        write_picture(picture, tmp_path / f"a{suffix}")
        assert read_picture(tmp_path / f"a{suffix}").metadata.icc_profile == SRGB_PROFILE


def test_what_a_format_cannot_hold_is_reported(tmp_path: Path) -> None:
    metadata = Metadata(shot_exif(), SRGB_PROFILE, 16, torch.ones(1, 8, 8))
    picture = random_picture(8, 8, metadata)
    notes = {
        suffix: " ".join(write_picture(picture, tmp_path / f"a{suffix}").notes)
        for suffix in SUFFIXES
    }
    assert notes[".png"] == notes[".tif"] == ""
    assert "16 bits" in notes[".webp"]
    assert "transparency" not in notes[".webp"]
    assert "16 bits" in notes[".jpg"]
    assert "transparency" in notes[".jpg"]
    for word in ("16 bits", "transparency", "EXIF", "profile"):
        assert word in notes[".bmp"]
    gray = random_picture(8, 8, Metadata(bit_depth=16, alpha=torch.ones(1, 8, 8), gray=True))
    (note,) = write_picture(gray, tmp_path / "a.tif").notes
    assert "gray" in note
    assert torch.equal(read_picture(tmp_path / "a.tif").pixels, gray.pixels)


def test_palettes_and_transparent_colors(tmp_path: Path) -> None:
    rgb = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3) * 5)
    palette = rgb.quantize(16)
    palette.save(tmp_path / "palette.png", transparency=int(np.asarray(palette)[1, 2]))
    read = read_picture(tmp_path / "palette.png")
    expected = torch.from_numpy(np.asarray(palette.convert("RGB")).copy()).permute(2, 0, 1) / 255
    assert torch.equal(read.pixels, expected)
    assert read.metadata.alpha is not None
    assert float(read.metadata.alpha[0, 1, 2]) == 0
    assert float(read.metadata.alpha.sum()) == 15
    rgb.convert("L").save(tmp_path / "gray.png", transparency=0)
    gray = read_picture(tmp_path / "gray.png").metadata
    assert gray.gray
    assert gray.alpha is not None
    Image.new("1", (4, 4), 1).save(tmp_path / "bit.png")
    assert bool((read_picture(tmp_path / "bit.png").pixels == 1).all())


@needs("examples")
def test_16_bit_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    import tifffile

    levels = np.arange(20, dtype=np.uint16).reshape(4, 5)
    tifffile.imwrite(tmp_path / "a.tif", levels, photometric="miniswhite")
    read = read_picture(tmp_path / "a.tif")
    assert np.array_equal(np.round(read.pixels[0].double().numpy() * 65535), 65535 - levels)


@needs("examples")
@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_written_here_is_read_by_another_reader(bits: int, tmp_path: Path) -> None:
    import tifffile

    picture = random_picture(300, 200, Metadata(bit_depth=bits, exif=shot_exif()))
    write_picture(picture, tmp_path / "a.tif")
    samples = tifffile.imread(tmp_path / "a.tif")
    top = (1 << bits) - 1
    assert np.array_equal(
        samples, np.round(picture.pixels.double().numpy() * top).transpose(1, 2, 0)
    )


def test_cmyk_needs_a_profile(tmp_path: Path) -> None:
    Image.new("CMYK", (5, 4)).save(tmp_path / "a.jpg")
    with pytest.raises(PictureError, match=r"a\.jpg: is CMYK without"):
        read_picture(tmp_path / "a.jpg")
    Image.new("CMYK", (5, 4)).save(tmp_path / "b.jpg", icc_profile=SRGB_PROFILE)
    with pytest.raises(PictureError, match=r"b\.jpg: its CMYK colors"):
        read_picture(tmp_path / "b.jpg")


def test_content_and_not_suffix_names_the_format(tmp_path: Path) -> None:
    picture = random_picture(8, 8, Metadata())
    write_picture(picture, tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert_same(read_picture(tmp_path / "a.jpg"), picture)


@examples(60)
@given(
    kind=st.sampled_from([".png", ".tif", ".jpg", "progressive.jpg", ".webp", ".bmp", "16.png"]),
    kept=st.floats(0.01, 0.98),
)
def test_truncation_is_found(tmp_path_factory, kind: str, kept: float) -> None:
    folder = tmp_path_factory.getbasetemp()
    whole, cut = folder / f"whole{kind}", folder / f"cut{kind}"
    if not whole.exists():
        picture = random_picture(60, 50, Metadata(bit_depth=16 if kind == "16.png" else 8))
        write_picture(picture, whole)
        if kind == "progressive.jpg":
            with Image.open(whole) as image:
                image.save(whole, progressive=True)
    data = whole.read_bytes()
    cut.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(PictureError) as caught:
        read_picture(cut)
    assert str(cut) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_picture_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture at all")
    for name, reason in [
        ("missing.png", "no such file"),
        ("empty.png", "is empty"),
        ("text.png", "is not a JPEG"),
        (".", "is a folder"),
    ]:
        with pytest.raises(PictureError, match=reason) as caught:
            read_picture(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    bomb = Image.new("1", (20_000, 10_000))
    bomb.save(tmp_path / "bomb.png")
    with pytest.raises(PictureError, match="million pixels"):
        read_picture(tmp_path / "bomb.png")


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_several_pictures_are_refused(suffix: str, tmp_path: Path) -> None:
    pages = [Image.new("RGB", (5, 4), color) for color in ("red", "blue")]
    pages[0].save(tmp_path / f"a{suffix}", save_all=True, append_images=pages[1:])
    with pytest.raises(PictureError, match="holds 2 pictures"):
        read_picture(tmp_path / f"a{suffix}")


def test_first_of_a_multi_picture_jpeg_is_read(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (8, 8), color) for color in ("white", "black")]
    pages[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=pages[1:])
    assert bool((read_picture(tmp_path / "a.jpg").pixels == 1).all())


def test_floating_tiff_is_refused(tmp_path: Path) -> None:
    Image.new("F", (5, 4)).save(tmp_path / "a.tif")
    with pytest.raises(PictureError, match="samples of 32 bits"):
        read_picture(tmp_path / "a.tif")


def test_frames_of_a_burst_have_one_size(tmp_path: Path) -> None:
    for name, size in (("a", (4, 5)), ("b", (4, 5)), ("c", (5, 4))):
        write_picture(random_picture(*size, Metadata()), tmp_path / f"{name}.png")
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    assert len(read_frames(paths[:2])) == 2
    with pytest.raises(PictureError, match=r"c\.png: is 4×5 px but .*a\.png is 5×4 px"):
        read_frames(paths)
    with pytest.raises(InputError, match="at least one frame"):
        read_frames([])


def test_places_that_cannot_be_written_are_refused_early(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path, reason in [
        (tmp_path / "a.gif", r"\.png, \.jpg"),
        (tmp_path / "a", r"\(none\)"),
        (tmp_path / "missing" / "a.png", "does not exist"),
        (tmp_path / "folder.png", "is a folder"),
        (tmp_path / ("a" * 300 + ".png"), "too long"),
    ]:
        for call in (
            check_output_path,
            lambda path: write_picture(Picture(torch.ones(3, 4, 4)), path),
        ):
            with pytest.raises(OutputError, match=reason):
                call(path)
    with pytest.raises(InputError, match="quality"):
        write_picture(Picture(torch.ones(3, 4, 4)), tmp_path / "a.jpg", quality=0)
    with pytest.raises(OutputError, match="16383 px of a WEBP"):
        write_picture(Picture(torch.ones(3, 1, 16_384)), tmp_path / "a.webp")


@pytest.mark.parametrize(
    ("failure", "raised"),
    [(OSError(errno.ENOSPC, "No space left on device"), OutputError), (KeyboardInterrupt(), None)],
)
def test_a_failed_write_leaves_the_old_file(failure, raised, tmp_path, monkeypatch) -> None:
    old = random_picture(8, 8, Metadata())
    write_picture(old, tmp_path / "a.png")

    def fail(path: Path, data: bytes) -> None:
        with io.FileIO(path, "w") as file:
            file.write(data[:10])
        raise failure

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(raised or KeyboardInterrupt):
        write_picture(random_picture(8, 8, Metadata(), seed=1), tmp_path / "a.png")
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert_same(read_picture(tmp_path / "a.png"), old)


def test_importing_imaging_is_light() -> None:
    import subprocess
    import sys

    code = (
        "import sys, edge_sdk.imaging\n"
        "print(sorted({'cv2', 'PIL', 'skimage', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

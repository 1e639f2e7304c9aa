"""What ``zoom`` keeps of its files: levels, orientation, profile, opacity, depth, the page."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageCms

from edge_sdk.burst import ZoomConfig, zoom_files
from edge_sdk.data.camera.simulation import CameraConfig, simulate_burst
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError
from edge_sdk.imaging import Metadata, Picture, Rectangle, read_picture, write_picture
from tests.builders.dng_files import write_dng
from tests.cli.command_line import Run
from tests.needs import needs

SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
HEIGHT, WIDTH = 40, 56


pytestmark = pytest.mark.usefixtures("one_thread")


def texture(shift: int, channels: int = 3) -> NDArray[np.uint8]:
    """A frame of a scene with detail, moved by whole pixels."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(40, 220, (HEIGHT // 4 + 4, WIDTH // 4 + 4, channels))
    scene = Image.fromarray(coarse.astype(np.uint8).squeeze())
    fine = np.asarray(scene.resize((WIDTH + 16, HEIGHT + 16), Image.Resampling.BICUBIC))
    return fine[shift : shift + HEIGHT, shift : shift + WIDTH].copy()


def save_frames(suffix: str, channels: int = 3, **options: object) -> list[str]:
    names = [f"{index}.{suffix}" for index in range(2)]
    for index, name in enumerate(names):
        Image.fromarray(texture(index, channels)).save(name, **options)
    return names


@pytest.mark.parametrize(
    ("suffix", "mode", "frames"),
    [
        ("png", "RGB", 1),
        ("png", "RGB", 2),
        ("png", "L", 2),
        ("jpg", "RGB", 2),
        ("jpg", "L", 2),
        ("webp", "RGB", 2),
        ("tif", "RGB", 2),
        ("tif", "L", 2),
        ("bmp", "RGB", 2),
    ],
)
def test_white_stays_white(run: Run, suffix: str, mode: str, frames: int) -> None:
    names = [f"{index}.png" for index in range(frames)]
    for name in names:
        Image.new(mode, (WIDTH, HEIGHT), "white").save(name)
    assert run("zoom", *names, "-o", f"z.{suffix}").status == 0
    written = np.asarray(Image.open(f"z.{suffix}").convert("RGB"))
    assert written.shape == (2 * HEIGHT, 2 * WIDTH, 3)
    assert written.min() == 255


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_a_gray_file_stays_a_gray_file(run: Run, suffix: str) -> None:
    names = save_frames("png", channels=1)
    assert run("zoom", *names, "-o", f"z.{suffix}").status == 0
    written = Image.open(f"z.{suffix}")
    assert written.mode == "L"
    assert written.size == (2 * WIDTH, 2 * HEIGHT)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "bmp"])
def test_gray_in_color_files_gains_no_color(run: Run, suffix: str) -> None:
    names = [f"{index}.png" for index in range(2)]
    for index, name in enumerate(names):
        Image.fromarray(texture(index, 1)).convert("RGB").save(name)
    assert run("zoom", *names, "-o", f"z.{suffix}").status == 0
    levels = np.asarray(Image.open(f"z.{suffix}").convert("RGB")).astype(int)
    # A level is what rounding alone may part.
    assert int((levels.max(-1) - levels.min(-1)).max()) <= 1


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_the_profile_is_kept(run: Run, suffix: str) -> None:
    names = save_frames(suffix, icc_profile=SRGB_PROFILE)
    assert run("zoom", *names, "-o", f"z.{suffix}").status == 0
    assert Image.open(f"z.{suffix}").info["icc_profile"] == SRGB_PROFILE


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_alpha_is_enlarged_with_the_picture(run: Run, suffix: str) -> None:
    opacity = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
    opacity[:, WIDTH // 2 :] = 255
    names = [f"{index}.png" for index in range(2)]
    for index, name in enumerate(names):
        Image.fromarray(np.concatenate((texture(index), opacity), -1)).save(name)
    assert run("zoom", *names, "-o", f"z.{suffix}").status == 0
    alpha = np.asarray(Image.open(f"z.{suffix}").getchannel("A"))
    assert alpha.shape == (2 * HEIGHT, 2 * WIDTH)
    assert (alpha[:, : WIDTH - 4] == 0).all()
    assert (alpha[:, WIDTH + 4 :] == 255).all()
    outcome = run("zoom", *names, "-o", "z.jpg")
    assert "note: transparency was left out" in outcome.err


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_come_out_as_sixteen(run: Run, suffix: str) -> None:
    for index in range(2):
        fine = texture(index).astype(np.float32) / 255 * 0.1 + 0.4
        pixels = torch.from_numpy(fine).permute(2, 0, 1).contiguous()
        write_picture(Picture(pixels, Metadata(bit_depth=16)), Path(f"{index}.{suffix}"))
    assert run("zoom", f"0.{suffix}", f"1.{suffix}", "-o", f"z.{suffix}").status == 0
    written = read_picture(Path(f"z.{suffix}"))
    assert written.metadata.bit_depth == 16
    # A tenth of the range has 26 levels of 8 bits.
    assert len(torch.unique(written.pixels)) > 500


@pytest.mark.parametrize(
    ("orientation", "suffix"), [(3, "png"), (6, "png"), (8, "png"), (6, "jpg"), (6, "tif")]
)
def test_orientation_is_applied_and_reset(run: Run, orientation: int, suffix: str) -> None:
    turned = {3: Image.ROTATE_180, 6: Image.ROTATE_270, 8: Image.ROTATE_90}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    names = save_frames("png", exif=exif)
    for name in names:
        Image.open(name).transpose(turned).save(f"up{name}")
    assert run("zoom", *names, "-o", f"z.{suffix}").status == 0
    assert run("zoom", *(f"up{name}" for name in names), "-o", f"up.{suffix}").status == 0
    written, upright = Image.open(f"z.{suffix}"), Image.open(f"up.{suffix}")
    assert written.getexif()[0x0112] == 1
    assert np.array_equal(np.asarray(written), np.asarray(upright))
    expected = (2 * WIDTH, 2 * HEIGHT)
    assert written.size == (expected if orientation == 3 else expected[::-1])


@needs("raw")
def test_a_raw_burst_becomes_a_sixteen_bit_picture(run: Run) -> None:
    names = [f"{index}.dng" for index in range(2)]
    for index, name in enumerate(names):
        write_dng(Path(name), texture(index) / 255 * 0.5)
    assert run("zoom", *names, "-o", "z.tif").status == 0
    written = read_picture(Path("z.tif"))
    assert written.metadata.bit_depth == 16
    assert (written.height, written.width) == (2 * HEIGHT, 2 * WIDTH)
    single = read_picture(Path("0.dng")).pixels.mean((1, 2))
    torch.testing.assert_close(written.pixels.mean((1, 2)), single, rtol=0, atol=0.02)
    assert "names no format that is written" in run("zoom", *names, "-o", "z.dng").error_line


class TestReport:
    def test_the_page_is_written_and_named(self, run: Run, burst_folder: Path) -> None:
        names = sorted(burst_folder.glob("[0-9].png"))
        outcome = run("zoom", *names, "-o", "z.png", "--report", "r.html")
        assert outcome.status == 0
        assert "wrote r.html" in outcome.out
        text = Path("r.html").read_text()
        root = ElementTree.fromstring(text.partition("\n")[2])
        shown = " ".join("".join(root.itertext()).split())
        for name in names:
            assert name.name in shown
        assert "z.png, zoomed" in shown
        assert str(burst_folder) not in text
        report = json.loads(run("zoom", *names, "-o", "z.png", "--report", "r.html", "--json").out)
        assert report["report"] == "r.html"

    def test_what_the_file_could_not_hold_stands_on_the_page(self, run: Run) -> None:
        names = save_frames("png", icc_profile=SRGB_PROFILE)
        assert run("zoom", *names, "-o", "z.bmp", "--report", "r.html").status == 0
        assert "the color profile was left out" in Path("r.html").read_text()

    def test_a_mixed_result_is_said_to_be_mixed(self, run: Run) -> None:
        names = save_frames("png")
        options = ("--strength", 0.25, "--report", "r.html")
        assert run("zoom", *names, "-o", "z.png", *options).status == 0
        assert "the result is mixed: 25% of it" in Path("r.html").read_text()

    @pytest.mark.parametrize("kind", ["frame", "output", "linked frame", "linked output"])
    def test_the_page_is_not_written_over_a_picture(self, run: Run, kind: str) -> None:
        names = save_frames("png")
        before = Path("0.png").read_bytes()
        report = {"frame": "0.png", "output": "./z.png"}.get(kind, "link")
        if kind.startswith("linked"):
            Path("z.png").write_bytes(b"old")
            Path("link").symlink_to("0.png" if kind == "linked frame" else "z.png")
        line = run("zoom", *names, "-o", "z.png", "--report", report).error_line
        assert "give another name with --report" in line
        assert Path("0.png").read_bytes() == before
        assert not Path("z.png").exists() or Path("z.png").read_bytes() == b"old"

    @pytest.mark.parametrize("report", ["no/such/r.html", "."])
    def test_a_place_that_cannot_be_written_is_found_first(self, run: Run, report: str) -> None:
        names = save_frames("png")
        assert report in run("zoom", *names, "-o", "z.png", "--report", report).error_line
        assert sorted(path.name for path in Path().iterdir()) == names


class TestFromPython:
    """``zoom_files`` writes what the command writes, byte for byte."""

    @pytest.mark.parametrize(
        ("options", "config", "model"),
        [
            ((), ZoomConfig(), None),
            (("--scale", 3), ZoomConfig(scale=3), None),
            # The network enlarges by 2; the rest is interpolated.
            (("--scale", 3, "--model", "burst_zoom_x2"), ZoomConfig(scale=3), "burst_zoom_x2"),
            (
                ("--crop", "4,2,40,36", "--reference", 1, "--noise", 3),
                ZoomConfig(
                    crop=Rectangle(left=4, top=2, width=40, height=36),
                    reference=1,
                    noise_std=3 / 255,
                ),
                None,
            ),
            (
                ("--lens", 0.7),
                ZoomConfig(lens_std_px=0.7),
                None,
            ),
        ],
    )
    def test_with_settings(
        self, run: Run, options: tuple[object, ...], config: ZoomConfig, model: str | None
    ) -> None:
        names = save_frames("png")
        assert run("zoom", *names, "-o", "command.png", *options).status == 0
        made = zoom_files(names, "python.png", config, model=model)
        assert Path("python.png").read_bytes() == Path("command.png").read_bytes()
        assert made.written.path == Path("python.png")

    @pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp", "bmp"])
    @pytest.mark.parametrize("kind", ["gray of 16 bits", "color with a profile"])
    def test_with_what_the_files_hold(self, run: Run, kind: str, suffix: str) -> None:
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = 6, "maker"
        names = [f"{index}.tif" for index in range(2)]
        for index, name in enumerate(names):
            if kind == "gray of 16 bits":
                levels = texture(index, channels=1).astype(np.uint16) * 257
                Image.fromarray(levels).save(name, exif=exif)
            else:
                Image.fromarray(texture(index)).save(name, icc_profile=SRGB_PROFILE, exif=exif)
        outcome = run("zoom", *names, "-o", f"command.{suffix}", "--json")
        assert outcome.status == 0, outcome.err
        made = zoom_files(names, f"python.{suffix}")
        assert Path(f"python.{suffix}").read_bytes() == Path(f"command.{suffix}").read_bytes()
        assert [*made.notes, *made.written.notes] == json.loads(outcome.out)["notes"]
        assert (made.reference.width, made.reference.height) == (HEIGHT, WIDTH)

    def test_the_picture_is_not_written_over_a_frame(self, tmp_path: Path) -> None:
        frame = tmp_path / "a.png"
        Image.new("RGB", (WIDTH, HEIGHT)).save(frame)
        before = frame.read_bytes()
        (tmp_path / "link.png").symlink_to(frame)
        with pytest.raises(InputError, match="is the frame"):
            zoom_files([frame], tmp_path / "link.png")
        assert frame.read_bytes() == before


def test_one_file_is_not_taken_for_a_list_of_letters() -> None:
    with pytest.raises(InputError, match=r"frames is a list of files, not one; give \['a\.png'\]"):
        zoom_files("a.png", "z.png")


def test_a_folder_is_its_pictures_in_the_order_of_their_numbers(run: Run) -> None:
    Path("night").mkdir()
    photo = example_photo("coffee")[:, 100:180, 150:250]
    for number in (9, 10, 101):
        write_picture(Picture(photo), f"night/IMG_{number}.png")
    Path("night/notes.txt").write_text("tripod")
    Path("night/deeper").mkdir()
    for _ in range(2):
        # The second time the result lies in the folder already, and is no frame.
        outcome = run("zoom", "night", "-o", "night/zoomed.png", "--json", "--model", "none")
        assert outcome.status == 0, outcome.err
        report = json.loads(outcome.out)
        names = [Path(frame["path"]).name for frame in report["frames"]]
        assert names == ["IMG_9.png", "IMG_10.png", "IMG_101.png"]
        passed_over, among, few = report["notes"]
        assert among.startswith("night/zoomed.png lies in the folder of its frames")
        assert passed_over == "night/notes.txt is no picture and is passed over"
        assert few.startswith("only 1.0 of 3 frames were effective: 2 frames are left out (all: ")
    page = run("zoom", "night", "-o", "z.png", "--report", "night/IMG_9.png", "--model", "none")
    assert "is the frame" in page.error_line


def test_light_and_hot_pixels_are_told(run: Run) -> None:
    scene = example_photo("coffee")[:, 100:300, 150:400]
    frames = simulate_burst(scene, CameraConfig(frames=6, noise_std=3 / 255)).frames
    frames[2] = ((frames[2] + 0.055) * 0.9 - 0.055).clamp(0, 1)
    dark = frames[0, :, 10:-10, 10:-10].sum(0).flatten().argmin().item()
    row, column = divmod(dark, frames.shape[-1] - 20)
    frames[:, 0, row + 10, column + 10] = 1.0
    names = [f"{index}.png" for index in range(6)]
    for name, frame in zip(names, frames, strict=True):
        write_picture(Picture(frame), name)
    outcome = run("zoom", *names, "-o", "z.png", "--reference", "0", "--model", "none")
    assert (
        "note: in 1 frame the light differs from the reference's, -0.37 stops; that" in outcome.err
    )
    assert "note: 1 hot pixel of the sensor mended in all frames" in outcome.err
    made = run("zoom", *names, "-o", "z.png", "--reference", "0", "--model", "none", "--json")
    report = json.loads(made.out)
    assert report["hot_pixels"] == 1
    assert [frame["light"] is None for frame in report["frames"]] == [
        index != 2 for index in range(6)
    ]
    assert report["frames"][2]["light"]["colors"] == pytest.approx([0.9] * 3, rel=0.01)
    assert report["frames"][2]["light"]["bands"] == []

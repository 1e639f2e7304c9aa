from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from edge_sdk.imaging import Metadata, Picture, read_picture, write_picture
from tests.cli.command_line import Run


def frames(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9].png"))


def test_zoom_doubles_the_size_and_reports_every_frame(run: Run, burst_folder: Path) -> None:
    outcome = run("zoom", *frames(burst_folder), "-o", "zoomed.png")
    assert outcome.status == 0
    for index in range(4):
        assert f"{index}.png" in outcome.out
    assert ", the sharpest" in outcome.out
    small = read_picture(burst_folder / "0.png")
    large = read_picture(Path("zoomed.png"))
    assert (large.height, large.width) == (2 * small.height, 2 * small.width)


def test_json_names_the_reference_and_the_motion_of_every_frame(
    run: Run, burst_folder: Path
) -> None:
    outcome = run("zoom", *frames(burst_folder), "-o", "z.png", "--reference", 2, "--json")
    report = json.loads(outcome.out)
    assert report["reference"] == 2
    assert report["reference_forced"] is True
    assert report["frames"][2]["motion"] is None
    assert {"shift_x_px", "shift_y_px", "angle_deg"} <= set(report["frames"][0]["motion"])
    assert report["output"] == "z.png"


def test_exif_and_icc_profile_of_the_reference_are_kept(run: Run, burst_folder: Path) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    paths = []
    for path in frames(burst_folder):
        image = Image.open(path)
        exif = Image.Exif()
        exif[271] = f"maker of {path.stem}"
        paths.append(Path(path.name).with_suffix(".jpg"))
        image.save(paths[-1], quality=97, subsampling=0, exif=exif, icc_profile=profile)
    assert run("zoom", *paths, "-o", "z.jpg", "--reference", 1).status == 0
    written = Image.open("z.jpg")
    assert written.getexif()[271] == "maker of 1"
    assert written.info["icc_profile"] == profile


def test_one_frame_becomes_single_image_zoom_with_a_note(run: Run, burst_folder: Path) -> None:
    outcome = run("zoom", burst_folder / "0.png", "-o", "one.png")
    assert outcome.status == 0
    assert "single-image zoom" in outcome.err
    assert read_picture(Path("one.png")).width == 2 * read_picture(burst_folder / "0.png").width


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "webp", "tif"])
def test_every_format_goes_in_and_out(run: Run, burst_folder: Path, suffix: str) -> None:
    paths = []
    for path in frames(burst_folder)[:2]:
        paths.append(Path(path.name).with_suffix(f".{suffix}"))
        Image.open(path).save(paths[-1])
    assert run("zoom", *paths, "-o", f"z.{suffix}").status == 0
    assert Path(f"z.{suffix}").is_file()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_stay_sixteen(run: Run, burst_folder: Path, suffix: str) -> None:
    for index in range(2):
        picture = read_picture(burst_folder / f"{index}.png")
        deep = Picture(picture.pixels, Metadata(bit_depth=16))
        write_picture(deep, Path(f"{index}.{suffix}"))
    names = [f"{index}.{suffix}" for index in range(2)]
    assert run("zoom", *names, "-o", f"z.{suffix}").status == 0
    written = read_picture(Path(f"z.{suffix}"))
    assert written.metadata.bit_depth == 16
    levels = written.pixels * 255
    assert float((levels - levels.round()).abs().max()) > 0.3
    mixed = run("zoom", names[0], burst_folder / "1.png", "--reference", 1, "-o", f"m.{suffix}")
    assert mixed.status == 0
    assert read_picture(Path(f"m.{suffix}")).metadata.bit_depth == 16
    assert "16 bits" in run("zoom", *names, "-o", "z.jpg").err


def test_strength_is_reported(run: Run, burst_folder: Path) -> None:
    options = ("-o", "z.png", "--model", "none", "--strength", "0.25")
    assert (
        "no network: 25% of that, the rest bicubic"
        in run("zoom", *frames(burst_folder), *options).out
    )
    report = json.loads(run("zoom", *frames(burst_folder), *options, "--json").out)
    assert report["strength"] == 0.25


def test_every_frame_has_a_quality_that_decides_nothing(run: Run, burst_folder: Path) -> None:
    names = frames(burst_folder)[:3]
    for path in names[:2]:
        write_picture(read_picture(path), Path(path.name))
    noisy = read_picture(names[2])
    noise = torch.randn(noisy.pixels.shape, generator=torch.Generator().manual_seed(0))
    write_picture(noisy.with_pixels((noisy.pixels + 0.06 * noise).clamp(0, 1)), Path("noisy.png"))
    given = [path.name for path in names[:2]] + ["noisy.png"]
    outcome = run("zoom", *given, "-o", "z.png", "--model", "none", "--report", "z.html", "--json")
    first, second, worse = (frame["quality"] for frame in json.loads(outcome.out)["frames"])
    assert worse < min(first, second)
    assert json.loads(outcome.out)["frames"][2]["left_out_because"] is None
    assert ">quality<" in Path("z.html").read_text(encoding="utf-8")
    assert "quality" in run("zoom", *given, "-o", "z.png", "--model", "none").out


def test_frames_smaller_than_a_cut_have_no_quality(run: Run) -> None:
    write_picture(Picture(torch.rand(3, 60, 70)), Path("small.png"))
    outcome = run("zoom", "small.png", "-o", "z.png", "--model", "none", "--json")
    assert json.loads(outcome.out)["frames"][0]["quality"] is None


def test_the_help_says_which_scales_there_are(run: Run) -> None:
    assert "1 (denoise only) to 4" in " ".join(run("zoom", "--help").out.split())


class TestBadInput:
    @pytest.mark.parametrize("kind", ["name", "dots", "symlink", "hard link", "linked frame"])
    def test_output_over_a_frame(self, run: Run, burst_folder: Path, kind: str) -> None:
        frame, output = Path("f0.png"), Path("f0.png")
        frame.write_bytes((burst_folder / "0.png").read_bytes())
        given = frame
        if kind == "dots":
            Path("d").mkdir()
            output = Path("d/../f0.png")
        elif kind == "symlink":
            output = Path("link.png")
            output.symlink_to(frame)
        elif kind == "hard link":
            output = Path("link.png")
            output.hardlink_to(frame)
        elif kind == "linked frame":
            given = Path("link.png")
            given.symlink_to(frame)
        outcome = run("zoom", given, burst_folder / "1.png", "-o", output)
        assert "is the frame" in outcome.error_line
        assert outcome.status == 2
        assert frame.read_bytes() == (burst_folder / "0.png").read_bytes()

    def test_missing_file(self, run: Run) -> None:
        assert "nowhere.png" in run("zoom", "nowhere.png").error_line

    def test_frames_of_different_sizes(self, run: Run, burst_folder: Path) -> None:
        Image.open(burst_folder / "1.png").crop((0, 0, 64, 64)).save("other.png")
        line = run("zoom", burst_folder / "0.png", "other.png").error_line
        assert "other.png" in line
        assert "64×64" in line

    def test_truncated_file(self, run: Run, burst_folder: Path) -> None:
        data = (burst_folder / "0.png").read_bytes()
        Path("cut.png").write_bytes(data[: len(data) // 2])
        assert "cut.png" in run("zoom", "cut.png").error_line
        assert not Path("zoom.png").exists()

    def test_not_a_picture(self, run: Run) -> None:
        Path("notes.jpg").write_text("not a picture")
        assert "notes.jpg" in run("zoom", "notes.jpg").error_line

    def test_too_small(self, run: Run) -> None:
        Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save("tiny.png")
        assert "20×20" in run("zoom", "tiny.png").error_line

    def test_unwritable_output(self, run: Run, burst_folder: Path) -> None:
        line = run("zoom", burst_folder / "0.png", "-o", "no/such/folder/z.png").error_line
        assert "no/such/folder" in line

    def test_unknown_suffix(self, run: Run, burst_folder: Path) -> None:
        assert ".gif" in run("zoom", burst_folder / "0.png", "-o", "z.gif").error_line

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            (("--scale", 5), "scale 5"),
            (("--scale", 0), "scale 0"),
            (("--scale", 3, "--model", "sr_x2_y"), "a luma (y) model of ×2 at scale 2"),
            (("--scale", 4, "--model", "sr_x4_y"), "a luma (y) model of ×2 at scale 2"),
            (("--model", "sr_x2_rgb"), "a luma (y) model of ×2 at scale 2"),
            (("--scale", 1, "--model", "denoise_rgb"), "a luma (y) model of ×2 at scale 2"),
            (("--crop", "1,2,3"), "X,Y,WIDTH,HEIGHT"),
            (("--crop", "90000,0,64,64"), "does not lie"),
            (("--reference", 9), "reference 9"),
            (("--reference", -1), "reference -1"),
            (("--noise", -2), "noise"),
            (("--noise", "nan"), "noise"),
            (("--noise", ""), "noise must be 0 to 255 levels, or a .json file, not ''"),
            (("--noise", "1,5"), "noise must be 0 to 255 levels, or a .json file, not '1,5'"),
            (("--noise", "x" * 300), "noise must be 0 to 255 levels, or a .json file, not 'xxx"),
            (("--noise", "x.json"), "x.json: no such file"),
            (("--strength", "1.5"), "strength must be 0 (bicubic) to 1 (the full result), not 1.5"),
            (("--strength", "nan"), "strength must be 0"),
            (("--model", "nothing"), "nothing"),
            (("--model", "photo.png"), "photo.png"),
            (("--frobnicate",), "frobnicate"),
        ],
    )
    def test_bad_options(
        self, run: Run, burst_folder: Path, options: tuple[object, ...], word: str
    ) -> None:
        assert word in run("zoom", burst_folder / "0.png", *options).error_line
        assert not Path("zoom.png").exists()


def test_unknown_command(run: Run) -> None:
    assert "frobnicate" in run("frobnicate").error_line


@pytest.mark.parametrize(
    "command",
    [
        "zoom",
        "simulate",
        "demo",
        "models",
        "train",
        "fuse",
        "convert",
        "verify",
        "bench",
        "evaluate",
    ],
)
def test_help_teaches(run: Run, command: str) -> None:
    outcome = run(command, "--help")
    assert outcome.status == 0
    assert "--json" in outcome.out

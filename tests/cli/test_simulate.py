from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_sdk.imaging import read_picture
from tests.cli.command_line import Run


def test_simulate_writes_frames_truth_and_motion(run: Run, burst_folder: Path) -> None:
    outcome = run("simulate", burst_folder / "photo.png", "-o", "made", "--frames", 3)
    assert outcome.status == 0
    assert [path.name for path in sorted(Path("made/frames").iterdir())] == [
        "00.png",
        "01.png",
        "02.png",
    ]
    frame, truth = read_picture("made/frames/01.png"), read_picture("made/truth/01.png")
    assert (truth.height, truth.width) == (2 * frame.height, 2 * frame.width)
    record = json.loads(Path("made/burst.json").read_text())
    assert len(record["motions"]) == 3
    assert record["motions"][0] == {"shift_x_px": 0.0, "shift_y_px": 0.0, "angle_deg": 0.0}
    assert record["camera"]["noise_std"] == pytest.approx(8 / 255)


def test_the_same_seed_makes_the_same_files(run: Run, burst_folder: Path) -> None:
    for folder in ("a", "b"):
        run("simulate", burst_folder / "photo.png", "-o", folder, "--frames", 2, "--seed", 5)
    assert Path("a/frames/01.png").read_bytes() == Path("b/frames/01.png").read_bytes()


def test_all_options_arrive(run: Run, burst_folder: Path) -> None:
    options = {
        "frames": 3,
        "path": "walk",
        "readout": 0.5,
        "lens": 0.4,
        "analog-gain": 8,
        "digital-gain": 1.5,
        "white-balance": "2,1.6",
        "jpeg": 90,
        "parallax": 1.5,
        "parallax-share": 0.2,
        "object": 0.04,
        "object-moved": 0.6,
        "object-shift": 3,
    }
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    outcome = run("simulate", burst_folder / "photo.png", "-o", "made", "--bayer", "--json", *given)
    assert outcome.status == 0
    record = json.loads(Path("made/burst.json").read_text())
    camera = record["camera"]
    assert camera == json.loads(outcome.out)["camera"]
    assert camera["near"] == {"factor": 1.5, "share": 0.2, "edge_px": 2.0}
    assert camera["moving_object"] == {
        "share": 0.04,
        "moved_share": 0.6,
        "shift_px": 3.0,
        "edge_px": 1.0,
    }
    assert (camera["sensor"]["analog_gain"], camera["sensor"]["digital_gain"]) == (8.0, 1.5)
    assert (camera["path"], camera["readout"], camera["lens_std_px"]) == ("walk", 0.5, 0.4)
    assert (camera["bayer"], camera["white_balance"], camera["jpeg_quality"]) == (
        True,
        [2.0, 1.6],
        90,
    )
    assert Path("made/moving/02.png").is_file()


def test_a_photograph_of_16_bits_is_noted(run: Run, burst_folder: Path) -> None:
    deep = (np.arange(120 * 140 * 3).reshape(120, 140, 3) % 65536).astype(np.uint16)
    cv2.imwrite("deep.png", deep)
    outcome = run("simulate", "deep.png", "--frames", 1)
    assert outcome.status == 0
    assert "note: the photograph has 16 bits" in outcome.err
    assert "note" not in run("simulate", burst_folder / "photo.png", "--frames", 1).err


def test_demo_writes_both_pictures_and_the_figures(run: Run, burst_folder: Path) -> None:
    outcome = run("demo", "--photo", burst_folder / "photo.png", "--frames", 4, "--json")
    assert outcome.status == 0
    report = json.loads(outcome.out)
    assert set(report["figures"]) == {
        "bicubic of the reference",
        "average, true motion",
        "edge-sdk",
        "truth",
    }
    assert Path("out/zoom.png").is_file()
    assert read_picture("out/comparison.png").width > 4 * read_picture("out/zoom.png").width


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "no photograph"),
        (("nowhere.jpg",), "nowhere.jpg"),
        (("PHOTO", "--frames", 0), "frames"),
        (("PHOTO", "--scale", 0), "scale"),
        (("PHOTO", "--noise", -1), "noise"),
        (("PHOTO", "--shift", 300), "too small"),
        (("PHOTO", "--shift", "nan"), "shift"),
        (("PHOTO", "-o", "file"), "is a file"),
        (("PHOTO", "--path", "jump"), "no path 'jump'"),
        (("PHOTO", "--readout", 0.5), "choose path 'walk'"),
        (("PHOTO", "--path", "walk", "--readout", 2), "readout"),
        (("PHOTO", "--lens", -1), "lens"),
        (("PHOTO", "--noise", 4, "--analog-gain", 8), "exclude each other"),
        (("PHOTO", "--analog-gain", 0), "analog gain"),
        (("PHOTO", "--digital-gain", "nan"), "digital gain"),
        (("PHOTO", "--white-balance", "2"), "such as 2,1.6"),
        (("PHOTO", "--white-balance", "nan,1"), "such as 2,1.6"),
        (("PHOTO", "--white-balance", "0.5,1"), "white balance must be"),
        (("PHOTO", "--jpeg", 0), "JPEG quality"),
        (("PHOTO", "--parallax", 9), "factor"),
        (("PHOTO", "--parallax-share", 0.3), "needs --parallax"),
        (("PHOTO", "--object", 0.5), "object must cover"),
        (("PHOTO", "--object", 0.05, "--object-shift", 90), "does not stay inside"),
        (("PHOTO", "--object-moved", 0.5), "need --object"),
    ],
)
def test_bad_input(run: Run, burst_folder: Path, arguments: tuple[object, ...], word: str) -> None:
    Path("file").write_text("in the way")
    full = [burst_folder / "photo.png" if part == "PHOTO" else part for part in arguments]
    assert word in run("simulate", *full).error_line
    assert not Path("burst").exists()


def test_demo_of_an_unknown_photo(run: Run) -> None:
    assert "teapot" in run("demo", "--photo", "teapot").error_line

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Run

from edge_sdk.imaging import read_picture


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
    ],
)
def test_bad_input(run: Run, burst_folder: Path, arguments: tuple[object, ...], word: str) -> None:
    Path("file").write_text("in the way")
    full = [burst_folder / "photo.png" if part == "PHOTO" else part for part in arguments]
    assert word in run("simulate", *full).error_line
    assert not Path("burst").exists()


def test_demo_of_an_unknown_photo(run: Run) -> None:
    assert "teapot" in run("demo", "--photo", "teapot").error_line

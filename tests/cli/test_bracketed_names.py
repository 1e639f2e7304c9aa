"""Names of files with the signs of patterns and of markup: taken, and printed, as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.imaging import Picture, write_picture
from tests.cli.command_line import Run

pytestmark = pytest.mark.usefixtures("one_thread")

NAMES = ("img[b].png", "x[bold].png", "what*.png", "who?.png", ":star:.png", "[0-9].png")


def write_frame(name: str, left: int = 0) -> None:
    scene = example_photo("coffee")[:, 100:148, 150 + left : 214 + left]
    write_picture(Picture(scene.contiguous()), name)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_taken_literally_beside_those_its_pattern_matches(run: Run, name: str) -> None:
    for left, each in enumerate(("imgb.png", "xb.png", "whatever.png", "whom.png", "7.png", name)):
        write_frame(each, left)
    outcome = run("zoom", name, "-o", f"z{name}", "--model", "none")
    assert outcome.status == 0, outcome.err
    assert f"reference: {name}, the sharpest" in outcome.out
    assert f"0  {name}" in outcome.out
    assert f"wrote z{name} " in outcome.out
    assert Path(f"z{name}").is_file()


def test_a_name_that_is_a_pattern_alone_is_not_expanded(run: Run) -> None:
    write_frame("imgb.png")
    assert "img[b].png: no such file" in run("zoom", "img[b].png").error_line


def test_a_folder_and_what_is_in_it_are_taken_literally(run: Run) -> None:
    Path("n[a]").mkdir()
    Path("na").mkdir()
    write_frame("na/other.png")
    for left, name in enumerate(NAMES):
        write_frame(f"n[a]/{name}", left)
    Path("n[a]/notes[1].txt").write_text("tripod")
    outcome = run("zoom", "n[a]", "-o", "n[a]/z[bold].png", "--model", "none")
    assert outcome.status == 0, outcome.err
    assert "note: n[a]/notes[1].txt is no picture and is passed over" in outcome.err
    assert "wrote n[a]/z[bold].png " in outcome.out
    made = run("zoom", "n[a]", "-o", "n[a]/z[bold].png", "--model", "none", "--json")
    frames = [Path(frame["path"]).name for frame in json.loads(made.out)["frames"]]
    assert sorted(frames) == sorted(NAMES)


def test_enhance_takes_and_names_them_literally(run: Run) -> None:
    Path("n[a]").mkdir()
    for name in ("img[b].png", "x[bold].png"):
        write_frame(f"n[a]/{name}")
    outcome = run("enhance", "n[a]", "-o", "out[1]", "--model", "denoise_rgb")
    assert outcome.status == 0, outcome.err
    for name in ("img[b].png", "x[bold].png"):
        assert f"wrote out[1]/{name} " in outcome.out

"""Command ``bursts``: what it prints can be pasted, and what it makes can be zoomed."""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
from pathlib import Path

import pytest

from tests.builders.camera_folders import frame, shoot
from tests.cli.command_line import Run

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """Two bursts, a single picture, and what else lies in a camera's folder."""
    folder = tmp_path / "my DCIM"
    folder.mkdir()
    for index in range(5):
        shoot(folder / f"IMG[{index}].jpg", index // 3, "12:00:00", f"{index}", left=index)
    shoot(folder / "alone.jpg", 5, "13:00:00")
    (folder / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(400))
    (folder / "cut.jpg").write_bytes((folder / "alone.jpg").read_bytes()[:-2000])
    (folder / "deeper").mkdir()
    return folder


def test_bursts_are_listed_with_commands_that_run(run: Run, camera: Path) -> None:
    outcome = run("bursts", "my DCIM")
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[0] == (
        "burst_01: 3 frames of 160×120 px, Maker Phone 7, 2024-01-01 12:00:00.00, over 0.2 s "
        "(by EXIF DateTimeOriginal)"
    )
    assert "1 picture alone: alone.jpg" in lines
    commands = [line for line in lines if line.startswith("edge-sdk zoom ")]
    assert len(commands) == 2
    for number, command in enumerate(commands, 1):
        made = run(*shlex.split(command)[1:], "--model", "none", "--json")
        assert made.status == 0, made.err
        assert len(json.loads(made.out)["frames"]) == (3, 2)[number - 1]
        assert Path(f"burst_0{number}.png").is_file()
    notes = outcome.err.splitlines()
    assert len(notes) == 3
    assert notes[0].startswith("note: skipped: cut.jpg: is truncated, damaged")
    assert notes[1] == "note: skipped, being no pictures: film.mp4"
    assert notes[2] == "note: folders that were not entered: deeper"


def test_json_says_the_same_and_all(run: Run, camera: Path) -> None:
    report = json.loads(run("bursts", "my DCIM", "--json").out)
    assert [burst["name"] for burst in report["bursts"]] == ["burst_01", "burst_02"]
    first = report["bursts"][0]
    assert first["frames"] == [f"my DCIM/IMG[{index}].jpg" for index in range(3)]
    assert (first["width"], first["height"], first["camera"]) == (160, 120, "Maker Phone 7")
    assert (first["time_from"], first["seconds"]) == ("EXIF DateTimeOriginal", 0.2)
    assert first["folder"] is None
    assert shlex.split(first["command"])[:3] == ["edge-sdk", "zoom", "my DCIM/IMG[0].jpg"]
    assert report["singles"] == ["my DCIM/alone.jpg"]
    assert report["not_pictures"] == ["my DCIM/film.mp4"]
    assert [each["path"] for each in report["skipped"]] == ["my DCIM/cut.jpg"]
    assert report["folders_not_entered"] == ["my DCIM/deeper"]
    assert report["times_of_files"] == 0


@pytest.mark.parametrize(
    ("option", "kind"), [("--copy-to", "copies of"), ("--link-to", "links to")]
)
def test_folders_are_made_that_zoom_takes(run: Run, camera: Path, option: str, kind: str) -> None:
    outcome = run("bursts", "my DCIM", option, "sorted")
    assert outcome.status == 0, outcome.err
    assert "edge-sdk zoom sorted/burst_01 -o burst_01.png" in outcome.out
    assert f"wrote sorted: {kind} the frames of 2 bursts" in outcome.out
    assert Path("sorted/burst_01/IMG[0].jpg").is_symlink() == (option == "--link-to")
    made = run("zoom", "sorted/burst_01", "-o", "burst_01.png", "--model", "none", "--json")
    assert len(json.loads(made.out)["frames"]) == 3
    again = run("bursts", "my DCIM", option, "sorted").error_line
    assert again == "error: sorted: is there already; name a new folder for the bursts"


def test_files_that_need_an_extra_are_named_in_one_line(
    run: Run, camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(10):
        (camera / f"{index}.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    right = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, _=None: None if name == "pi_heif" else right(name)
    )
    outcome = run("bursts", "my DCIM")
    (line,) = (line for line in outcome.err.splitlines() if ".heic" in line)
    assert "7.heic and 2 more (--json lists all): is a HEIC picture, and pi_heif is not" in line
    assert "[heic]" in line
    assert outcome.out.count("edge-sdk zoom") == 2


def test_rules_are_taken(run: Run, camera: Path) -> None:
    outcome = run("bursts", "my DCIM", "--min-frames", 3)
    assert outcome.out.count("edge-sdk zoom") == 1
    assert "3 pictures in no burst of 3 frames or more: IMG[3].jpg, IMG[4].jpg" in outcome.out
    outcome = run("bursts", "my DCIM", "--gap", 0, "--copy-to", "sorted")
    assert outcome.status == 0
    assert "no burst of 2 frames or more in my DCIM" in outcome.out
    assert not Path("sorted").exists()


def test_times_of_files_are_told(run: Run) -> None:
    Path("plain").mkdir()
    for index in range(12):
        shoot(f"plain/{index}.jpg", index, None)
    outcome = run("bursts", "plain")
    assert "note: 12 pictures without a time in EXIF or name: the time when the file" in outcome.err
    assert "7.jpg and 4 more (--json lists all)" in outcome.out


def test_whatever_a_name_or_a_tag_holds_each_thing_is_said_on_one_line(run: Run) -> None:
    Path("odd").mkdir()
    shoot("odd/new\nline.jpg", 1, "12:00:00")
    for index in range(2):
        shoot(f"odd/{index}.jpg", 2, f"12:00:0{index}", model="Ph\x1b[31mone\n7")
    Path("odd/cut\n.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    # Offsets of EXIF that lie beyond the file, of which Pillow warns.
    tags = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\xff\xff\0\0\0\0\0\0"
    frame(3).save("odd/exif.jpg", exif=b"Exif\0\0" + tags)
    outcome = run("bursts", "odd")
    assert outcome.status == 0
    assert all(line.startswith("note: ") for line in outcome.err.splitlines())
    first, _, _, singles = outcome.out.splitlines()
    assert "Maker Ph\N{REPLACEMENT CHARACTER}[31mone\N{REPLACEMENT CHARACTER}7" in first
    assert "new\N{REPLACEMENT CHARACTER}line.jpg" in singles


def test_a_name_that_is_no_unicode_is_escaped(run: Run) -> None:
    Path("raw").mkdir()
    for index in range(2):
        shoot(os.fsdecode(b"raw/\xff%d.jpg" % index), 1, f"12:00:0{index}", left=index)
    (burst,) = json.loads(run("bursts", "raw", "--json").out)["bursts"]
    assert [os.fsencode(name) for name in burst["frames"]] == [b"raw/\xff0.jpg", b"raw/\xff1.jpg"]
    outcome = run("zoom", "raw", "-o", "z.png", "--model", "none")
    assert outcome.status == 0
    assert "\N{REPLACEMENT CHARACTER}0.jpg" in outcome.out


def test_a_name_with_a_dash_in_front_can_be_pasted(
    run: Run, camera: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(camera)
    for index in range(3):
        Path(f"IMG[{index}].jpg").rename(f"-{index}.jpg")
    (command, _) = (
        line for line in run("bursts", ".").out.splitlines() if line.startswith("edge-sdk")
    )
    assert shlex.split(command)[2] == "./-0.jpg"
    assert run(*shlex.split(command)[1:], "--model", "none").status == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "no folder given; name one of a camera: edge-sdk bursts DIR"),
        (("nowhere",), "nowhere: no such folder; check the path"),
        (("my DCIM/alone.jpg",), "is a file; name the folder that it lies in"),
        (("my DCIM/deeper",), "holds no picture; name the folder of a camera"),
        (("my DCIM", "--gap", -1), "the gap must be 0 seconds or more, not -1"),
        (("my DCIM", "--min-frames", 1), "a burst has at least 2 frames, not 1"),
        (("my DCIM", "--copy-to", "a", "--link-to", "b"), "exclude each other"),
        (("my DCIM", "--copy-to", "my DCIM"), "is there already"),
        (("my DCIM", "--link-to", "no/such"), "does not exist; create it first"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, camera: Path, arguments: tuple[object, ...], word: str
) -> None:
    before = sorted(Path().rglob("*"))
    assert word in run("bursts", *arguments).error_line
    assert sorted(Path().rglob("*")) == before


def test_help_teaches(run: Run) -> None:
    text = " ".join(run("bursts", "--help").out.split())
    for word in ("--gap", "--min-frames", "--copy-to", "--link-to", "--json", "Example:", "zoom"):
        assert word in text

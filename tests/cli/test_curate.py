"""Command ``curate``: what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.builders.collections import make_collection
from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = [needs("examples"), pytest.mark.usefixtures("one_thread")]

START = "import sys; sys.argv[0] = 'edge-sdk'; from edge_sdk.cli import main; main()"


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, str | None]:
    return make_collection(tmp_path / "photos")


def test_counts_notes_and_files(run: Run, photos: dict[str, str | None]) -> None:
    outcome = run(
        "curate", "photos", "-o", "kept.txt", "--min-size", 200, "--report", "curated.html"
    )
    assert outcome.status == 0, outcome.err
    assert "left out: near-duplicate │        1 │ 12.5% │" in outcome.out
    assert outcome.out.splitlines()[-2:] == [
        "wrote kept.txt: 3 of 8 pictures",
        "wrote curated.html",
    ]
    (line,) = outcome.err.splitlines()
    assert line.startswith("note: left out: photos/broken.jpg: is truncated")
    kept = [f"photos/{name}" for name, reason in photos.items() if reason is None]
    assert Path("kept.txt").read_text().splitlines() == kept
    assert Path("curated.html").read_text().startswith("<!DOCTYPE html>")


def test_json_holds_every_verdict(run: Run, photos: dict[str, str | None]) -> None:
    report = json.loads(run("curate", "photos", "-o", "copies", "--min-size", 200, "--json").out)
    reasons = {each["path"]: each["reason"] for each in report["verdicts"]}
    assert reasons == {f"photos/{name}": reason for name, reason in photos.items()}
    assert (report["pictures"], report["kept"], report["output"]) == (8, 3, "copies")
    assert report["left_out"] == {
        "unreadable": 1, "size": 1, "background": 2, "near-duplicate": 1
    }  # fmt: skip
    assert report["settings"]["size"] == {"least_px": 200}
    assert sorted(path.name for path in Path("copies").iterdir()) == [
        "chelsea.png", "coffee.png", "rocket.png"
    ]  # fmt: skip


def test_limits_are_options(run: Run, photos: dict[str, str | None]) -> None:
    loose = ("--min-size", 1, "--max-background", 1, "--keep-duplicates")
    report = json.loads(run("curate", "photos", "-o", "kept.txt", *loose, "--json").out)
    assert report["kept"] == 7
    strict = run("curate", "photos", "-o", "none.txt", "--min-size", 5000)
    assert strict.status == 1
    assert "wrote none.txt: 0 of 8 pictures" in strict.out
    assert Path("none.txt").read_text() == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "kept.txt"), "no pictures given; name files or folders"),
        (("photos",), "no output given; name a list or a folder"),
        (("empty", "-o", "kept.txt"), "empty: holds no picture; add .png"),
        (("missing", "-o", "kept.txt"), "missing: no such file or folder"),
        (("photos", "-o", "photos/kept"), "photos/kept: lies in photos, the pictures"),
        (("photos", "-o", "photos/notes.txt"), "photos/notes.txt: is there already"),
        (("photos", "-o", "full"), "full: holds files already"),
        (("photos", "-o", "kept.txt", "--workers", "0"), "1 process or more, not 0"),
        (("photos", "-o", "kept.txt", "--resume"), "no journal to resume from"),
        (("photos", "-o", "kept.txt", "--min-size", "0"), "must be 1 px or more, not 0"),
        (("photos", "-o", "kept.txt", "--max-background", "2"), "must be in [0, 1], not 2"),
        (("photos", "-o", "kept.txt", "--max-bits", "64"), "must be 0 to 32, not 64"),
        (("photos", "-o", "kept.txt", "--report", "photos/cut.png"), "would replace photos/cut"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, photos: dict[str, str | None], arguments: tuple[str, ...], message: str
) -> None:
    Path("empty").mkdir()
    Path("full").mkdir()
    Path("full/mine.png").touch()
    assert message in run("curate", *arguments).error_line
    assert not Path("kept.txt").exists()
    assert not Path("kept.txt.journal.jsonl").exists()


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_run_that_is_stopped_says_so_and_goes_on(
    run: Run, photos: dict[str, str | None], workers: str
) -> None:
    coffee = Path("photos/coffee.png")
    for place in range(150):
        os.link(coffee, f"photos/again_{place}.png")
    command = ("curate", "photos", "-o", "kept.txt", "--workers", workers, "--min-size", "200")
    process = subprocess.Popen(
        [sys.executable, "-c", START, *command], stderr=subprocess.PIPE, text=True
    )
    journal = Path("kept.txt.journal.jsonl")
    while process.poll() is None and (not journal.exists() or journal.stat().st_size < 1000):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130, printed
    assert printed.startswith("stopped after ")
    assert printed.endswith(" measured pictures; go on with --resume\n")
    assert len(printed.splitlines()) == 1
    assert not Path("kept.txt").exists()
    resumed = json.loads(run(*command, "--resume", "--json").out)
    assert resumed["measured_before"] >= 4
    assert (resumed["pictures"], resumed["kept"]) == (158, 3)
    assert resumed["left_out"]["near-duplicate"] == 151
    assert not journal.exists()

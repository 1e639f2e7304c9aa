"""Command ``pairs``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders.far_near_shots import shots_of, write_shots
from tests.cli.command_line import Run


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("shots")
    write_shots(shots_of(frames=2), place / "far", place / "near", "astronaut")
    (place / "far" / "lonely").mkdir()
    return place / "far", place / "near"


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_set_is_made_and_reported(run: Run, shots: tuple[Path, Path], tmp_path: Path) -> None:
    found = run("pairs", *shots, "-o", "set")
    assert found.status == 0
    assert "1 of 2 scenes became samples, 1 dropped" in found.out
    assert "no near shot" in found.out or "no far shot" in found.out
    assert (tmp_path / "set" / "sheet.html").is_file()
    again = run("pairs", *shots, "-o", "set", "--json")
    assert again.status == 0
    report = json.loads(again.out)
    assert (report["accepted"], report["dropped"], report["finished_before"]) == (1, 1, 2)
    other = run("pairs", *shots, "-o", "set", "--scale", "3")
    assert "other settings" in other.error_line


def test_bad_arguments(run: Run, shots: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "no folders" in run("pairs").error_line
    assert "no folders" in run("pairs", shots[0]).error_line
    assert "no such folder" in run("pairs", "nowhere", shots[1]).error_line
    assert "is a file" in run("pairs", *shots, "-o", "file").error_line
    assert "scale 9" in run("pairs", *shots, "--scale", "9").error_line
    assert "overlap" in run("pairs", *shots, "--min-overlap", "2").error_line
    assert "ghosts" in run("pairs", *shots, "--max-ghosts", "1.5").error_line
    assert "blur" in run("pairs", *shots, "--max-blur", "-1").error_line

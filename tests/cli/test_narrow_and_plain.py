"""What is printed on a narrow terminal, without colors, and after an interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from edge_sdk.cli.shared import console
from edge_sdk.cli.shared.console import print_table
from edge_sdk.errors import OutputError
from edge_sdk.outputs import after_writing
from tests.cli.command_line import Run

ROWS = [("sr_x2_y", "super-resolution ×2", "12,345"), ("denoise_rgb", "denoising", "1,234,567")]
COLUMNS = ("name", "task", "parameters, fused")


def printed(width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    made = console.console(stderr=False)
    made.width = width
    monkeypatch.setattr(console, "out", made)
    with made.capture() as capture:
        print_table("Models", COLUMNS, ROWS, emphasize=1)
    return capture.get()


@pytest.mark.parametrize("width", [30, 40, 60, 100])
def test_no_word_is_broken_at_any_width(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = printed(width, monkeypatch)
    words = [word for row in (COLUMNS[1:], *ROWS) for cell in row for word in cell.split()]
    for word in words:
        assert word in shown
    assert max(len(line) for line in shown.splitlines()) <= width


def test_a_table_that_fits_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "│" in printed(60, monkeypatch)
    listed = printed(40, monkeypatch)
    assert "│" not in listed
    assert listed.splitlines()[:3] == ["Models", "sr_x2_y", "  task: super-resolution ×2"]


def test_models_can_be_read_at_40_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    lines = run("models").out.splitlines()
    assert "denoise_rgb" in lines
    assert "  task: super-resolution ×2" in lines


@pytest.mark.parametrize(("given", "escapes"), [("1", False), ("", True), (None, True)])
def test_without_colors_there_is_no_bold_text_either(
    given: str | None, escapes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if given is not None:
        monkeypatch.setenv("NO_COLOR", given)
    assert ("\x1b" in printed(100, monkeypatch)) == escapes


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("models",), ("--help",), ("zoom", "--help")])
def test_no_command_prints_escapes_without_colors(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from edge_sdk.cli import main; main()", *arguments],
        env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1", "TERM": "xterm-256color"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout
    assert "\x1b" not in done.stdout + done.stderr


class Interrupted:
    """Finds no module: the user presses Ctrl-C where this one is imported."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name == "edge_sdk.cli.app":
            raise KeyboardInterrupt
        return None


def test_an_interruption_while_importing_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "edge_sdk.cli.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    outcome = run("models")
    assert outcome.status == 130
    assert outcome.err == "stopped; nothing half-written was left\n"
    assert outcome.out == ""


@pytest.mark.parametrize("error", [None, AttributeError("half of a package")])
def test_an_interruption_in_a_command_is_one_line_too(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    from edge_sdk.zoo import catalogue

    def interrupted() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            # As a package does that is imported meanwhile.
            if error is not None:
                raise error from None
            raise

    monkeypatch.setattr(catalogue, "model_names", interrupted)
    outcome = run("models")
    assert (outcome.status, outcome.out) == (130, "")
    assert outcome.err == "stopped; nothing half-written was left\n"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_error_of_a_report_says_that_the_picture_was_written(
    run: Run, burst_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_sdk.cli.commands import zoom

    def full(path: Path, made: object) -> None:
        raise OutputError(f"{path}: cannot be written (No space left on device)")

    monkeypatch.setattr(zoom, "write_zoom_page", full)
    frames = [burst_folder / f"{index}.png" for index in range(2)]
    line = run("zoom", *frames, "-o", "x.png", "--model", "none", "--report", "x.html").error_line
    assert line.startswith("error: x.html: cannot be written")
    assert line.endswith("; x.png was written before and is whole")
    assert Path("x.png").is_file()


def test_a_report_that_has_no_place_stops_before_the_picture(run: Run, burst_folder: Path) -> None:
    frames = [burst_folder / f"{index}.png" for index in range(2)]
    line = run("zoom", *frames, "-o", "x.png", "--report", "nowhere/x.html").error_line
    assert "does not exist" in line
    assert not Path("x.png").exists()


def test_only_errors_of_writing_name_what_came_before() -> None:
    def fail(error: Exception) -> None:
        with after_writing(Path("a.png")):
            raise error

    with pytest.raises(OutputError, match=r"b: full; a\.png was written before and is whole"):
        fail(OutputError("b: full"))
    with pytest.raises(ValueError, match=r"^other$"):
        fail(ValueError("other"))

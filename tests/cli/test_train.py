"""Training by the command line: what is printed, and how a run ends that is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import Run

pytest.importorskip("lightning", reason="pip install 'edge-sdk[train]'")

RECIPE = """
model:
  widths: [4, 4]
  branches: [{kind: conv, kernels: [3, 1], widths: [6]}, {kind: identity}]
  skips: []
data:
  train: {folder: .}
  validation: {folder: .}
  patch_px: 16
  batch: 2
optimiser: {steps: 4}
validate_every: 2
"""


@pytest.fixture
def start(run: Run, burst_folder: Path) -> tuple[object, ...]:
    """Arguments of a short run."""
    Path("recipe.yaml").write_text(RECIPE)
    return ("train", "--config", "recipe.yaml", "--data", burst_folder, "-o", "run")


def signal_at(step: int, number: signal.Signals, patch: pytest.MonkeyPatch) -> None:
    """Have a signal arrive in the step that follows ``step`` others."""
    from edge_sdk.training.task import EnhanceTask

    original = EnhanceTask.training_step

    def stop(self: EnhanceTask, batch: Any, index: int):
        if self.global_step == step:
            os.kill(os.getpid(), number)
        return original(self, batch, index)

    patch.setattr(EnhanceTask, "training_step", stop)


def test_bicubic_stands_beside_the_result(run: Run, start: tuple[object, ...]) -> None:
    shown = run(*start)
    assert shown.status == 0
    result = json.loads(run(*start, "--overwrite", "--json").out)
    assert f"{result['psnr_db']:.2f} dB" in shown.out
    assert f"(bicubic {result['baseline_db']:.2f})" in shown.out
    # Four steps cannot teach what bicubic interpolation does.
    assert result["psnr_db"] < result["baseline_db"]
    assert "warning: no better than bicubic interpolation" in shown.err


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
@pytest.mark.parametrize(
    ("step", "line"),
    [(1, "stopped; nothing saved yet"), (3, "stopped at step 2; go on with --resume")],
)
def test_a_stopped_run_says_how_to_go_on(
    run: Run, start: tuple[object, ...], number: signal.Signals, status: int, step: int, line: str
) -> None:
    before = signal.getsignal(number)
    with pytest.MonkeyPatch.context() as patch:
        signal_at(step, number, patch)
        outcome = run(*start, "--json")
    assert outcome.status == status
    assert outcome.err.splitlines()[-1] == line
    assert outcome.out == ""
    assert signal.getsignal(number) is before
    if step == 3:
        assert json.loads(run(*start, "--resume", "--json").out)["steps"] == 4


def test_a_folder_with_a_run_is_refused(run: Run, start: tuple[object, ...]) -> None:
    assert run(*start).status == 0
    assert "--overwrite" in run(*start).error_line
    assert "past the 3 asked for" in run(*start, "--resume", "--steps", 3).error_line


@pytest.mark.slow
def test_nothing_of_the_libraries_is_shown(run: Run, start: tuple[object, ...]) -> None:
    program = "from edge_sdk.cli import main; main()"
    command = [sys.executable, "-c", program, *map(str, start)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    shown = done.stdout + done.stderr
    for word in ("LeafSpec", "log_every_n_steps", "Epoch", "Warning"):
        assert word not in shown
    assert "Steps" in shown


def test_recipes_of_shipped_models_are_told(run: Run) -> None:
    for entry in json.loads(run("models", "--json").out):
        path = Path(entry["recipe"])
        assert path.is_file()
        assert str(path) in run("models").out


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    outcome = run()
    assert outcome.status == 0
    assert outcome.err == ""
    assert "Usage:" in outcome.out
    assert outcome.out == run("--help").out


def test_callables_are_refused_where_they_cannot_be_used(
    run: Run, start: tuple[object, ...]
) -> None:
    path = Path("recipe.yaml")
    path.write_text(path.read_text() + "init: theirs:stem\n")
    assert "names a Python callable; here a shipped model" in run(*start).error_line

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
import torch

from edge_sdk.models import load_checkpoint
from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = needs("train")


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
optimizer: {steps: 4}
validate_every: 2
"""


@pytest.fixture
def start(run: Run, burst_folder: Path) -> tuple[object, ...]:
    """Arguments of a short run."""
    Path("recipe.yaml").write_text(RECIPE)
    return ("train", "--config", "recipe.yaml", "--data", burst_folder, "-o", "run")


def signal_at(step: int, number: signal.Signals, patch: pytest.MonkeyPatch, seed: int = 0) -> None:
    """Have a signal arrive in the step that follows ``step`` others, by the recipe of ``seed``."""
    from edge_sdk.training.run.module import TrainingModule

    original = TrainingModule.training_step

    def stop(self: TrainingModule, batch: Any, index: int):
        if self.config.seed == seed and self.global_step == step:
            os.kill(os.getpid(), number)
        return original(self, batch, index)

    patch.setattr(TrainingModule, "training_step", stop)


def assert_same_weights(one: str, other: str) -> None:
    # Not the bytes: the order of the entries of a header differs from file to file.
    first, second = (load_checkpoint(Path(path)).model.state_dict() for path in (one, other))
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


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
    assert "past the 3 requested" in run(*start, "--resume", "--steps", 3).error_line


@pytest.mark.slow
def test_nothing_of_the_libraries_is_shown(run: Run, start: tuple[object, ...]) -> None:
    program = "from edge_sdk.cli import main; main()"
    command = [sys.executable, "-c", program, *map(str, start)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    shown = done.stdout + done.stderr
    for word in ("LeafSpec", "log_every_n_steps", "Epoch", "Warning"):
        assert word not in shown
    assert "Steps" in shown


def test_recipes_of_shipped_models_are_reported(run: Run) -> None:
    for entry in json.loads(run("models", "--json").out):
        path = Path(entry["recipes"][-1])
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


@pytest.fixture
def start_two(run: Run, start: tuple[object, ...]) -> tuple[object, ...]:
    """Arguments of a schedule of two recipes."""
    Path("second.yaml").write_text(RECIPE.replace("steps: 4", "steps: 6") + "seed: 1\n")
    return (*start, "--config", "second.yaml")


@pytest.mark.slow
def test_several_recipes_are_trained_in_turn(run: Run, start_two: tuple[object, ...]) -> None:
    shown = run(*start_two)
    assert shown.status == 0
    assert "recipe 1 of 2, recipe.yaml:" in shown.out
    assert "recipe 2 of 2, second.yaml:" in shown.out
    assert f"tensors of {Path('run', '1', 'model.safetensors')}" in shown.out
    result = json.loads(run(*start_two, "--overwrite", "--json").out)
    assert [each["steps"] for each in result["runs"]] == [4, 6]
    figures = ", ".join(f"{each['psnr_db']:.2f}" for each in result["runs"])
    assert (
        f"wrote run/model.safetensors: best weights of the last recipe; all recipes: {figures} dB"
        in (shown.out)
    )
    assert (
        Path("run/model.safetensors").read_bytes() == Path(result["runs"][1]["path"]).read_bytes()
    )
    # The second recipe alone, given where to start, is the second of the schedule.
    alone = ("train", *start_two[3:5], "--config", "second.yaml", "-o", "alone", "--json")
    again = json.loads(run(*alone, "--init", "run/1/model.safetensors").out)
    assert again["psnr_db"] == result["psnr_db"]
    assert_same_weights("alone/model.safetensors", "run/model.safetensors")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "line"),
    [
        (1, "stopped at the start of recipe 2; go on with --resume"),
        (5, "stopped in recipe 2 at step 4; go on with --resume"),
    ],
)
def test_a_run_stopped_in_its_second_stage_goes_on_there(
    run: Run, start_two: tuple[object, ...], step: int, line: str
) -> None:
    whole = json.loads(run(*start_two, "-o", "whole", "--json").out)
    with pytest.MonkeyPatch.context() as patch:
        signal_at(step, signal.SIGINT, patch, seed=1)
        outcome = run(*start_two, "--json")
    assert outcome.status == 130
    assert outcome.err.splitlines()[-1] == line
    assert outcome.out == ""
    assert not Path("run/model.safetensors").exists()
    first = Path("run/1/last.ckpt").read_bytes()
    resumed = json.loads(run(*start_two, "--resume", "--json").out)
    assert Path("run/1/last.ckpt").read_bytes() == first
    assert [each["psnr_db"] for each in resumed["runs"]] == [
        each["psnr_db"] for each in whole["runs"]
    ]
    assert_same_weights("run/model.safetensors", "whole/model.safetensors")


def test_schedules_are_refused_in_one_line(run: Run, start_two: tuple[object, ...]) -> None:
    assert "--steps is for one recipe" in run(*start_two, "--steps", 3).error_line
    assert "no checkpoint to resume from" in run(*start_two, "--resume").error_line
    assert "no such recipe" in run(*start_two, "-c", "third.yaml").error_line
    second = Path("second.yaml")
    second.write_text(second.read_text() + "optimiser: {}\n")
    assert "'optimiser' has another name now" in run(*start_two).error_line
    assert not Path("run").exists()


def test_a_recipe_that_follows_may_be_given_the_model_by_init(
    run: Run, start: tuple[object, ...]
) -> None:
    assert run(*start).status == 0
    text = RECIPE + "phases: {distill: true}\n"
    Path("recipe.yaml").write_text(text)
    assert "distill needs a teacher" in run(*start, "-o", "b").error_line
    assert run(*start, "-o", "b", "--init", "run/model.safetensors").status == 0

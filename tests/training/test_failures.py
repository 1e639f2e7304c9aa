"""Runs that are killed, run out of disk or diverge: what is left, and how they go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from edge_sdk.errors import ModelError
from edge_sdk.models import EnhanceNetConfig, load_checkpoint
from edge_sdk.training.recipe.config import OptimizerConfig
from edge_sdk.training.run.folder import RunFolder
from tests.training.runs import MARKS, draw_pictures, logged, recipe, train, train_until

pytestmark = MARKS

RECIPE = """
model:
  widths: [4, 4]
  branches: [{kind: conv, kernels: [3, 1], widths: [8]}, {kind: identity}]
  skips: []
data:
  train: {folder: .}
  validation: {folder: .}
  patch_px: 8
  batch: 2
optimizer: {steps: 1500, warmup_steps: 5, learning_rate: 3.0e-3}
validate_every: 100
"""


def start(folder: Path, *options: str, before: str = "") -> subprocess.Popen[str]:
    """The command ``train`` in a process of its own."""
    draw_pictures(folder / "pictures")
    (folder / "recipe.yaml").write_text(RECIPE)
    program = f"{before}\nfrom edge_sdk.cli import main\nmain()"
    arguments = ("train", "-c", "recipe.yaml", "--data", "pictures", "--json", "-o")
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments, *options],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_figure(tmp_path: Path) -> None:
    whole = start(tmp_path, "whole")
    assert whole.wait(300) == 0
    run = RunFolder(tmp_path / "run")
    killed = start(tmp_path, "run")
    while not (steps := run.saved_steps() if run.last.is_file() else None) or steps < 300:
        assert killed.poll() is None, killed.stderr
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(60) == -signal.SIGKILL
    left = run.saved_steps()
    assert left is not None
    assert 300 <= left < 1500
    assert load_checkpoint(run.model).model.spec.scale == 2
    resumed = start(tmp_path, "run", "--resume")
    assert resumed.wait(300) == 0
    ends = [logged(tmp_path / name) for name in ("whole", "run")]
    assert [step for step, _ in ends[1]] == [step for step, _ in ends[0]]
    assert ends[1][-1][1] == pytest.approx(ends[0][-1][1], abs=0.02)


@pytest.mark.slow
def test_a_full_disk_ends_a_run_in_one_line(tmp_path: Path) -> None:
    # A limit on the size of a file, smaller than a checkpoint and larger than the weights: to the
    # program a write fails as it does on a full disk.
    limit = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))"
    )
    run = start(tmp_path, "run", before=limit)
    out, err = run.communicate(timeout=300)
    assert run.returncode == 2
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "cannot be written" in line
    assert "Traceback" not in err


def test_the_last_good_checkpoint_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_sdk.training.run.module import TrainingModule

    original = TrainingModule.training_step

    def diverge(self: TrainingModule, batch: tuple[torch.Tensor, torch.Tensor], index: int):
        if self.global_step == 5:
            batch = (batch[0] * torch.nan, batch[1])
        return original(self, batch, index)

    monkeypatch.setattr(TrainingModule, "training_step", diverge)
    run = RunFolder(tmp_path / "run")
    with pytest.raises(ModelError, match=r"became nan at step 5; .*last\.ckpt, after 4 steps") as e:
        train(recipe(tmp_path), run.path, progress=False)
    assert "\n" not in str(e.value)
    assert run.good_steps() == 4
    assert load_checkpoint(run.model).model.spec.scale == 2


@pytest.mark.parametrize(("broken_step", "good"), [(3, 2), (7, 6)])
def test_weights_that_are_not_finite_are_never_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_step: int, good: int
) -> None:
    from edge_sdk.training.run.module import TrainingModule

    def diverge(self: TrainingModule, optimizer: torch.optim.Optimizer) -> None:
        if self.global_step == broken_step:
            for weight in self.network.parameters():
                weight.grad = torch.full_like(weight, torch.nan)

    monkeypatch.setattr(TrainingModule, "on_before_optimizer_step", diverge)
    run = RunFolder(tmp_path / "run")
    config = recipe(tmp_path, optimizer=OptimizerConfig(steps=8, warmup_steps=0))
    config = config.model_copy(update={"validate_every": 2})
    with pytest.raises(ModelError, match=rf"NaN or infinite.*last\.ckpt, after {good} steps"):
        train(config, run.path, progress=False)
    assert run.good_steps() == good
    state = load_checkpoint(run.model).model.state_dict()
    assert all(bool(torch.isfinite(weight).all()) for weight in state.values())


def test_a_dead_network_ends_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from edge_sdk.training.run.module import TrainingModule

    def die(self: TrainingModule, optimizer: torch.optim.Optimizer) -> None:
        if self.global_step == 3:
            for name, weight in self.network.named_parameters():
                if name.startswith("features") and name.endswith("bias"):
                    weight.data.fill_(-100.0)

    monkeypatch.setattr(TrainingModule, "on_before_optimizer_step", die)
    model = EnhanceNetConfig(branches=None, activation="relu")
    config = recipe(tmp_path, optimizer=OptimizerConfig(steps=8, warmup_steps=0))
    config = config.model_copy(update={"validate_every": 2, "model": model})
    with pytest.raises(
        ModelError, match=r"activations became 0 everywhere.*lower the learning rate"
    ):
        train(config, tmp_path / "run", progress=False)


def test_outputs_that_are_not_finite_end_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_sdk.training.run.module import TrainingModule

    original = TrainingModule._run

    def overflow(self: TrainingModule, source: torch.Tensor, rounded: bool) -> torch.Tensor:
        output = original(self, source, rounded)
        return output if self.training else output * torch.inf

    monkeypatch.setattr(TrainingModule, "_run", overflow)
    with pytest.raises(ModelError, match=r"outputs became NaN or infinite within .* no checkpoint"):
        train(recipe(tmp_path), tmp_path / "run", progress=False)
    assert not RunFolder(tmp_path / "run").model.exists()


@pytest.mark.parametrize("torn", ["0,0.01", "0,0.0123,,1\n0,0.0", "\0\0\0\0", "0,0.1,,x"])
def test_a_torn_row_of_the_table_does_not_stop_a_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: str
) -> None:
    run = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        train_until(5, recipe(tmp_path), run.path, patch)
    with (run.path / "metrics.csv").open("a") as file:
        file.write(torn)
    result = train(recipe(tmp_path), run.path, resume=True, progress=False)
    assert result.steps == recipe(tmp_path).optimizer.steps
    steps = [step for step, _ in logged(run.path)]
    assert steps == sorted(set(steps))


def test_a_checkpoint_of_weights_that_are_not_finite_is_not_called_good(tmp_path: Path) -> None:
    short = OptimizerConfig(steps=2, warmup_steps=0)
    train(recipe(tmp_path, optimizer=short), tmp_path / "run", progress=False)
    run = RunFolder(tmp_path / "run")
    assert run.good_steps() == 2
    checkpoint = torch.load(run.last, weights_only=True)
    next(iter(checkpoint["current_model_state"].values())).fill_(torch.nan)
    torch.save(checkpoint, run.last)
    assert run.saved_steps() == 2
    assert run.good_steps() is None
    run.last.write_bytes(b"junk")
    assert run.good_steps() is None

"""Several processes under torchrun: which patches each takes, and that they train as one would."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from edge_sdk.errors import InputError
from edge_sdk.training.inputs.loaders import patch_loader
from edge_sdk.training.processes import Processes, processes
from tests.training.runs import MARKS, draw_pictures, recipe, weights

pytestmark = MARKS

RECIPE = """
model:
  widths: [4, 4]
  branches: [{{kind: conv, kernels: [3, 1], widths: [8]}}, {{kind: identity}}]
  skips: []
data:
  train: {{folder: .}}
  validation: {{folder: .}}
  patch_px: 8
  batch: {batch}
optimizer: {{steps: 100, warmup_steps: 5, learning_rate: 5.0e-3}}
validate_every: 50
"""
PROGRAM = "from edge_sdk.cli import main\n\nmain()\n"


@pytest.mark.parametrize("done", [0, 3])
def test_processes_share_the_patches_of_every_step(tmp_path: Path, done: int) -> None:
    config = recipe(tmp_path)
    doubled = config.model_copy(update={"data": config.data.model_copy(update={"batch": 4})})
    whole = list(patch_loader(doubled, done))
    halves = [list(patch_loader(config, done, Processes(2, rank, 2))) for rank in (0, 1)]
    assert [len(half) for half in halves] == [len(whole)] * 2
    for (low, high), first, second in zip(whole, *halves, strict=True):
        assert torch.equal(low, torch.cat((first[0], second[0])))
        assert torch.equal(high, torch.cat((first[1], second[1])))


def test_torchrun_says_which_process_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert processes() == Processes()
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("RANK", "5"), ("LOCAL_WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    assert processes() == Processes(8, 5, 4)
    assert (processes().machines, processes().writes) == (2, False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with pytest.raises(InputError, match="same number"):
        processes()


@pytest.mark.slow
def test_two_processes_train_like_one_with_the_doubled_batch(tmp_path: Path) -> None:
    pictures = draw_pictures(tmp_path / "pictures").folder
    (tmp_path / "program.py").write_text(PROGRAM)
    for batch in (2, 4):
        (tmp_path / f"batch{batch}.yaml").write_text(RECIPE.format(batch=batch))
    one, two = tmp_path / "one", tmp_path / "two"

    def start(batch: int, out: Path, *starter: str) -> str:
        program = (
            str(tmp_path / "program.py"),
            "train",
            "-c",
            str(tmp_path / f"batch{batch}.yaml"),
        )
        done = subprocess.run(
            [sys.executable, *starter, *program, "--data", str(pictures), "-o", str(out)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    start(4, one)
    shown = start(2, two, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    # One process speaks for both.
    assert shown.count("wrote ") == 1
    curves = []
    for folder in (one, two):
        with (folder / "metrics.csv").open(newline="") as file:
            curves.append([{**row, "epoch": ""} for row in csv.DictReader(file)])
    assert len(curves[0]) == len(curves[1]) == 4
    for alone, together in zip(*curves, strict=True):
        assert alone["step"] == together["step"]
        for key in ("loss", "psnr"):
            assert bool(alone[key]) == bool(together[key])
            if alone[key]:
                assert float(together[key]) == pytest.approx(float(alone[key]), rel=2e-3)
    expected, found = (weights(folder / "model.safetensors") for folder in (one, two))
    for name, value in expected.items():
        # The same sums in another order, a hundred steps of Adam long.
        torch.testing.assert_close(found[name], value, rtol=1e-2, atol=1e-3)


@pytest.mark.nightly
def test_processes_go_through_a_schedule_together(tmp_path: Path) -> None:
    pictures = draw_pictures(tmp_path / "pictures").folder
    (tmp_path / "program.py").write_text(PROGRAM)
    text = RECIPE.format(batch=2).replace("steps: 100", "steps: 7").replace("50", "2")
    recipes = []
    for seed in (0, 1):
        path = tmp_path / f"{seed}.yaml"
        path.write_text(text + f"seed: {seed}\n")
        recipes += ["-c", str(path)]
    starter = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    program = (str(tmp_path / "program.py"), "train", "--data", str(pictures))

    def start(*options: object) -> str:
        done = subprocess.run(
            [*starter, *program, *map(str, options)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    out = tmp_path / "run"
    shown = start(*recipes, "-o", out)
    assert shown.count("recipe 2 of 2") == shown.count("best weights of the last recipe") == 1
    # The second recipe alone, by processes that find the weights of the first where they lie.
    start(*recipes[2:], "-o", tmp_path / "alone", "--init", out / "1" / "model.safetensors")
    found, alone = (weights(folder / "model.safetensors") for folder in (out, tmp_path / "alone"))
    for name, value in alone.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)
    assert start(*recipes, "-o", out, "--resume").count("wrote ") == 1

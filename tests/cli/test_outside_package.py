"""A package brings a network, a task, a runtime and a report, and all commands know them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from edge_sdk.emulate.runtimes.names import RUNTIMES
from edge_sdk.imaging import psnr, read_picture
from edge_sdk.models import ARCHITECTURES, load_checkpoint, save_checkpoint
from edge_sdk.report.kinds import REPORTS, write_report
from edge_sdk.training.recipe.tasks import TASKS
from tests.cli.command_line import Run
from tests.needs import needs
from tests.training.runs import MARKS, draw_pictures

pytestmark = MARKS

PACKAGE = Path(__file__).parents[1] / "outside_package"
ENTRY_POINTS = """
[edge_sdk.architectures]
tint_net = tinting
tell_net = telling
[edge_sdk.tasks]
tinting = tinting
telling = telling
[edge_sdk.runtimes]
loud = tinting
[edge_sdk.reports]
tint = tinting
"""
RECIPE = """
model: {{architecture: {architecture}, {keys}}}
data:
  train: {{folder: pictures}}
  validation: {{folder: pictures}}
  patch_px: 16
  batch: 4
  {data}
optimizer: {{steps: {steps}, learning_rate: 1.0e-2, warmup_steps: 2, ema_decay: 0.5}}
validate_every: {steps}
"""


@pytest.fixture
def installed(
    run: Run, one_thread: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The package as pip leaves it, and three pictures; gone from all tables afterwards."""
    for table in (ARCHITECTURES, TASKS, RUNTIMES, REPORTS):
        table.names()
        for part in ("_entries", "_names"):
            monkeypatch.setattr(table, part, dict(getattr(table, part)))
    about = tmp_path / "site" / "tinting-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tinting\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    for folder in (about.parent, PACKAGE):
        monkeypatch.syspath_prepend(str(folder))
    draw_pictures(tmp_path / "pictures")
    yield
    for name in ("tinting", "telling"):
        sys.modules.pop(name, None)


def trained(run: Run, steps: int, **keys: str) -> dict[str, float]:
    """Train by a recipe; the result."""
    keys = {"keys": "", "data": ""} | keys
    Path("recipe.yaml").write_text(RECIPE.format(steps=steps, **keys))
    outcome = run("train", "--config", "recipe.yaml", "-o", "run", "--json")
    assert outcome.status == 0, outcome.err
    result: dict[str, float] = json.loads(outcome.out)
    return result


@pytest.mark.slow
@needs("executorch")
def test_a_network_for_pictures_is_trained_fused_converted_and_verified(
    run: Run, installed: None
) -> None:
    result = trained(
        run, 60, architecture="tint_net", keys="channels: 6", data="options: {red: 0.25}"
    )
    assert result["psnr_db"] > result["baseline_db"] + 3
    model = load_checkpoint("run/model.safetensors").model
    assert type(model).__name__ == "TintNet"
    assert model.has_branches
    save_checkpoint(model, "again.safetensors")
    x = torch.rand(1, 3, 9, 7)
    assert torch.equal(load_checkpoint("again.safetensors").model(x), model(x))

    fused = run("fuse", "again.safetensors", "-o", "fused.safetensors", "--report", "fused.html")
    assert fused.status == 0, fused.err
    assert "wrote fused.safetensors: TintNet, with its description" in fused.out
    assert not load_checkpoint("fused.safetensors").model.has_branches
    converted = run(
        "convert", "fused.safetensors", "-t", "executorch", "-o", "m.pte", "--size", "24x24"
    )
    assert converted.status == 0, converted.err
    verified = json.loads(run("verify", "fused.safetensors", "m.pte", "--json").out)
    assert verified["passed"]
    assert [row["step"] for row in verified["rows"]] == ["torch", "fused", "m.pte"]

    for runtime, folder in (("eager", "one"), ("loud", "other")):
        outcome = run(
            *("enhance", "pictures/0.png", "-o", folder),
            *("--model", "fused.safetensors", "--runtime", runtime),
        )
        assert outcome.status == 0, outcome.err
    one, other = (read_picture(Path(name) / "0.png").pixels for name in ("one", "other"))
    assert psnr(one, other) > 70
    assert len(RUNTIMES.find("loud").runner.opened) == 1  # type: ignore[attr-defined]
    refused = run("zoom", "pictures/0.png", "--model", "fused.safetensors")
    assert "is for tinting" in refused.error_line


@pytest.mark.slow
@needs("executorch")
def test_a_network_that_makes_no_pictures_takes_the_same_way(run: Run, installed: None) -> None:
    result = trained(run, 60, architecture="tell_net", keys="classes: 2")
    assert result["psnr_db"] > result["baseline_db"] + 1
    model = load_checkpoint("run/model.safetensors").model
    assert (model.spec.task, model.spec.classes) == ("telling", 2)  # type: ignore[attr-defined]
    model_file, size = "run/model.safetensors", ("--size", "24x24")
    converted = run("convert", model_file, "-t", "executorch", "-o", "m.pte", *size)
    assert converted.status == 0, converted.err
    verified = json.loads(run("verify", model_file, "m.pte", "--json").out)
    assert verified["passed"]
    for command in ("enhance", "zoom"):
        refused = run(command, "pictures/0.png", "--model", model_file)
        assert "TellNet for telling, which makes no pictures" in refused.error_line


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        ("architecture: tint_ent", "", "unknown architecture 'tint_ent'; choose one of: "),
        ("architecture: tint_net, chanels: 3", "", "unknown key 'model.chanels'; did you mean"),
        ("architecture: tint_net, channels: x", "", "model.channels: "),
        ("architecture: tint_net, widths: [3]", "", "unknown key 'model.widths'"),
        ("architecture: tint_net", "options: {red: 2}", "data.options.red: "),
        ("architecture: tint_net", "options: {blue: 1}", "options of the task: red"),
        ("architecture: tint_net", "noise: {}", "data.noise: is for task: denoising"),
        ("scale: 2", "options: {red: 1}", "options of the task: none"),
        ("architecture: tell_net, classes: many", "", "model.classes: "),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_in_a_line(
    run: Run, installed: None, model: str, data: str, message: str
) -> None:
    text = RECIPE.format(architecture="A", keys="", data=data, steps=2)
    Path("recipe.yaml").write_text(text.replace("architecture: A, ", model))
    assert message in run("train", "--config", "recipe.yaml").error_line


def test_what_is_not_installed_is_named(
    run: Run, installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = ARCHITECTURES.find("tint_net")
    save_checkpoint(architecture.network(architecture.config()), "tint.safetensors")
    with monkeypatch.context() as gone:
        gone.setattr(ARCHITECTURES, "_names", {"enhance_net": "enhance_net"})
        gone.setattr(sys, "path", [path for path in sys.path if not path.endswith("site")])
        line = run("fuse", "tint.safetensors").error_line
    assert (
        "holds a network of architecture 'tint_net', and known here are: burst_net, enhance_net"
        in line
    )
    assert run("fuse", "tint.safetensors").status == 0


def test_a_report_of_the_package_is_written(installed: None, tmp_path: Path) -> None:
    assert REPORTS.names() == ("all-targets", "bundle", "fusion", "parity", "tint", "zoom")
    network = ARCHITECTURES.find("tint_net").network
    summary = sys.modules["tinting"].TintSummary(network(sys.modules["tinting"].TintConfig()))
    write_report("tint", summary, tmp_path / "tint.html")
    assert "4 channels" in (tmp_path / "tint.html").read_text(encoding="utf-8")

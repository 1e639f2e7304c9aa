from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_sdk.models import EnhanceNet, EnhanceNetConfig, load_checkpoint, save_checkpoint
from edge_sdk.reparam import ConvBranchConfig, IdentityBranchConfig
from tests.cli.command_line import Run

RECIPE = """
model:
  widths: [8, 8]
  branches: [{kind: conv, kernels: [3, 1], widths: [12]}, {kind: identity}]
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
def small_model(run: Run) -> Path:
    branches = (ConvBranchConfig((3, 1), (12,)), IdentityBranchConfig())
    network = EnhanceNet(EnhanceNetConfig(widths=(8, 8), skips=(), branches=branches))
    save_checkpoint(network, Path("small.safetensors"))
    return Path("small.safetensors")


def test_models_lists_the_zoo_with_figures(run: Run) -> None:
    entries = json.loads(run("models", "--json").out)
    names = [entry["name"] for entry in entries]
    assert "sr_x2_y" in names
    (classifier,) = (entry for entry in entries if entry["task"] == "quality")
    # The middle of the scale, said of everything, is wrong by about 25.
    assert classifier["quality"]["mean error"] < 15
    assert len(classifier["classes"]) == 11
    for entry in entries:
        assert entry["parameters"] > 1000
        if entry is classifier:
            continue
        # Bicubic interpolation, noise of 25 levels, and degraded pictures as they are.
        least = {
            2: {"Set5": 33.66, "Kodak σ8": 26.91},
            3: {"Kodak σ8": 25.29},
            4: {"Set5": 28.42},
            1: {"Kodak24 σ25": 20.3, "Kodak24 document": 26.2},
        }
        known = {key: db for key, db in least[entry["scale"]].items() if key in entry["psnr_db"]}
        assert known
        assert all(entry["psnr_db"][key] > db for key, db in known.items())


def test_fuse_writes_a_plain_model_and_its_certificate(run: Run, small_model: Path) -> None:
    outcome = run("fuse", small_model, "-o", "fused.safetensors", "--json")
    certificate = json.loads(outcome.out)["certificate"]
    assert certificate["error_float64"] < 1e-12
    assert certificate["parameters_after"] < certificate["parameters_before"]
    assert not load_checkpoint(Path("fused.safetensors")).model.has_branches


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "no model"),
        (("nothing",), "nothing"),
        (("nothing.safetensors",), "nothing.safetensors"),
        (("damaged.safetensors",), "damaged.safetensors"),
        (("sr_x2_y", "-o", "f.bin"), ".safetensors"),
        (("sr_x2_y", "-o", "no/f.safetensors"), "no"),
    ],
)
def test_bad_input_of_fuse(run: Run, arguments: tuple[object, ...], word: str) -> None:
    Path("damaged.safetensors").write_bytes(b"\x80\x04not safetensors")
    assert word in run("fuse", *arguments).error_line
    assert not Path("fused.safetensors").exists()


@pytest.mark.slow
def test_train_fuse_round_trip(run: Run, burst_folder: Path) -> None:
    Path("recipe.yaml").write_text(RECIPE)
    outcome = run("train", "--config", "recipe.yaml", "--data", burst_folder, "--json")
    assert outcome.status == 0
    result = json.loads(outcome.out)
    assert result["steps"] == 4
    assert Path(result["path"]).is_file()
    assert run("fuse", result["path"], "-o", "f.safetensors").status == 0


@pytest.mark.parametrize(
    ("recipe", "options", "word"),
    [
        (None, (), "no recipe"),
        (None, ("--config", "nowhere.yaml"), "nowhere.yaml"),
        (RECIPE + "validate_evry: 3\n", ("--config", "recipe.yaml"), "validate_every"),
        (RECIPE, ("--config", "recipe.yaml", "--steps", 0), "steps"),
        (
            RECIPE + "phases: {fake_quantized_steps: 3}\n",
            ("--config", "recipe.yaml", "--steps", 2),
            "do not fit into 2 steps",
        ),
        (RECIPE + "init: nowhere.safetensors\n", ("--config", "recipe.yaml"), "nowhere"),
        (RECIPE, ("--config", "recipe.yaml", "--resume"), "resume"),
        (RECIPE, ("--config", "recipe.yaml", "--data", "nowhere"), "nowhere"),
        (RECIPE, ("--config", "recipe.yaml"), "no picture"),
        ("model: [", ("--config", "recipe.yaml"), "not YAML"),
        ("", ("--config", "recipe.yaml"), "recipe.yaml"),
    ],
)
def test_bad_input_of_train(
    run: Run, recipe: str | None, options: tuple[object, ...], word: str
) -> None:
    if recipe is not None:
        Path("recipe.yaml").write_text(recipe)
    assert word in run("train", *options).error_line

"""Recognition runs: regularizer, decay, convergence, what is written, and what is refused."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from edge_sdk.data.recognition.shapes import SHAPES, write_shapes
from edge_sdk.errors import InputError
from edge_sdk.evaluation import Recognition
from edge_sdk.models import EnhanceNetConfig, RecognitionNet, load_checkpoint, recognition_preset
from edge_sdk.models.recognition_net import LEAST_SCALE
from edge_sdk.training.batch_norm_penalty import batch_norm_penalty
from edge_sdk.training.inputs.loaders import patch_loader, picture_loader
from edge_sdk.training.recipe.config import ConvergenceConfig, OptimizerConfig, TrainConfig
from edge_sdk.training.recipe.convergence import StopReason, relative_change
from edge_sdk.training.recipe.file import load_train_config
from tests.training.runs import MARKS, train, train_until, weights

pytestmark = MARKS
STEPS = 6


def shapes(folder: Path, per_class: int = 3, seed: int = 0, noise_std: float = 0.05) -> Path:
    if not folder.is_dir():
        write_shapes(folder, per_class, 40, seed, noise_std)
    return folder


def recipe(folder: Path, **changes: Any) -> TrainConfig:
    """A few steps on a dozen shapes, with all that a recipe for recognition may have."""
    arguments: dict[str, Any] = {
        "model": recognition_preset("tiny", SHAPES),
        "data": {
            "train": {"folder": shapes(folder / "train")},
            "validation": {"folder": shapes(folder / "validation", 2, seed=1)},
            "samples": {"turn_share": 0.5, "attribute_share": 0.5},
            "batch": 4,
        },
        "optimizer": {
            **{"steps": STEPS, "warmup_steps": 2, "ema_decay": 0.5},
            **{"weight_decay": 1e-2, "batch_norm_penalty": 1e-3},
        },
        "validate_every": 2,
        "seed": 3,
    }
    return TrainConfig(**arguments | changes)


def test_the_regularizer_is_the_mean_of_squares_by_hand() -> None:
    network = nn.Sequential(
        nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Sequential(nn.ReLU(), nn.BatchNorm2d(1))
    )
    first, second = network[1], network[2][1]
    first.weight.data, first.bias.data = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 0.0])
    second.weight.data, second.bias.data = torch.tensor([3.0]), torch.tensor([-1.0])
    found = batch_norm_penalty(network)
    # n = 6: two scales and two shifts, then one of each.
    assert float(found) == pytest.approx((1 + 4 + 0.25 + 0 + 9 + 1) / 6)
    found.backward()
    assert first.weight.grad.tolist() == pytest.approx([2 * 1 / 6, 2 * -2 / 6])
    assert second.bias.grad.tolist() == pytest.approx([2 * -1 / 6])
    assert network[0].weight.grad is None
    with pytest.raises(InputError, match="no BatchNorm"):
        batch_norm_penalty(nn.Conv2d(3, 2, 1))


def test_a_fresh_network_has_a_penalty_of_a_half() -> None:
    # Scales of 1 and shifts of 0, as many of each.
    network = RecognitionNet(recognition_preset("tiny", SHAPES))
    assert float(batch_norm_penalty(network)) == 0.5


@pytest.mark.parametrize("decay", [1e-4, 1e-3, 3e-2, 0.7])
def test_a_coefficient_above_a_tenth_of_the_decay_is_refused(decay: float) -> None:
    tenth = decay / 10
    assert OptimizerConfig(weight_decay=decay, batch_norm_penalty=tenth).batch_norm_penalty == tenth
    assert OptimizerConfig(weight_decay=decay).batch_norm_penalty == 0
    for factor in (1.01, 2.0, 10.0):
        with pytest.raises(InputError, match="at most a tenth of weight_decay"):
            OptimizerConfig(weight_decay=decay, batch_norm_penalty=factor * tenth)
    with pytest.raises(InputError, match="at most a tenth of weight_decay"):
        OptimizerConfig(batch_norm_penalty=1e-9)


def test_kernels_decay_and_biases_and_batch_norms_do_not(tmp_path: Path) -> None:
    from edge_sdk.training.run.recognition import RecognitionModule

    module = RecognitionModule(recipe(tmp_path))
    optimizer = module.configure_optimizers()["optimizer"]
    decays = {
        id(weight): group["weight_decay"]
        for group in optimizer.param_groups
        for weight in group["params"]
    }
    for part in module.network.modules():
        for name, weight in part.named_parameters(recurse=False):
            kernel = isinstance(part, nn.Conv2d | nn.Linear) and name == "weight"
            assert decays.pop(id(weight)) == (1e-2 if kernel else 0)
    assert not decays


def test_a_step_adds_the_penalty_to_the_loss(tmp_path: Path) -> None:
    from edge_sdk.training.run.recognition import RecognitionModule

    config = recipe(tmp_path)
    off = config.model_copy(
        update={"optimizer": config.optimizer.model_copy(update={"batch_norm_penalty": 0.0})}
    )
    batch = next(iter(patch_loader(config, 0)))
    losses = []
    for each in (config, off):
        torch.manual_seed(0)
        module = RecognitionModule(each)
        module.log = lambda *_, **__: None  # type: ignore[method-assign]
        losses.append(float(module.training_step(batch, 0)))
    assert losses[0] - losses[1] == pytest.approx(1e-3 * 0.5, rel=1e-3)


def test_the_relative_change_is_that_of_means_of_windows() -> None:
    assert relative_change([4.0, 2.0, 1.0, 1.0], 2) == pytest.approx(2 / 3)
    assert relative_change([9.0, 1.0, 1.1], 1) == pytest.approx(0.1)
    assert relative_change([1.0, 1.0, 1.0], 2) == math.inf
    assert relative_change([0.0, 0.0], 1) == 0
    assert relative_change([0.0, 1.0], 1) == math.inf
    condition = ConvergenceConfig(window=2, threshold=0.05)
    assert condition.is_met([5.0, 1.0, 1.0, 1.0, 0.98])
    assert not condition.is_met([1.0, 1.0, 0.9, 0.9])


def test_a_run_writes_its_figures_and_keeps_scales_positive(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    result = train(config, tmp_path / "run", progress=False)
    found = result.evaluation
    assert isinstance(found, Recognition)
    assert (result.steps, result.stopped) == (STEPS, StopReason.STEPS)
    assert result.baseline_db == pytest.approx(10 * math.log10(1 / 4))
    # The score is the mean likelihood of the right class, in dB of that loss.
    assert result.psnr_db == pytest.approx(-10 / math.log(10) * found.loss, abs=1e-4)
    assert [sum(row) for row in found.confusion] == [2, 2, 2, 2]
    written = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (written["steps"], written["stopped"], written["left_out"]) == (STEPS, "steps", [])
    assert written["evaluation"]["balanced_recall"] == found.balanced_recall
    assert written["evaluation"]["confusion"] == [list(row) for row in found.confusion]
    with (tmp_path / "run" / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["validation_loss"]]
    assert len(rows) == 3
    assert {"top1", "balanced_recall", "likelihood_db"} <= set(rows[0])
    curves = (tmp_path / "run" / "curves.svg").read_text()
    assert "likelihood of the right class, dB" in curves
    model = load_checkpoint(result.path).model
    norms = [part for part in model.modules() if isinstance(part, nn.BatchNorm2d)]
    assert min(float(norm.weight.min()) for norm in norms) >= LEAST_SCALE


def test_scales_that_a_step_made_negative_are_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_sdk.training.run import recognition as steps

    # At this rate some scale of a fresh network goes below 0 within a few steps.
    wild = {"steps": STEPS, "warmup_steps": 0, "ema_decay": 0.0, "learning_rate": 0.5}
    config = recipe(tmp_path, optimizer=wild | {"gradient_clip_norm": None})
    lowest = []
    for name, guard in (("with", steps.keep_scales_positive), ("without", lambda _: None)):
        monkeypatch.setattr(steps, "keep_scales_positive", guard)
        made = weights(train(config, tmp_path / name, progress=False).path)
        scales = [tensor for key, tensor in made.items() if key.endswith("norm_a.weight")]
        lowest.append(min(float(scale.min()) for scale in scales))
    assert lowest[0] >= LEAST_SCALE
    assert lowest[1] < 0


def test_a_resumed_run_ends_as_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(tmp_path)
    whole = train(config, tmp_path / "whole", progress=False)
    train_until(4, config, tmp_path / "cut", monkeypatch)
    resumed = train(config, tmp_path / "cut", resume=True, progress=False)
    assert (resumed.steps, resumed.psnr_db) == (whole.steps, whole.psnr_db)
    assert resumed.evaluation == whole.evaluation
    one, other = weights(whole.path), weights(resumed.path)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_that_converges_ends_says_so_and_stays_ended(tmp_path: Path) -> None:
    # Nothing is learned, so that the loss stays what it is.
    still = {"steps": 40, "learning_rate": 1e-12}
    condition = {"window": 2, "threshold": 0.5}
    config = recipe(tmp_path, optimizer=still, convergence=condition)
    result = train(config, tmp_path / "run", progress=False)
    assert (result.steps, result.stopped) == (8, StopReason.CONVERGED)
    assert json.loads((tmp_path / "run" / "result.json").read_text())["stopped"] == "converged"
    again = train(config, tmp_path / "run", resume=True, progress=False)
    assert (again.steps, again.stopped) == (8, StopReason.CONVERGED)
    assert again.psnr_db == result.psnr_db


def test_any_task_may_end_by_its_validation_loss(tmp_path: Path) -> None:
    from tests.training.runs import recipe as picture_recipe

    optimizer = OptimizerConfig(steps=30, learning_rate=1e-12, ema_decay=0.5)
    convergence = ConvergenceConfig(window=1, threshold=0.5)
    config = picture_recipe(tmp_path, optimizer=optimizer, convergence=convergence)
    result = train(config, tmp_path / "run", progress=False)
    assert (result.steps, result.stopped) == (4, StopReason.CONVERGED)
    assert result.evaluation is None


def test_the_same_seed_gives_the_same_samples_and_another_others(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    first, again = (list(patch_loader(config, 0)) for _ in range(2))
    rest = list(patch_loader(config, 2))
    other = list(patch_loader(config.model_copy(update={"seed": 4}), 0))
    for (one, label), (two, same) in zip(first, again, strict=True):
        assert torch.equal(one, two)
        assert torch.equal(label, same)
    assert torch.equal(rest[0][0], first[2][0])
    assert not torch.equal(other[0][0], first[0][0])
    pictures = list(picture_loader(config))
    assert [int(label) for _, label in pictures] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert first[0][0].shape == (4, 3, 32, 32)


def test_an_unreadable_picture_is_named_in_the_result(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    (tmp_path / "train" / "disk" / "broken.png").write_bytes(b"\x89PNG no more")
    result = train(config.with_steps(2), tmp_path / "run", progress=False)
    (reason,) = result.left_out
    assert "broken.png" in reason
    assert json.loads((tmp_path / "run" / "result.json").read_text())["left_out"] == [reason]


RECIPE = """
model: {{architecture: recognition_net, classes: {classes}, {model}}}
data:
  train: {{folder: train{names}}}
  validation: {{folder: validation}}
  {data}
optimizer: {{{optimizer}}}
{rest}
"""
FITTING = {
    **{"classes": "[cross, disk, square, triangle]", "model": "preview_px: 32", "names": ""},
    **{"data": "batch: 4", "optimizer": "steps: 2", "rest": ""},
}


def read(folder: Path, **changes: str) -> TrainConfig:
    (folder / "recipe.yaml").write_text(RECIPE.format(**FITTING | changes))
    return load_train_config(folder / "recipe.yaml")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "weight_decay: 1.0e-3, batch_norm_penalty: 2.0e-4"}, "at most a tenth"),
        ({"optimizer": "l2_steps: 5"}, "has no squared form"),
        ({"classes": "[disk]"}, "one class alone"),
        ({"model": "strides: [1, 3, 1]"}, "rule of claim 1"),
        ({"model": "mode: literal"}, "a stage has one"),
        ({"model": "widhts: [8]"}, "unknown key 'model.widhts'; did you mean 'widths'"),
        ({"model": "channels: 1"}, "pictures have red, green and blue"),
        ({"data": "samples: {area_share: 0.5, aspect_ratio: 1}"}, "claim 11"),
        ({"data": "samples: {flip_share: 0}"}, "claim 12"),
        ({"data": "samples: {flip_shere: 0}"}, "did you mean 'flip_share'"),
        ({"data": "patch_px: 24"}, "data.patch_px: is for patches"),
        ({"data": "resize_factors: [0.5]"}, "data.resize_factors: is for patches"),
        ({"data": "noise: {}"}, "data.noise: is for task: denoising"),
        ({"rest": "convergence: {window: 0}"}, "convergence.window"),
        ({"rest": "phases: {fake_quantized_steps: 1}"}, "in no block that freezes"),
        ({"rest": "phases: {statistics_steps: 1}"}, "no blocks to freeze"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_in_a_line(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message) as refused:
        read(tmp_path, **changes)
    assert "\n" not in str(refused.value)


def test_samples_are_for_recognition_alone(tmp_path: Path) -> None:
    source = {"folder": tmp_path}
    data = {"train": source, "validation": source, "samples": {}}
    with pytest.raises(InputError, match=r"data.samples: is for task: recognition"):
        TrainConfig(model=EnhanceNetConfig(), data=data)
    with pytest.raises(InputError, match="no BatchNorm to regularize"):
        TrainConfig(
            data={"train": source, "validation": source},
            optimizer={"weight_decay": 1e-2, "batch_norm_penalty": 1e-3},
        )


def test_wrong_pictures_are_refused_before_the_first_step(tmp_path: Path) -> None:
    shapes(tmp_path / "train")
    shapes(tmp_path / "validation", 1)

    def refused(message: str, **changes: str) -> None:
        with pytest.raises(Exception, match=message) as found:
            train(read(tmp_path, **changes), tmp_path / "run", progress=False)
        assert type(found.value).__module__ == "edge_sdk.errors"
        assert "\n" not in str(found.value)
        assert not (tmp_path / "run").exists()

    refused("triangle: is no class of the model", classes="[cross, disk, square]")
    refused("no folder for class 'star'", classes="[cross, disk, square, star, triangle]")
    table = tmp_path / "labels.csv"
    table.write_text("file,label\ndisk/gone.png,disk\n")
    refused("gone.png does not exist", names=", names: labels.csv")
    Image.new("RGB", (40, 3)).save(tmp_path / "train" / "disk" / "thin.png")
    refused("thin.png: 40×3 px have no room for 25%")


def test_a_table_of_labels_may_name_the_pictures(tmp_path: Path) -> None:
    shapes(tmp_path / "train")
    shapes(tmp_path / "validation", 1)
    lines = [f"{shape}/000{index}.png,{shape}" for shape in SHAPES for index in (0, 2)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label", *lines]))
    config = read(tmp_path, names=", names: labels.csv")
    assert config.data.train is not None
    assert config.data.train.names == tmp_path / "labels.csv"
    assert train(config, tmp_path / "run", progress=False).steps == 2


@pytest.mark.slow
def test_shapes_are_told_apart_with_and_without_the_regularizer(tmp_path: Path) -> None:
    train_set = shapes(tmp_path / "train", 150, noise_std=0.05)
    validation_set = shapes(tmp_path / "validation", 30, seed=1, noise_std=0.05)
    recalls = {}
    for penalty in (0.0, 1e-2):
        config = recipe(
            tmp_path,
            data={
                "train": {"folder": train_set},
                "validation": {"folder": validation_set},
                "samples": {"area_share": (0.8, 1.0), "aspect_ratio": (0.9, 1.1)},
                "batch": 16,
            },
            optimizer={
                **{"steps": 360, "learning_rate": 5e-3, "warmup_steps": 20, "ema_decay": 0.95},
                **{"weight_decay": 0.1, "batch_norm_penalty": penalty},
            },
            convergence={"window": 2, "threshold": 0.06},
            validate_every=20,
        )
        result = train(config, tmp_path / f"run{penalty:g}", progress=False)
        assert isinstance(result.evaluation, Recognition)
        assert result.stopped is StopReason.CONVERGED
        recalls[penalty] = result.evaluation.balanced_recall
        model = load_checkpoint(result.path).model
        assert float(model.norm.weight.min()) >= LEAST_SCALE
    assert min(recalls.values()) >= 0.85, recalls

"""Runs for quality: what they read, keep, write and refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from edge_sdk.data import example_photo
from edge_sdk.data.quality.grades import LEVELS
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.models import load_checkpoint, recognition_preset
from edge_sdk.training.inputs.loaders import patch_loader, picture_loader
from edge_sdk.training.inputs.quality_store import degraded_sheets
from edge_sdk.training.recipe.config import TrainConfig
from tests.needs import needs
from tests.training.runs import MARKS, train, train_until, weights

pytestmark = [*MARKS, needs("examples")]


def model(**changes: Any) -> dict[str, Any]:
    tiny = vars(recognition_preset("tiny", LEVELS))
    return {**tiny, "task": "quality", "architecture": "recognition_net", **changes}


def photographs(folder: Path) -> Path:
    if not folder.is_dir():
        folder.mkdir()
        for name in ("coffee", "chelsea", "rocket"):
            photo = example_photo(name)[:, 100:300, 100:320]
            write_picture(Picture(photo), folder / f"{name}.png")
    return folder


def recipe(folder: Path, **changes: Any) -> TrainConfig:
    source = {"folder": photographs(folder / "photos")}
    arguments: dict[str, Any] = {
        "model": model(),
        "data": {
            "train": source,
            "validation": source,
            "options": {"sheets": 4, "validation_sheets": 2, "held_out": 3},
            "batch": 4,
        },
        "optimizer": {"steps": 4, "warmup_steps": 1, "ema_decay": 0.5},
        "validate_every": 2,
        "seed": 3,
    }
    return TrainConfig(**arguments | changes)


def test_a_run_writes_its_figures_and_kernels_without_means(tmp_path: Path) -> None:
    result = train(recipe(tmp_path), tmp_path / "run", progress=False)
    record = json.loads((tmp_path / "run" / "result.json").read_text())
    assert sum(map(sum, record["evaluation"]["confusion"])) == 2
    assert 0 <= record["evaluation"]["mean_error"] <= 100
    network = load_checkpoint(result.path).model
    assert network.spec.task == "quality"
    assert float(network.get_parameter("first.weight").mean((2, 3)).abs().max()) < 1e-6
    metrics = (tmp_path / "run" / "metrics.csv").read_text()
    assert {"mean_error", "balanced_recall"} <= set(metrics.splitlines()[0].split(","))


def test_an_interrupted_run_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(tmp_path)
    whole = train(config, tmp_path / "whole", progress=False)
    train_until(3, config, tmp_path / "cut", monkeypatch)
    resumed = train(config, tmp_path / "cut", resume=True, progress=False)
    for name, weight in weights(whole.path).items():
        assert torch.equal(weight, weights(resumed.path)[name]), name


def test_photographs_held_out_are_not_trained_on(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    # The third by name, rocket.png, is measured on: the others give four sheets each.
    assert len(picture_loader(config)) == 2
    paths = sorted((tmp_path / "photos").iterdir())
    trained = degraded_sheets(paths[:2], 4, 32, seed=3).ranges[:, 0].tolist()
    seen = {round(float(low), 4) for _, scores in patch_loader(config, 0) for low in scores[:, 0]}
    assert seen <= {round(score, 4) for score in trained}


def test_sheets_are_made_once_and_unreadable_photographs_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photographs(tmp_path / "photos")
    (folder / "broken.png").write_bytes(b"no picture")
    write_picture(Picture(torch.rand(3, 10, 300)), folder / "narrow.png")
    paths = sorted(folder.iterdir())
    first = degraded_sheets(paths, 2, 32, seed=0)
    assert [reason.rpartition("/")[2].split(":")[0] for reason in first.left_out] == [
        "broken.png", "narrow.png"
    ]  # fmt: skip
    assert len(first.sheets) == 6
    monkeypatch.setattr("edge_sdk.training.inputs.quality_store.scored_sheets", None)
    again = degraded_sheets(paths[:3], 2, 32, seed=0)
    assert torch.equal(again.sheets[1], first.sheets[1])
    with pytest.raises(PictureError, match="no photograph can be degraded"):
        degraded_sheets([folder / "broken.png"], 2, 32, seed=0)


def test_labels_of_people_replace_scores(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "photos")
    (folder / "judged.csv").write_text("path,class\ncoffee.png,good\nchelsea.png,poor\n")
    source = {"folder": folder, "names": folder / "judged.csv"}
    config = recipe(tmp_path, data={"train": source, "validation": source, "batch": 2})
    targets = torch.cat([scores for _, scores in patch_loader(config, 0)])
    assert {tuple(row) for row in targets.tolist()} == {(60.0, 100.0), (0.0, 30.0)}
    result = train(config, tmp_path / "run", progress=False)
    assert result.steps == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": model(classes=("poor", "good"))}, "model.classes must be the levels"),
        ({"model": model(preview_px=33)}, "an even number"),
        ({"model": model(mean=(0.5,), std=(0.5,))}, "without mean and std"),
        ({"data": {"train": {"folder": "a"}, "validation": {"folder": "b"},
                   "options": {"held_out": 2}}}, "data.validation names others"),
        ({"data": {"train": {"folder": "a"}, "validation": {"folder": "a"},
                   "options": {"held": 2}}}, "options of the task: sheets"),
        ({"data": {"train": {"folder": "a"}, "validation": {"folder": "a"}, "patch_px": 64}},
         "quality cuts sheets"),
        ({"data": {"train": {"folder": "a"}, "validation": {"folder": "a"},
                   "samples": {"turn_share": 1}}}, "is for task: recognition"),
    ],
)  # fmt: skip
def test_recipes_that_do_not_fit_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        recipe(tmp_path, **changes)


def test_nothing_to_measure_on_is_one_line(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    options = {"sheets": 2, "validation_sheets": 2, "held_out": 9}
    data = config.data.model_copy(update={"options": options})
    with pytest.raises(InputError, match="held_out: 9 leaves no picture"):
        picture_loader(config.model_copy(update={"data": data}))

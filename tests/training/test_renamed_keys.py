from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from edge_sdk.errors import InputError
from edge_sdk.renamed import RENAMED, with_current_names
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.recipe.record import recorded
from edge_sdk.training.run.folder import RunFolder
from tests.training.runs import STEPS, recipe, train, train_until, weights

# A recipe in which each key has the name that it had: where it stood then.
PLACES = {
    "average_decay": "optimizer: {average_decay: 0.9}",
    "colour": "model: {colour: y}",
    "fake_quantised_steps": "phases: {fake_quantised_steps: 1}",
    "follow_init": "phases: {follow_init: true}",
    "mover_share": "data: {bursts: {mover_share: 0.1}}",
    "near_share": "data: {bursts: {near_share: 0.1}}",
    "optimiser": "optimiser: {steps: 3}",
    "sensor_share": "data: {bursts: {sensor_share: 0.1}}",
    "shrinks": "data: {shrinks: [0.5]}",
    "walk_share": "data: {bursts: {walk_share: 0.1}}",
}
NO_RECIPE_KEYS = {"quantisation"}
"""Keys of model files alone."""


def with_old_names(value: Any) -> Any:
    """What an earlier version would have written."""
    old = {new: before for before, new in RENAMED.items()}
    if isinstance(value, dict):
        return {old.get(key, key): with_old_names(part) for key, part in value.items()}
    return value


def keys(value: Any) -> set[str]:
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(keys(part) for part in value.values()))


def test_every_renamed_key_has_a_place() -> None:
    assert set(PLACES) | NO_RECIPE_KEYS == set(RENAMED)
    assert not set(RENAMED) & set(RENAMED.values())


@pytest.mark.parametrize("old", sorted(PLACES))
def test_an_old_key_is_answered_with_the_new_one(tmp_path: Path, old: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(PLACES[old] + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_train_config(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith(f"{old}' has another name now; write '{RENAMED[old]}'")
    assert "\n" not in message


@pytest.mark.parametrize("old", sorted(NO_RECIPE_KEYS))
def test_a_key_that_no_recipe_has_is_unknown(tmp_path: Path, old: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"{old}: 1\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"unknown key '{old}'"):
        load_train_config(path)


def test_names_go_there_and_back(tmp_path: Path) -> None:
    written = recorded(recipe(tmp_path))
    old = with_old_names(written)
    assert {"average_decay", "optimiser", "colour", "shrinks", "follow_init"} <= keys(old)
    assert with_current_names(old) == written


@pytest.mark.slow
def test_a_checkpoint_of_old_names_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    whole = train(config, tmp_path / "whole", progress=False)
    train_until(5, config, out, monkeypatch)
    last = RunFolder(out).last
    checkpoint = torch.load(last, weights_only=True)
    checkpoint["recipe"] = with_old_names(checkpoint["recipe"])
    torch.save(checkpoint, last)
    resumed = train(config, out, resume=True, progress=False)
    assert (resumed.steps, resumed.psnr_db) == (STEPS, whole.psnr_db)
    assert all(
        torch.equal(one, other)
        for one, other in zip(
            weights(whole.path).values(), weights(resumed.path).values(), strict=True
        )
    )


@pytest.mark.slow
def test_a_checkpoint_from_before_the_algorithm_had_a_name_goes_on_with_adam(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    adam = config.optimizer.model_copy(update={"algorithm": "adam", "gradient_clip_norm": None})
    plain = config.model_copy(update={"optimizer": adam})
    whole = train(plain, tmp_path / "whole", progress=False)
    train_until(5, plain, out, monkeypatch)
    last = RunFolder(out).last
    checkpoint = torch.load(last, weights_only=True)
    for key in ("algorithm", "gradient_clip_norm"):
        del checkpoint["recipe"]["optimizer"][key]
    for key in ("initialization", "kernels", "ends", "joining"):
        del checkpoint["recipe"]["model"][key]
    torch.save(checkpoint, last)
    with pytest.raises(InputError, match=r"optimizer\.algorithm: adam, now stable_adam") as caught:
        train(config, out, resume=True, progress=False)
    assert "\n" not in str(caught.value)
    model = replace(plain.model, initialization="independent")
    resumed = train(plain.model_copy(update={"model": model}), out, resume=True, progress=False)
    assert (resumed.steps, resumed.psnr_db) == (STEPS, whole.psnr_db)


def test_a_schedule_of_old_names_goes_on(tmp_path: Path) -> None:
    from edge_sdk.training.run.schedule import train_schedule

    config, out = recipe(tmp_path), tmp_path / "run"
    first = train_schedule([config], out, progress=False)
    record = out / "recipes.json"
    runs = json.loads(record.read_text("utf-8"))
    record.write_text(
        json.dumps([run | {"recipe": with_old_names(run["recipe"])} for run in runs]), "utf-8"
    )
    resumed = train_schedule([config, config.with_steps(2)], out, resume=True, progress=False)
    assert [run.steps for run in resumed.runs] == [STEPS, 2]
    assert resumed.runs[0].psnr_db == first.psnr_db

"""Recipes one after another: the weights of single runs, going on after a stop, and refusals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from edge_sdk.errors import InputError, ModelError, PictureError
from edge_sdk.models import EnhanceNetConfig
from edge_sdk.reparam import sesr_branches
from edge_sdk.training.recipe.config import OptimizerConfig, PhasesConfig, TrainConfig
from tests.training.runs import MARKS, STEPS, recipe, train, weights

if TYPE_CHECKING:
    from edge_sdk.training.run.schedule import ScheduleResult

pytestmark = MARKS


def two(folder: Path, **changes: Any) -> list[TrainConfig]:
    """A recipe and another of fewer steps, whose last is not followed by a validation."""
    later = OptimizerConfig(steps=5, warmup_steps=0, learning_rate=5e-4, ema_decay=0.5)
    return [recipe(folder), recipe(folder, **{"optimizer": later, "seed": 4} | changes)]


def train_schedule(configs: Sequence[TrainConfig], out: Path, **options: Any) -> ScheduleResult:
    """Train one after the other, with Lightning imported only now."""
    from edge_sdk.training.run.schedule import train_schedule

    return train_schedule(configs, out, **options)


def stop_in_recipe(monkeypatch: pytest.MonkeyPatch, seed: int, step: int) -> None:
    """Have the run whose recipe has ``seed`` break off before the step that follows ``step``."""
    from edge_sdk.training.run.module import TrainingModule

    original = TrainingModule.training_step

    def stop(self: TrainingModule, batch: Any, index: int):
        if self.config.seed == seed and self.global_step == step:
            raise RuntimeError("power cut")
        return original(self, batch, index)

    monkeypatch.setattr(TrainingModule, "training_step", stop)


def assert_same_weights(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_a_schedule_is_single_runs_that_start_from_the_one_before(
    tmp_path: Path,
) -> None:
    configs = two(tmp_path)
    told: list[int] = []
    trained = train_schedule(
        configs,
        tmp_path / "run",
        progress=False,
        finished=lambda number, _: told.append(number),
    )
    first = train(configs[0], tmp_path / "a", progress=False)
    second = train(
        configs[1].model_copy(update={"init": str(first.path)}), tmp_path / "b", progress=False
    )
    assert told == [1, 2]
    assert [run.psnr_db for run in trained.runs] == [first.psnr_db, second.psnr_db]
    assert (trained.psnr_db, trained.baseline_db) == (second.psnr_db, second.baseline_db)
    assert trained.steps == STEPS + 5
    assert_same_weights(tmp_path / "run" / "1" / "model.safetensors", first.path)
    assert_same_weights(tmp_path / "run" / "2" / "model.safetensors", second.path)
    assert trained.path == tmp_path / "run" / "model.safetensors"
    assert trained.path.read_bytes() == trained.runs[1].path.read_bytes()
    initial = trained.runs[1].initial
    assert initial is not None
    assert initial.fresh == ()
    for number in ("1", "2"):
        assert {"metrics.csv", "curves.svg"} <= {
            p.name for p in (tmp_path / "run" / number).iterdir()
        }


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "step"), [(3, 5), (4, 0), (4, 3)])
def test_a_resumed_run_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, step: int
) -> None:
    configs = two(tmp_path)
    whole = train_schedule(configs, tmp_path / "whole", progress=False)
    with monkeypatch.context() as cut:
        stop_in_recipe(cut, seed, step)
        with pytest.raises(RuntimeError, match="power cut"):
            train_schedule(configs, tmp_path / "run", progress=False)
    assert not (tmp_path / "run" / "model.safetensors").exists()
    told: list[int] = []
    resumed = train_schedule(
        configs,
        tmp_path / "run",
        resume=True,
        progress=False,
        finished=lambda number, _: told.append(number),
    )
    assert told == ([1, 2] if seed == 3 else [2])
    assert_same_weights(resumed.path, whole.path)
    assert [run.psnr_db for run in resumed.runs] == [run.psnr_db for run in whole.runs]
    assert [run.steps for run in resumed.runs] == [STEPS, 5]


@pytest.mark.slow
def test_a_finished_run_is_left_as_it_is_and_may_grow(tmp_path: Path) -> None:
    configs, out = two(tmp_path), tmp_path / "run"
    whole = train_schedule(configs, out, progress=False)
    before = files(out)
    again = train_schedule(configs, out, resume=True, progress=False)
    assert [run.psnr_db for run in again.runs] == [run.psnr_db for run in whole.runs]
    assert files(out) == before
    longer = [configs[0], configs[1].with_steps(7)]
    assert train_schedule(longer, out, resume=True, progress=False).runs[1].steps == 7
    third = configs[1].model_copy(update={"seed": 5})
    added = train_schedule([*longer, third], out, resume=True, progress=False)
    assert [run.steps for run in added.runs] == [STEPS, 7, 5]
    assert added.path.read_bytes() == (out / "3" / "model.safetensors").read_bytes()


def test_what_others_build_on_may_not_change(tmp_path: Path) -> None:
    configs, out = two(tmp_path), tmp_path / "run"
    train_schedule(configs, out, progress=False)
    before = files(out)
    for changed, message in (
        ([configs[0].with_steps(9), configs[1]], f"recipe 1 is finished .*steps: {STEPS}, now 9"),
        ([configs[0].model_copy(update={"seed": 9}), configs[1]], "seed: 3, now 9"),
        (configs[:1], "recipe 2 has been started, but 1 recipes are given"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            train_schedule(changed, out, resume=True, progress=False)
        assert "\n" not in str(caught.value)
    assert files(out) == before


@pytest.mark.slow
def test_a_run_is_overwritten_on_request_alone(tmp_path: Path) -> None:
    configs, out = two(tmp_path), tmp_path / "run"
    train_schedule([*configs, configs[1]], out, progress=False)
    before = files(out)
    with pytest.raises(InputError, match="holds a run already"):
        train_schedule(configs, out, progress=False)
    with pytest.raises(InputError, match="either resumed or overwritten"):
        train_schedule(configs, out, resume=True, overwrite=True, progress=False)
    assert files(out) == before
    train_schedule(configs, out, overwrite=True, progress=False)
    assert not list((out / "3").iterdir())
    assert len(json.loads((out / "recipes.json").read_text())) == 2
    (out / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"run.1: holds a run already"):
        train_schedule(configs, out, progress=False)


@pytest.mark.slow
def test_a_run_of_one_recipe_and_a_schedule_are_not_mixed(tmp_path: Path) -> None:
    configs, out = two(tmp_path), tmp_path / "run"
    with pytest.raises(InputError, match="no checkpoint to resume from"):
        train_schedule(configs, out, resume=True, progress=False)
    train(configs[0], out, progress=False)
    with pytest.raises(InputError, match="holds a run already"):
        train_schedule(configs, out, progress=False)
    with pytest.raises(InputError, match="holds a run of one recipe"):
        train_schedule(configs, out, resume=True, progress=False)
    train_schedule(configs, out, overwrite=True, progress=False)
    assert not (out / "last.ckpt").exists()
    train(configs[0], out, overwrite=True, progress=False)
    assert not (out / "recipes.json").exists()


def test_all_recipes_are_checked_before_any_is_trained(tmp_path: Path) -> None:
    out = tmp_path / "run"
    wider = EnhanceNetConfig(scale=3, widths=(5, 5), skips=(), branches=sesr_branches(7))
    deeper = EnhanceNetConfig(widths=(4, 4, 4), skips=((0, 1),), branches=sesr_branches(8))
    data = recipe(tmp_path).data
    empty = tmp_path / "empty"
    empty.mkdir()
    for changes, error, message in (
        ({"model": wider}, InputError, "recipe 2: takes over nothing from the recipe before"),
        (
            {"model": deeper, "phases": PhasesConfig(distill=True), "init": "later"},
            InputError,
            "recipe 2: distill: the recipe before has no layer that fits",
        ),
        (
            {"data": data.model_copy(update={"patch_px": 25})},
            PictureError,
            "recipe 2: .* smaller than a patch",
        ),
        (
            {
                "data": data.model_copy(
                    update={"train": data.train.model_copy(update={"folder": empty})}
                )
            },
            InputError,
            "recipe 2: .*holds no picture",
        ),
    ):
        with pytest.raises(error, match=message) as caught:
            train_schedule(two(tmp_path, **changes), out, progress=False)
        assert "\n" not in str(caught.value)
        assert not out.exists()
    first = recipe(tmp_path, init="none")
    with pytest.raises(ModelError, match="recipe 1: 'none'"):
        train_schedule([first, *two(tmp_path)], out, progress=False)
    with pytest.raises(InputError, match="no recipe given"):
        train_schedule([], out, progress=False)
    assert not out.exists()


@pytest.mark.slow
def test_a_stage_may_follow_the_one_before(tmp_path: Path) -> None:
    follow = PhasesConfig(distill=True)
    configs = two(tmp_path, phases=follow, init="replaced")
    result = train_schedule(configs, tmp_path / "run", progress=False)
    start = str(tmp_path / "run" / "1" / "model.safetensors")
    alone = configs[1].model_copy(update={"init": start})
    single = train(alone, tmp_path / "alone", progress=False)
    assert_same_weights(result.path, single.path)


def test_a_damaged_list_of_recipes_is_refused_in_one_line(tmp_path: Path) -> None:
    configs, out = two(tmp_path), tmp_path / "run"
    train_schedule(configs, out, progress=False)
    for content in ("[", "[{}]", "[3]", "5"):
        (out / "recipes.json").write_text(content)
        with pytest.raises(ModelError, match=r"recipes\.json: not a list of finished") as caught:
            train_schedule(configs, out, resume=True, progress=False)
        assert "\n" not in str(caught.value)


def test_recipes_are_read_as_a_chain(tmp_path: Path) -> None:
    from edge_sdk.training.run.schedule import load_schedule

    text = "data: {train: {folder: .}, validation: {folder: .}}\n"
    for name, rest in (("a", ""), ("b", "init: other"), ("c", "phases: {distill: true}")):
        (tmp_path / f"{name}.yaml").write_text(text + rest)
    paths = [tmp_path / f"{name}.yaml" for name in "abc"]
    out = tmp_path / "run"
    starts = [config.init for config in load_schedule(paths, out)]
    assert starts == [None, *(str(out / n / "model.safetensors") for n in "12")]
    assert load_schedule(paths, out, init="sr_x2_y")[0].init == "sr_x2_y"
    with pytest.raises(InputError, match=r"c\.yaml: phases: distill needs a teacher"):
        load_schedule(paths[2:], out)
    assert load_schedule(paths[2:], out, init="sr_x2_y")[0].init == "sr_x2_y"

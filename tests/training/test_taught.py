"""A teacher of the first steps: its targets, its self-ensemble, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from edge_sdk.data.samples.patches import PatchDataset, PicturePair, oriented, upright
from edge_sdk.errors import InputError, ModelError
from edge_sdk.imaging import resize_bicubic
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig, save_checkpoint
from edge_sdk.training.inputs.taught import TaughtFirst, mean_over_turns, teacher_of
from edge_sdk.training.recipe.config import DataConfig, TeacherConfig, TrainConfig
from edge_sdk.training.recipe.file import load_train_config
from tests.tolerances import SINGLE, TWICE_TRAINED
from tests.training.runs import MARKS, STEPS, recipe, train, train_until, weights

pytestmark = MARKS


def network(seed: int = 0, **changes: Any) -> EnhanceNet:
    torch.manual_seed(seed)
    config = EnhanceNetConfig(widths=(6, 6, 6), skips=(), branches=None, **changes)
    return EnhanceNet(config).eval()


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(1, height, width, generator=torch.Generator().manual_seed(seed))


def pair(height: int, width: int, seed: int) -> PicturePair:
    low = (picture(height, width, seed) * 255).round().to(torch.uint8)
    high = (picture(2 * height, 2 * width, seed + 100) * 255).round().to(torch.uint8)
    return PicturePair(low, high, f"{seed}.png")


@pytest.mark.parametrize("turn", range(8))
def test_upright_undoes_every_orientation(turn: int) -> None:
    image = picture(5, 7)
    assert torch.equal(upright(oriented(image, turn), turn), image)


def test_one_turn_is_the_network_itself_whatever_the_tiles() -> None:
    teacher, image = network(), picture(300, 20)
    with torch.no_grad():
        whole = teacher(image[None])[0]
    made = mean_over_turns(teacher, teacher.spec, image, range(1))
    torch.testing.assert_close(made, whole, **SINGLE)


@pytest.mark.parametrize("turn", range(1, 8))
def test_the_ensemble_turns_with_the_picture_and_the_network_does_not(turn: int) -> None:
    teacher, image = network(), picture(12, 16)

    def off(turns: range) -> float:
        upside = mean_over_turns(teacher, teacher.spec, oriented(image, turn), turns)
        still = oriented(mean_over_turns(teacher, teacher.spec, image, turns), turn)
        return float((upside - still).abs().max())

    assert off(range(8)) < SINGLE["atol"]
    assert off(range(1)) > 1000 * SINGLE["atol"]


def test_the_first_patches_have_the_teachers_targets_and_the_rest_the_true_ones() -> None:
    pairs = [pair(24, 30, 0), pair(20, 26, 1)]
    patches = PatchDataset(pairs, patch_px=8, length=60, seed=4)
    asked: list[Tensor] = []

    def teach(low: Tensor) -> Tensor:
        asked.append(low)
        return resize_bicubic(low, 2)

    taught = TaughtFirst(patches, teach, 40)
    assert len(taught) == len(patches)
    enlarged = [
        PicturePair(
            each.low, (resize_bicubic(each.low.float() / 255, 2).clamp(0, 1) * 255).round(), ""
        )
        for each in pairs
    ]
    for index in range(60):
        low, high = taught[index]
        place = patches.place(index)
        source = enlarged if index < 40 else pairs
        wanted_low, wanted = patches.cut(source[place.picture], place)
        assert torch.equal(low, wanted_low)
        assert torch.equal(high, wanted)
        assert torch.equal(high, patches[index][1]) == (index >= 40)
    assert len(asked) == len(pairs)


def save_teacher(folder: Path, **changes: Any) -> str:
    path = folder / "teacher.safetensors"
    save_checkpoint(network(seed=5, **changes), path)
    return str(path)


def test_teachers_of_other_networks_are_taken_and_of_other_tasks_refused(tmp_path: Path) -> None:
    spec = network(seed=1).spec
    teach = teacher_of(TeacherConfig(model=save_teacher(tmp_path), steps=1), spec)
    expected = mean_over_turns(network(seed=5), spec, picture(9, 11), range(8))
    torch.testing.assert_close(teach(picture(9, 11)), expected, **SINGLE)
    for changes in ({"scale": 3}, {"color": Color.RGB}):
        other = TeacherConfig(model=save_teacher(tmp_path, **changes), steps=1)
        with pytest.raises(InputError, match=r"^teacher: .* choose a teacher for the same$"):
            teacher_of(other, spec)
    with pytest.raises(ModelError):
        teacher_of(TeacherConfig(model=str(tmp_path / "none.safetensors"), steps=1), spec)


@pytest.mark.slow
@pytest.mark.parametrize("step", [3, 7])
def test_a_taught_run_that_is_resumed_ends_like_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    teacher = TeacherConfig(model=save_teacher(tmp_path), steps=5)
    config = recipe(tmp_path, teacher=teacher)
    whole = train(config, tmp_path / "whole", progress=False)
    train_until(step, config, tmp_path / "run", monkeypatch)
    resumed = train(config, tmp_path / "run", resume=True, progress=False)
    for name, tensor in weights(whole.path).items():
        torch.testing.assert_close(weights(resumed.path)[name], tensor, **TWICE_TRAINED)
    untaught = train(recipe(tmp_path), tmp_path / "untaught", progress=False)
    assert untaught.steps == STEPS
    assert any(
        not torch.equal(tensor, weights(untaught.path)[name])
        for name, tensor in weights(whole.path).items()
    )


def test_a_resumed_run_keeps_its_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = TeacherConfig(model=save_teacher(tmp_path), steps=5)
    train_until(3, recipe(tmp_path, teacher=teacher), tmp_path / "run", monkeypatch)
    other = recipe(tmp_path, teacher=teacher.model_copy(update={"steps": 6}))
    with pytest.raises(InputError, match=r"teacher\.steps: 5, now 6"):
        train(other, tmp_path / "run", resume=True, progress=False)


SOURCE = {"folder": "photos"}
PICTURES = {"train": SOURCE, "validation": SOURCE}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": {"steps": 5}}, "steps 6 are more than the 5 of the run"),
        ({"data": {**PICTURES, "camera": {}}}, "data.camera takes each patch anew"),
        ({"phases": {"distill": True}, "init": "sr_x2_y"}, "are two teachers"),
        (
            {"model": {"task": "denoising", "scale": 1}, "data": {**PICTURES, "noise": {}}},
            "is for task: super-resolution alone",
        ),
    ],
)
def test_recipes_that_cannot_have_a_teacher_are_refused(changes: Any, said: str) -> None:
    content = {"data": PICTURES, "teacher": {"model": "sr_x2_y", "steps": 6}} | changes
    with pytest.raises(InputError, match=f"^teacher: .*{said}"):
        TrainConfig(**content)


def test_fewer_steps_than_the_teachers_are_refused() -> None:
    config = TrainConfig(
        data=DataConfig(**PICTURES), teacher=TeacherConfig(model="sr_x2_y", steps=600)
    )
    assert config.with_steps(600).optimizer.steps == 600
    with pytest.raises(InputError, match="take fewer"):
        config.with_steps(599)


def test_a_teacher_beside_the_recipe_is_found_there(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    text = "data: {train: {folder: a}, validation: {folder: a}}\nteacher: {steps: 1, model: MODEL}"
    path.write_text(text.replace("MODEL", "large.safetensors"))
    found = load_train_config(path, tmp_path / "elsewhere").teacher
    assert found is not None
    assert Path(found.model) == tmp_path / "large.safetensors"
    path.write_text(text.replace("MODEL", "sr_x2_y"))
    assert load_train_config(path).teacher == TeacherConfig(model="sr_x2_y", steps=1)

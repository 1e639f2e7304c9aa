from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_sdk.data.samples.patches import PatchDataset, list_pictures, picture_pair
from edge_sdk.errors import InputError, ModelError, OutputError, PictureError
from edge_sdk.imaging import psnr
from edge_sdk.models import Color, EnhanceNetConfig, load_checkpoint
from edge_sdk.reparam import fuse
from edge_sdk.training.recipe.config import OptimizerConfig, PictureSource
from tests.tolerances import TWICE_TRAINED
from tests.training.runs import MARKS, STEPS, logged, recipe, train, train_until, weights

pytestmark = MARKS


@pytest.fixture
def indices(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Indices of the patches that were read, in order."""
    seen: list[int] = []
    original = PatchDataset.__getitem__

    def spy(self: PatchDataset, index: int):
        seen.append(index)
        return original(self, index)

    monkeypatch.setattr(PatchDataset, "__getitem__", spy)
    return seen


@pytest.mark.slow
def test_training_raises_psnr(tmp_path: Path) -> None:
    config = recipe(
        tmp_path,
        optimizer=OptimizerConfig(steps=120, warmup_steps=5, learning_rate=5e-3, ema_decay=0.9),
        validate_every=10,
    )
    # From a start that is far from the image skip there is a decibel to learn on these pictures.
    model = replace(config.model, initialization="independent")
    config = config.model_copy(update={"model": model})
    result = train(config, tmp_path / "run", progress=False)
    values = [value for _, value in logged(tmp_path / "run")]
    assert result.steps == 120
    assert result.psnr_db == pytest.approx(max(values), abs=1e-4)
    assert values[-1] > values[0] + 1


def test_the_file_holds_the_weights_that_were_measured(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    result = train(config, tmp_path / "run", progress=False)
    model = load_checkpoint(result.path).model
    assert model.config == config.model
    fused, _ = fuse(model, torch.rand(1, 1, 9, 9))
    pairs = [
        picture_pair(path, 2, Color.Y) for path in list_pictures(config.data.validation.folder)
    ]
    for network in (model, fused):
        values = []
        for pair in pairs:
            with torch.no_grad():
                output = network(pair.low[None].float() / 255).clamp(0, 1)
            levels = (output[0] * 255).round() / 255
            values.append(float(psnr(levels, pair.high.float() / 255, border=2)))
        assert sum(values) / len(values) == pytest.approx(result.psnr_db, abs=0.02)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "curves.svg",
        "last.ckpt",
        "metrics.csv",
        "model.safetensors",
    }


@pytest.mark.slow
def test_the_same_recipe_gives_the_same_weights(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    first = train(config, tmp_path / "a", progress=False)
    second = train(config, tmp_path / "b", progress=False)
    assert first.psnr_db == second.psnr_db
    other = weights(second.path)
    assert all(torch.equal(other[name], tensor) for name, tensor in weights(first.path).items())


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, 5, 7])
def test_a_resumed_run_ends_like_an_uninterrupted_one(
    tmp_path: Path, indices: list[int], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    config = recipe(tmp_path)
    whole = train(config, tmp_path / "whole", progress=False)
    assert indices == list(range(2 * STEPS))
    run = tmp_path / "run"
    train_until(step, config, run, monkeypatch)
    assert load_checkpoint(run / "model.safetensors").model.config == config.model
    resumed = train(config, run, resume=True, progress=False)
    assert resumed.steps == STEPS
    assert resumed.psnr_db == pytest.approx(whole.psnr_db, abs=1e-6)
    for name, tensor in weights(whole.path).items():
        torch.testing.assert_close(weights(resumed.path)[name], tensor, **TWICE_TRAINED)
    for (step, value), (other_step, other) in zip(
        logged(run), logged(tmp_path / "whole"), strict=True
    ):
        assert (step, value) == (other_step, pytest.approx(other, abs=1e-4))


def test_a_resumed_run_goes_on_at_the_next_patch(
    tmp_path: Path, indices: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = recipe(tmp_path)
    train_until(5, config, tmp_path / "run", monkeypatch)
    indices.clear()
    train(config, tmp_path / "run", resume=True, progress=False)
    # The last validation, and with it the last checkpoint, was after four steps of two patches.
    assert indices == list(range(8, 2 * STEPS))


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path, indices: list[int]) -> None:
    config = recipe(tmp_path)
    first = train(config, tmp_path / "run", progress=False)
    before = first.path.read_bytes()
    indices.clear()
    assert train(config, tmp_path / "run", resume=True, progress=False) == first
    assert indices == []
    assert first.path.read_bytes() == before


def test_the_last_steps_are_validated_too(tmp_path: Path) -> None:
    config = recipe(tmp_path, validate_every=3)
    train(config, tmp_path / "run", progress=False)
    assert [step for step, _ in logged(tmp_path / "run")] == [2, 5, 8]


@pytest.mark.parametrize("change", ["missing", "empty"])
@pytest.mark.parametrize("part", ["train", "validation"])
def test_folders_without_pictures_are_refused(tmp_path: Path, change: str, part: str) -> None:
    config = recipe(tmp_path)
    folder = tmp_path / change
    if change == "empty":
        folder.mkdir()
    data = config.data.model_copy(update={part: PictureSource(folder=folder)})
    with pytest.raises(InputError, match=f"{folder}: "):
        train(config.model_copy(update={"data": data}), tmp_path / "run", progress=False)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_pictures_smaller_than_a_patch_are_refused(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    data = config.data.model_copy(update={"patch_px": 25})
    with pytest.raises(PictureError, match=r"0\.png: 24×24 px .* patch of 25 px"):
        train(config.model_copy(update={"data": data}), tmp_path / "run", progress=False)


def test_a_loss_that_is_not_finite_ends_the_run(tmp_path: Path) -> None:
    steep = OptimizerConfig(steps=STEPS, warmup_steps=0, learning_rate=1e30)
    with pytest.raises(ModelError, match=r"the loss became .* lower the learning rate"):
        train(recipe(tmp_path, optimizer=steep), tmp_path / "run", progress=False)


def test_nothing_to_resume_from_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="start without --resume"):
        train(recipe(tmp_path), tmp_path / "run", resume=True, progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x04cos\nsystem\n.", b"PK\x03\x04junk"])
def test_damaged_checkpoints_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.ckpt").write_bytes(content)
    with pytest.raises(ModelError, match="not a checkpoint of a run") as caught:
        train(recipe(tmp_path), tmp_path / "run", resume=True, progress=False)
    assert "\n" not in str(caught.value)


def test_the_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    short = OptimizerConfig(steps=2, warmup_steps=0)
    train(recipe(tmp_path, optimizer=short), tmp_path / "run", progress=False)
    other = recipe(tmp_path, model=EnhanceNetConfig(widths=(5,), skips=()))
    with pytest.raises(InputError, match="belongs to another network"):
        train(other, tmp_path / "run", resume=True, progress=False)


def test_an_output_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(OutputError, match="cannot be created"):
        train(recipe(tmp_path), tmp_path / "run", progress=False)


def test_bfloat16_runs_until_the_last_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.dtype] = []
    original = torch.nn.functional.conv2d

    def spy(*arguments, **keywords):
        output = original(*arguments, **keywords)
        if torch.is_grad_enabled():
            seen.append(output.dtype)
        return output

    monkeypatch.setattr(torch.nn.functional, "conv2d", spy)
    optimizer = OptimizerConfig(
        steps=STEPS, warmup_steps=2, ema_decay=0.5, precision="bfloat16", float32_steps=3
    )
    result = train(recipe(tmp_path, optimizer=optimizer), tmp_path / "run", progress=False)
    convolutions = 3
    assert seen.count(torch.bfloat16) == convolutions * (STEPS - 3)
    last = len(seen) - seen[::-1].index(torch.bfloat16)
    assert seen[last:].count(torch.float32) >= convolutions * 3
    # Weights are kept in full: rounding them too would lose what small steps add.
    assert {tensor.dtype for tensor in weights(result.path).values()} == {torch.float32}

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from edge_sdk.data.samples.patches import list_pictures, picture_pair
from edge_sdk.errors import InputError, ModelError, PictureError
from edge_sdk.imaging import psnr, resize_bicubic
from edge_sdk.models import Color, EnhanceNetConfig
from edge_sdk.reparam import sesr_branches
from edge_sdk.training.recipe.config import OptimizerConfig, TrainConfig
from edge_sdk.training.run.folder import RunFolder
from tests.training.runs import MARKS, STEPS, recipe, train, train_until, weights

pytestmark = MARKS


def with_optimizer(config: TrainConfig, **changes: object) -> TrainConfig:
    optimizer = config.optimizer.model_copy(update=changes)
    return config.model_copy(update={"optimizer": optimizer})


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_bicubic_is_measured_on_the_same_pictures(tmp_path: Path) -> None:
    config = recipe(tmp_path)
    result = train(config, tmp_path / "run", progress=False)
    values = []
    for path in list_pictures(config.data.validation.folder):
        pair = picture_pair(path, 2, Color.Y)
        high = pair.high.float() / 255
        enlarged = resize_bicubic(pair.low.float() / 255, size=tuple(high.shape[-2:]))
        levels = (enlarged.clamp(0, 1) * 255).round() / 255
        values.append(float(psnr(levels, high, border=2)))
    assert result.baseline_db == pytest.approx(sum(values) / len(values), abs=1e-6)


@pytest.mark.slow
def test_a_short_run_keeps_what_it_learned_with_the_default_average(tmp_path: Path) -> None:
    # The average of the first 0.999 of a step would be the initial weights, all but 6 % of it.
    short = OptimizerConfig(steps=60, warmup_steps=5, learning_rate=5e-3)
    plain = recipe(tmp_path, optimizer=short, validate_every=60)
    assert plain.optimizer.ema_decay == 0.999
    averaged = train(plain, tmp_path / "averaged", progress=False)
    last = train(with_optimizer(plain, ema_decay=0.0), tmp_path / "last", progress=False)
    assert averaged.psnr_db > last.psnr_db - 1


def test_gradients_are_clipped_to_their_norm(tmp_path: Path) -> None:
    base = recipe(tmp_path, validate_every=STEPS)
    moved = []
    for norm in (None, 1e-14):
        out = tmp_path / str(norm)
        train(with_optimizer(base, gradient_clip_norm=norm, ema_decay=0.0), out, progress=False)
        moved.append(weights(out / "model.safetensors"))
    free, held = moved
    # Steps of stable Adam do not depend on the size of gradients, until they drown in its epsilon.
    apart = sum(float((free[key] - held[key]).abs().sum()) for key in free)
    assert apart > 0.05


def test_a_run_is_not_overwritten_by_default(tmp_path: Path) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    train(config, out, progress=False)
    before = contents(out)
    with pytest.raises(InputError, match=r"holds a run already .*--resume.*--overwrite"):
        train(config, out, progress=False)
    assert contents(out) == before
    with pytest.raises(InputError, match="either resumed or overwritten"):
        train(config, out, resume=True, overwrite=True, progress=False)
    assert train(config, out, overwrite=True, progress=False).steps == STEPS


def test_a_run_that_cannot_start_leaves_the_earlier_one(tmp_path: Path) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    train(config, out, progress=False)
    before = contents(out)
    data = config.data.model_copy(update={"patch_px": 25})
    with pytest.raises(PictureError):
        train(config.model_copy(update={"data": data}), out, overwrite=True, progress=False)
    assert contents(out) == before


@pytest.mark.slow
def test_a_run_that_became_nan_leaves_no_trace_of_the_earlier_one(tmp_path: Path) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    train(config, out, progress=False)
    steep = with_optimizer(config, learning_rate=1e30, warmup_steps=0)
    with pytest.raises(ModelError, match="lower the learning rate and start over"):
        train(steep, out, overwrite=True, progress=False)
    assert not {"model.safetensors", "last.ckpt"} & set(contents(out))
    with pytest.raises(InputError, match="no checkpoint to resume from"):
        train(config, out, resume=True, progress=False)
    # What is left is no run: a new one needs no leave.
    assert math.isfinite(train(config, out, progress=False).psnr_db)


def test_a_changed_recipe_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    train_until(5, config, out, monkeypatch)
    before = contents(out)
    other = recipe(tmp_path / "other") if (tmp_path / "other").mkdir() is None else config
    relu = EnhanceNetConfig(
        widths=(4, 4), skips=((0, 1),), branches=sesr_branches(8), image_skip=False
    )
    for changed, word in (
        (
            with_optimizer(config, learning_rate=1e-2),
            r"optimizer\.learning_rate: 0\.002, now 0\.01",
        ),
        (config.model_copy(update={"data": other.data}), r"data\.train\.folder"),
        (config.model_copy(update={"seed": 4}), "seed: 3, now 4"),
        (config.model_copy(update={"model": relu}), r"model\.image_skip: True, now False"),
    ):
        with pytest.raises(InputError, match=word) as caught:
            train(changed, out, resume=True, progress=False)
        assert "\n" not in str(caught.value)
    assert contents(out) == before


def test_steps_may_grow_but_not_fall_below_those_taken(tmp_path: Path) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    train(config, out, progress=False)
    with pytest.raises(InputError, match=f"has taken {STEPS} steps already, past the 3 requested"):
        train(config.with_steps(3), out, resume=True, progress=False)
    assert train(config.with_steps(10), out, resume=True, progress=False).steps == 10


def test_paths_may_be_written_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    train_until(5, config, out, monkeypatch)
    monkeypatch.chdir(tmp_path)
    source = config.data.train.model_copy(update={"folder": Path("pictures")})
    data = config.data.model_copy(update={"train": source})
    resumed = train(config.model_copy(update={"data": data}), out, resume=True, progress=False)
    assert resumed.steps == STEPS


def test_a_truncated_checkpoint_is_reported_in_one_clause(tmp_path: Path) -> None:
    config, out = recipe(tmp_path), tmp_path / "run"
    train(config, out, progress=False)
    last = RunFolder(out).last
    last.write_bytes(last.read_bytes()[:2000])
    with pytest.raises(ModelError) as caught:
        train(config, out, resume=True, progress=False)
    assert str(caught.value) == (
        f"{last}: not a checkpoint of a run (truncated or damaged); start over with --overwrite"
    )
    assert RunFolder(out).saved_steps() is None
    torch.save({"weights": 1}, last)
    with pytest.raises(ModelError, match="no global_step, recipe, state_dict in it"):
        train(config, out, resume=True, progress=False)


def test_a_run_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    config = recipe(tmp_path, optimizer=OptimizerConfig(steps=4, warmup_steps=0))
    train(config, tmp_path / "run", progress=False)
    last = RunFolder(tmp_path / "run").last
    checkpoint = torch.load(last, weights_only=True)
    del checkpoint["recipe"]["optimizer"]["l2_steps"]
    del checkpoint["recipe"]["data"]["noise"]
    torch.save(checkpoint, last)
    longer = with_optimizer(config, steps=6)
    assert train(longer, tmp_path / "run", resume=True, progress=False).steps == 6
    torch.save(checkpoint, last)
    squared = with_optimizer(longer, l2_steps=2)
    with pytest.raises(InputError, match="l2_steps: 0, now 2"):
        train(squared, tmp_path / "run", resume=True, progress=False)

"""Denoising runs: what they learn from, and that they learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from edge_sdk.data.samples.gaussian_noise import NoiseRange, NoisyPatches
from edge_sdk.data.samples.patches import PatchDataset, list_pictures, picture_pair
from edge_sdk.errors import InputError
from edge_sdk.models import Color, EnhanceNetConfig, load_checkpoint
from edge_sdk.models.spec import Task
from edge_sdk.reparam import sesr_branches
from edge_sdk.training.inputs.loaders import patch_loader, picture_loader
from edge_sdk.training.recipe.config import NoiseConfig, OptimizerConfig, TrainConfig
from edge_sdk.training.recipe.file import load_train_config
from tests.training.runs import MARKS, draw_pictures, recipe, train

pytestmark = MARKS

MODEL = EnhanceNetConfig(
    scale=1,
    color=Color.RGB,
    task=Task.DENOISING,
    widths=(6, 6),
    skips=(),
    branches=sesr_branches(8),
)


def denoising(folder: Path, noise: NoiseConfig | None = None, **changes: Any) -> TrainConfig:
    config = recipe(folder, model=EnhanceNetConfig(), **changes)
    data = config.data.model_copy(update={"noise": noise or NoiseConfig()})
    return config.model_copy(update={"model": MODEL, "data": data})


def patches(folder: Path, noise: NoiseRange, seed: int = 0) -> NoisyPatches:
    paths = list_pictures(draw_pictures(folder / "pictures").folder)
    pairs = [picture_pair(path, 1, Color.RGB) for path in paths]
    return NoisyPatches(PatchDataset(pairs, 32, 400, seed), noise, seed)


def test_the_same_index_and_seed_give_the_same_noise(tmp_path: Path) -> None:
    one, same, other = (patches(tmp_path, NoiseRange(), seed) for seed in (1, 1, 2))
    for index in (0, 7, 399):
        assert torch.equal(one[index][0], same[index][0])
        assert not torch.equal(one[index][0], other[index][0])
    assert not torch.equal(one[0][0] - one[0][1], one[1][0] - one[1][1])


def test_strengths_fill_their_range_evenly(tmp_path: Path) -> None:
    noisy = patches(tmp_path, NoiseRange(10, 40))
    found = torch.stack([(a - b).std() * 255 for a, b in (noisy[i] for i in range(len(noisy)))])
    assert float(found.min()) == pytest.approx(10, abs=1)
    assert float(found.max()) == pytest.approx(40, abs=2)
    assert float(found.mean()) == pytest.approx(25, abs=1.5)
    assert len(noisy) == 400


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_share_of_patches_is_what_a_file_would_hold(tmp_path: Path, share: float) -> None:
    noisy = patches(tmp_path, NoiseRange(20, 50, share))
    inputs = [noisy[index][0] for index in range(200)]
    as_file = [torch.equal((x.clamp(0, 1) * 255).round() / 255, x) for x in inputs]
    assert sum(as_file) / 200 == pytest.approx(share, abs=0.1)


@pytest.mark.parametrize("wrong", [(-1, 5), (5, 1), (0, 300), (0, 50, 1.5), (0, float("nan"))])
def test_wrong_noise_is_refused(wrong: tuple[float, ...]) -> None:
    with pytest.raises(InputError):
        NoiseRange(*wrong)


def test_every_validation_sees_the_same_noise(tmp_path: Path) -> None:
    config = denoising(tmp_path)
    first, second = list(picture_loader(config)), list(picture_loader(config))
    for (noisy, clean), (again, _) in zip(first, second, strict=True):
        assert torch.equal(noisy, again)
        assert float((noisy - clean).std()) * 255 == pytest.approx(25, rel=0.05)
    assert not torch.equal(first[0][0] - first[0][1], first[1][0] - first[1][1])


def test_a_resumed_run_draws_the_noise_that_would_have_come(tmp_path: Path) -> None:
    config = denoising(tmp_path)
    whole = [source for source, _ in patch_loader(config, 0)]
    rest = [source for source, _ in patch_loader(config, 3)]
    assert len(whole) - 3 == len(rest)
    assert all(torch.equal(a, b) for a, b in zip(whole[3:], rest, strict=True))


@pytest.mark.slow
def test_training_beats_the_noisy_picture(tmp_path: Path) -> None:
    optimizer = OptimizerConfig(
        steps=400, warmup_steps=5, learning_rate=1e-2, ema_decay=0.9, l2_steps=200
    )
    config = denoising(tmp_path, NoiseConfig(clipped_share=0.5), optimizer=optimizer)
    result = train(config, tmp_path / "run", progress=False)
    assert result.baseline_db == pytest.approx(20.17, abs=0.3)
    assert result.psnr_db > result.baseline_db + 2
    spec = load_checkpoint(result.path).model.spec
    assert (spec.task, spec.scale, spec.color) == (Task.DENOISING, 1, Color.RGB)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {task: denoising, scale: 1}\n", "data.noise is missing"),
        ("model: {scale: 2}\nDATA", "data.noise: is for task: denoising"),
        ("model: {task: denoising, scale: 1}\nDATA".replace("DATA", "WRONG"), "two numbers"),
    ],
)
def test_noise_belongs_to_denoising(tmp_path: Path, text: str, message: str) -> None:
    noise = ", noise: {}" if "DATA" in text else ", noise: {sigma: [5, 1]}"
    plain = "WRONG" not in text and "DATA" not in text
    head = text.replace("DATA", "").replace("WRONG", "")
    data = f"data: {{train: {{folder: a}}, validation: {{folder: b}}{'' if plain else noise}}}\n"
    path = tmp_path / "recipe.yaml"
    path.write_text(head + data, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_train_config(path)

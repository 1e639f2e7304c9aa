"""Inputs degraded on the fly, and a network that restores them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from edge_sdk.data.degradation.presets import preset
from edge_sdk.data.samples.degraded_patches import DegradedPatches, degraded_picture
from edge_sdk.data.samples.patches import PicturePair, list_pictures, picture_pair
from edge_sdk.errors import InputError, PictureError
from edge_sdk.models import Color, EnhanceNet, EnhanceNetConfig, Task
from edge_sdk.reparam import sesr_branches
from edge_sdk.training.inputs.loaders import patch_loader, picture_loader
from edge_sdk.training.recipe.config import OptimizerConfig, TrainConfig
from edge_sdk.training.recipe.degradation import DegradationConfig
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.tasks.restoration import gradient_energy
from tests.training.runs import MARKS, draw_pictures, recipe, train

pytestmark = MARKS

NOISY = {"steps": [{"step": "gaussian-noise", "mean_levels": 0, "std_levels": 20}]}
MODEL = EnhanceNetConfig(
    scale=1,
    color=Color.RGB,
    task=Task.RESTORATION,
    widths=(8, 8),
    kernels=(5, 3, 3),
    ends="plain",
    stride=2,
    skips=(),
    branches=sesr_branches(8),
)


def restoring(folder: Path, degradation: object = "document", **changes: object) -> TrainConfig:
    config = recipe(folder)
    section = DegradationConfig.model_validate(degradation)
    data = config.data.model_copy(update={"degradation": section})
    return TrainConfig(**dict(config) | {"model": MODEL, "data": data} | changes)


def photos(folder: Path, scale: int, color: Color) -> list[PicturePair]:
    paths = list_pictures(draw_pictures(folder / "pictures", side=96).folder)
    return [picture_pair(path, scale, color) for path in paths]


@pytest.mark.parametrize(("scale", "color"), [(1, Color.RGB), (2, Color.Y)])
def test_the_same_index_and_seed_degrade_alike(tmp_path: Path, scale: int, color: Color) -> None:
    pairs = photos(tmp_path, scale, color)
    one, same, other = (
        DegradedPatches(pairs, preset("document"), 16, 50, seed) for seed in (1, 1, 2)
    )
    for index in (0, 9, 49):
        low, high = one[index]
        assert low.shape == (color.channels, 16, 16)
        assert high.shape == (color.channels, 16 * scale, 16 * scale)
        assert torch.equal(low, same[index][0])
        assert torch.equal(high, same[index][1])
        assert not torch.equal(low, other[index][0])
        assert 0 <= low.min() <= low.max() <= 1


def test_a_patch_is_a_cut_of_a_degraded_larger_one(tmp_path: Path) -> None:
    # Nothing of a border is in it: a blurred ramp is a ramp up to its edge.
    ramp = (torch.arange(64) * 3).to(torch.uint8).expand(3, 64, 64).contiguous()
    from edge_sdk.data.degradation.file import recipe_of

    blur = recipe_of({"steps": [{"step": "gaussian-blur", "side_px": [13, 13]}]})
    patches = DegradedPatches([PicturePair(ramp, ramp, "ramp")], blur, 24, 30, 0)
    for index in range(30):
        low, high = patches[index]
        torch.testing.assert_close(low, high, rtol=0, atol=2e-3)


def test_luma_is_degraded_as_a_gray_picture_is() -> None:
    gray = torch.rand(1, 40, 40)
    worse = degraded_picture(gray, preset("document"), 3)
    colored = degraded_picture(gray.expand(3, -1, -1).contiguous(), preset("document"), 3)
    assert torch.equal(worse, colored[1:2])


def test_every_validation_sees_the_same_degradation(tmp_path: Path) -> None:
    config = restoring(tmp_path)
    first, second = list(picture_loader(config)), list(picture_loader(config))
    for (worse, clean), (again, _) in zip(first, second, strict=True):
        assert torch.equal(worse, again)
        assert not torch.equal(worse, clean)


def test_a_resumed_run_draws_what_would_have_come(tmp_path: Path) -> None:
    config = restoring(tmp_path)
    whole = [source for source, _ in patch_loader(config, 0)]
    rest = [source for source, _ in patch_loader(config, 3)]
    assert all(torch.equal(a, b) for a, b in zip(whole[3:], rest, strict=True))


def test_super_resolution_learns_from_degraded_inputs_too(tmp_path: Path) -> None:
    source = draw_pictures(tmp_path / "large", side=96)
    config = recipe(tmp_path)
    config = config.model_copy(
        update={"data": config.data.model_copy(update={"train": source, "validation": source})}
    )
    section = DegradationConfig(recipe=NOISY)
    data = config.data.model_copy(update={"degradation": section})
    plain, worse = (
        next(iter(patch_loader(TrainConfig(**dict(config) | {"data": each}), 0)))[0]
        for each in (config.data, data)
    )
    assert plain.shape == worse.shape
    assert not torch.equal(plain, worse)


def test_gradient_energy_is_that_of_neighbors() -> None:
    ramp = torch.arange(5.0).expand(3, 4, 5) / 10
    assert gradient_energy(ramp) == pytest.approx(0.01)
    assert gradient_energy(torch.full((3, 4, 5), 0.3)) == 0


@pytest.mark.slow
def test_training_beats_the_degraded_picture(tmp_path: Path) -> None:
    optimizer = OptimizerConfig(steps=300, warmup_steps=5, learning_rate=1e-2, ema_decay=0.9)
    config = restoring(
        tmp_path,
        {"recipe": NOISY},
        optimizer=optimizer,
        model=replace(MODEL, stride=1, ends="branches", kernels=3),
        validate_every=300,
    )
    result = train(config, tmp_path / "run", progress=False)
    assert result.psnr_db > result.baseline_db + 1
    assert result.evaluation is not None
    assert "gradient energy" in result.evaluation.summary


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "data.degradation is missing: a restoration network needs something"),
        (", degradation: documnt", "documnt: is no recipe"),
        (", degradation: {recipe: {steps: [{step: jpg}]}}", "jpg"),
        (", degradation: {recipe: {steps: [{step: jpeg, quality: [90, 50]}]}}", "quality"),
        (", degradation: document, camera: {}", "exclude each other"),
        (", degradation: document, noise: {}", "data.noise: is for task: denoising"),
    ],
)
def test_wrong_degradations_are_refused_in_a_line(tmp_path: Path, data: str, words: str) -> None:
    sources = f"train: {{folder: a}}, validation: {{folder: b}}{data}"
    path = tmp_path / "recipe.yaml"
    path.write_text(f"model: {{task: restoration, scale: 1}}\ndata: {{{sources}}}\n")
    with pytest.raises(InputError, match=words) as error:
        load_train_config(path)
    assert "\n" not in str(error.value)


def test_pictures_smaller_than_a_patch_with_its_margin_are_named(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="smaller than a patch of 112 px"):
        DegradedPatches(photos(tmp_path, 1, Color.RGB), preset("document"), 88, 1, 0)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"stride": 3}, "stride 3 is not supported"),
        ({"stride": True}, "stride True is not supported"),
        ({"ends": "branches", "kernels": 3}, "stride 2 takes a plain conv1"),
        ({"task": Task.SUPER_RESOLUTION, "scale": 2}, "changes it 2 times"),
    ],
)
def test_strides_that_do_not_fit_are_refused(keys: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(MODEL, **keys)  # type: ignore[arg-type]


@torch.inference_mode()
def test_a_strided_network_reaches_as_far_as_its_halo() -> None:
    network = EnhanceNet(MODEL).double().eval()
    assert (network.spec.size_multiple, network.spec.halo_px) == (2, 2 + 2 * 1 + 2 * 1)
    x = torch.rand(1, 3, 40, 40, dtype=torch.float64)
    changed = x.clone()
    changed[..., 20:22, 20:22] += 0.5
    differs = (network(x) - network(changed)).abs().amax((0, 1)) > 0
    rows = differs.any(1).nonzero().flatten()
    assert rows[0] >= 20 - network.spec.halo_px
    assert rows[-1] <= 21 + network.spec.halo_px

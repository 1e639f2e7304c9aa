"""Training from far and near shots: what the mask leaves out, what is drawn, what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from edge_sdk.burst.stages.blend import HALO_PX as BLEND_HALO
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.noise_map import white_noise
from edge_sdk.errors import InputError
from edge_sdk.imaging import Picture, read_picture, write_picture
from edge_sdk.models import EnhanceNetConfig
from edge_sdk.models.spec import Color, Task
from edge_sdk.pairs import PairDataset, build_set, open_set
from edge_sdk.training.inputs.feature_files import (
    FeaturePatches,
    FeatureSample,
    WholeFeatures,
    fill,
)
from edge_sdk.training.inputs.loaders import patch_loader, picture_loader
from edge_sdk.training.inputs.pair_store import PairScenes, scene_sample
from edge_sdk.training.recipe.config import (
    BurstsConfig,
    DataConfig,
    OptimizerConfig,
    PairsConfig,
    PictureSource,
    TrainConfig,
)
from edge_sdk.training.recipe.file import load_train_config
from tests.builders.far_near_shots import reseal, shots_of, write_shots
from tests.training.runs import MARKS, train, weights

if TYPE_CHECKING:
    from edge_sdk.training.run.module import TrainingModule

pytestmark = MARKS
SCENES = {"astronaut": 3, "coffee": 1}
"""Frames of each scene, by name; every second one is held out."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pairs")
    for seed, (name, frames) in enumerate(SCENES.items()):
        write_shots(shots_of(name, seed=seed, frames=frames), place / "far", place / "near", name)
    assert build_set(place / "far", place / "near", place / "set").accepted == len(SCENES)
    return place / "set"


@pytest.fixture(autouse=True)
def _own_cache(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(made.parent / "cache"))


def recipe(folder: Path, **changes: Any) -> TrainConfig:
    arguments: dict[str, Any] = {
        "model": EnhanceNetConfig(
            task=Task.BURST_ZOOM, color=Color.RGB, widths=(8, 8), activation="relu", skips=()
        ),
        "data": DataConfig(pairs=PairsConfig(train=folder, held_out=2), patch_px=24, batch=2),
        "optimizer": OptimizerConfig(steps=4, learning_rate=1e-3, warmup_steps=1),
        "validate_every": 2,
    }
    return TrainConfig(**arguments | changes)


def module_for(made: Path, **changes: Any) -> TrainingModule:
    from edge_sdk.training.run.module import TrainingModule

    torch.manual_seed(0)
    module = TrainingModule(recipe(made, **changes))
    module.log = lambda *arguments, **named: None  # type: ignore[method-assign]
    return module


def stepped(module: TrainingModule, source: Tensor, target: Tensor) -> tuple[float, list[Tensor]]:
    """Loss of one batch and its gradients."""
    module.zero_grad()
    loss = module.training_step((source, target), 0)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), [w.grad.clone() for w in module.parameters() if w.grad is not None]


def stored(folder: Path, sample: FeatureSample) -> list[Path]:
    files = [folder / "0.safetensors"]
    fill(files, lambda index: sample, 0)
    return files


def test_features_are_those_of_the_crops_that_the_dataset_cuts(made: Path) -> None:
    crops = PairDataset(made, crop_px=32, frames=3, length=6, seed=2)
    samples = {scene.name: scene_sample(scene, 2) for scene in open_set(made).scenes}
    assert samples.keys() == SCENES.keys()
    assert all(len(sample.features) == 24 for sample in samples.values())
    seen = set()
    for index in range(6):
        crop = crops[index]
        seen.add(crop.scene)
        weight = torch.tensor([1.5, 1.0, 1.0]).reshape(3, 1, 1, 1)
        noise = white_noise(crop.noise_std)
        sums, weights_, _ = Encode(2)(
            crop.reference[None], crop.frames, crop.offset, weight * crop.confidence, None, noise
        )
        reference = crop.reference[None, :, 5:-5, 5:-5]
        lens = samples[crop.scene].features[-1:, :1, :1][None]
        expected = Blend(2)(sums, weights_, reference, noise, lens)[0]
        inner = 32 - 2 * BLEND_HALO
        top, left = crop.top + BLEND_HALO, crop.left + BLEND_HALO
        found = samples[crop.scene].features[:, top : top + inner, left : left + inner]
        assert float((found - expected).abs().max()) < 1e-4
    assert seen == set(SCENES)


def test_what_is_stored_is_the_target_and_a_number_where_the_mask_counts(made: Path) -> None:
    files = PairScenes(open_set(made).scenes, 2).prepare(0)
    for scene, (features, target) in zip(open_set(made).scenes, WholeFeatures(files), strict=True):
        assert features.shape == (24, scene.height, scene.width)
        mask = read_picture(scene.mask).pixels[:1] > 0.5
        assert torch.equal(~target.isnan(), mask.expand_as(target))
        wanted = read_picture(scene.target).pixels
        far = (target - wanted)[~target.isnan()].abs().max()
        assert float(far) <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("l2_steps", [0, 4])
def test_a_wrong_target_under_the_mask_changes_nothing(
    made: Path, tmp_path: Path, l2_steps: int
) -> None:
    sample = scene_sample(open_set(made).scenes[0], 2)
    known = torch.ones_like(sample.truth[:1], dtype=torch.bool)
    known[:, 40:90, 30:] = False
    wrong = torch.where(known, sample.truth, 1 - sample.truth)
    elsewhere = torch.where(known, 1 - sample.truth, sample.truth)
    optimizer = OptimizerConfig(steps=4, l2_steps=l2_steps)
    module = module_for(made, optimizer=optimizer)
    results, levels = [], []
    for name, truth in {"right": sample.truth, "wrong": wrong, "elsewhere": elsewhere}.items():
        files = stored(tmp_path / name, FeatureSample(sample.features, truth, known))
        patches = FeaturePatches(files, 48, 8, seed=1)
        source, target = (torch.stack(part) for part in zip(*patches, strict=True))
        assert 0 < float(target.isnan().float().mean()) < 1
        results.append(stepped(module, source, target))
        whole, truth_ = WholeFeatures(files)[0]
        with torch.no_grad():
            levels.append(module.task.score(module.network(whole[None]), truth_[None]))
    (loss, gradients), (same_loss, same), (other_loss, _) = results
    assert loss == same_loss
    assert gradients
    assert all(bool(g.isfinite().all()) for g in gradients)
    assert all(torch.equal(one, two) for one, two in zip(gradients, same, strict=True))
    assert other_loss != loss
    assert levels[0] == levels[1] != levels[2]


def test_a_patch_without_any_number_adds_nothing(made: Path) -> None:
    module = module_for(made)
    generator = torch.Generator().manual_seed(3)
    source = torch.rand(2, 24, 24, 24, generator=generator)
    target = torch.rand(2, 3, 48, 48, generator=generator)
    alone = stepped(module, source[:1], target[:1])
    target[1] = torch.nan
    both = stepped(module, source, target)
    assert both[0] == pytest.approx(alone[0], rel=1e-6)
    for one, two in zip(alone[1], both[1], strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-7)
    loss, gradients = stepped(module, source, torch.full_like(target, torch.nan))
    assert loss == 0
    assert all(float(gradient.abs().max()) == 0 for gradient in gradients)


def test_psnr_is_that_of_what_counts(made: Path) -> None:
    module = module_for(made)
    target = torch.full((1, 3, 48, 48), 0.4)
    output = target + 25.5 / 255
    full = module.task.score(output, target)
    assert full == pytest.approx(20, abs=0.3)
    target[..., 24:, :] = torch.nan
    output[..., 24:, :] = 1.0
    assert module.task.score(output, target) == pytest.approx(full, abs=1e-9)


def test_the_same_seed_gives_the_same_patches_and_a_resumed_run_the_rest(made: Path) -> None:
    config = recipe(made)
    first, again = (list(patch_loader(config, 0)) for _ in range(2))
    rest = list(patch_loader(config, 2))
    other = list(patch_loader(config.model_copy(update={"seed": 1}), 0))
    assert len(first) == 4
    for one, two in zip((*first, *first[2:]), (*again, *rest), strict=True):
        for a, b in zip(one, two, strict=True):
            assert torch.equal(a.nan_to_num(2), b.nan_to_num(2))
    assert any(not torch.equal(one[0], two[0]) for one, two in zip(first, other, strict=True))


def test_every_scene_serves_one_end(made: Path) -> None:
    scenes = {scene.name: scene for scene in open_set(made).scenes}
    (source, _), *others = picture_loader(recipe(made))
    assert not others
    assert source.shape[-2:] == (scenes["coffee"].height, scenes["coffee"].width)
    trained = PairScenes((scenes["astronaut"],), 2).prepare(0)
    cut = FeaturePatches(trained, 24, 8, seed=0)
    for index, (found, _) in enumerate(patch_loader(recipe(made), 0)):
        assert torch.equal(found, torch.stack([cut[2 * index][0], cut[2 * index + 1][0]]))
    named = DataConfig(pairs=PairsConfig(train=made, validation=made), patch_px=24)
    assert len(list(picture_loader(recipe(made, data=named)))) == len(SCENES)


def test_features_are_computed_once_and_anew_where_a_file_changed(
    made: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "set"
    shutil.copytree(made, copy)
    scenes = PairScenes(open_set(copy).scenes, 2)
    files = scenes.prepare(0)
    assert PairScenes(open_set(made).scenes, 2).prepare(0) == files
    before = [path.stat().st_mtime_ns for path in files]
    assert scenes.prepare(1) == files
    assert [path.stat().st_mtime_ns for path in files] == before
    target = scenes.scenes[0].target
    write_picture(Picture(1 - read_picture(target).pixels), target)
    changed = scenes.prepare(0)
    assert changed[0] != files[0]
    assert changed[1:] == files[1:]


@pytest.mark.slow
def test_a_run_that_was_cut_off_ends_with_the_same_weights(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_sdk.training.run.module import TrainingModule

    config = recipe(made)
    whole = train(config, tmp_path / "whole", progress=False)
    original: Callable[..., Tensor] = TrainingModule.training_step

    def stop(self: TrainingModule, batch: Any, index: int) -> Tensor:
        if self.global_step == 3:
            raise RuntimeError("power cut")
        return original(self, batch, index)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingModule, "training_step", stop)
        with pytest.raises(RuntimeError, match="power cut"):
            train(config, tmp_path / "parts", progress=False)
    resumed = train(config, tmp_path / "parts", resume=True, progress=False)
    assert (resumed.steps, resumed.psnr_db) == (whole.steps, whole.psnr_db)
    one, two = weights(whole.path), weights(resumed.path)
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    pairs = PairsConfig(train=made, validation=made)
    other = recipe(made, data=config.data.model_copy(update={"pairs": pairs}))
    with pytest.raises(InputError, match=r"another recipe \(data\.pairs\.validation: None, now"):
        train(other, tmp_path / "parts", resume=True, progress=False)


def refusal(config: TrainConfig) -> str:
    with pytest.raises(InputError) as caught:
        patch_loader(config, 0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_sets_that_do_not_fit_are_refused(made: Path, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert f"{missing}: is no set of pairs" in refusal(recipe(missing))
    pairs = PairsConfig(train=made, validation=missing)
    assert f"{missing}: is no set" in refusal(recipe(made, data=DataConfig(pairs=pairs)))
    model = recipe(made).model
    tripled = EnhanceNetConfig(**{**vars(model), "scale": 3})
    message = refusal(recipe(made, model=tripled))
    assert message.startswith(f"{made}: is a set for ×2, and this network enlarges ×3; make one")
    assert "has 2 scenes, fewer than held_out: 3; give" in refusal(
        recipe(made, data=DataConfig(pairs=PairsConfig(train=made, held_out=3)))
    )
    large = recipe(made).data.model_copy(update={"patch_px": 4000})
    assert "scene astronaut is" in refusal(recipe(made, data=large))


def test_a_scene_of_ghosts_alone_cannot_be_validated_on(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "set"
    shutil.copytree(made, copy)
    mask = copy / "scenes" / "coffee" / "mask.png"
    pixels = torch.zeros_like(read_picture(mask).pixels)
    pixels[..., 0, :] = 1.0
    write_picture(Picture(pixels), mask)
    reseal(copy, "coffee")
    assert "nothing of this scene counts" in refusal(recipe(copy))


def test_recipes_take_bursts_or_pairs(made: Path) -> None:
    model, pairs, source = recipe(made).model, PairsConfig(train=made), PictureSource(folder=made)
    refused = {
        r"^data\.bursts is missing: .* or pairs: \{train: SET\}$": {"train": source},
        r"^data\.bursts and data\.pairs exclude each other": {
            "train": source,
            "validation": source,
            "bursts": BurstsConfig(),
            "pairs": pairs,
        },
        r"^data\.validation: is for pictures": {"validation": source, "pairs": pairs},
        r"^data\.resize_factors: is for pictures": {"resize_factors": (1.0, 0.5), "pairs": pairs},
        r"^data\.train: Field required": {"bursts": BurstsConfig()},
    }
    for message, data in refused.items():
        with pytest.raises(InputError, match=message):
            TrainConfig(model=model, data=DataConfig(**data))  # type: ignore[arg-type]
    deeper = EnhanceNetConfig(**{**vars(model), "widths": (8,) * 5})
    with pytest.raises(InputError, match=r"^data\.patch_px: 12 px are no more .* give 13 or more$"):
        TrainConfig(model=deeper, data=DataConfig(pairs=pairs, patch_px=12))
    assert TrainConfig(model=deeper, data=DataConfig(pairs=pairs, patch_px=13)).data.pairs == pairs
    with pytest.raises(InputError, match=r"^data\.pairs: is for task: burst-zoom"):
        TrainConfig(data=DataConfig(pairs=pairs))
    with pytest.raises(ValueError, match="greater than or equal to 2"):
        PairsConfig(train=made, held_out=1)


def test_paths_of_sets_start_from_the_recipe_or_the_root(tmp_path: Path) -> None:
    model = {"task": "burst-zoom", "color": "rgb", "widths": [8, 8], "skips": []}
    path = tmp_path / "recipe.yaml"
    for validation in (None, "b"):
        pairs = {"train": "a", "validation": validation}
        path.write_text(json.dumps({"model": model, "data": {"pairs": pairs}}))
        for root, expected in ((None, tmp_path), (Path("/sets"), Path("/sets"))):
            found = load_train_config(path, root).data.pairs
            assert found is not None
            assert found.train == expected / "a"
            assert found.validation == (None if validation is None else expected / "b")
    path.write_text(json.dumps({"model": model, "data": {"pairs": {"train": "a", "held_ot": 3}}}))
    with pytest.raises(InputError, match=r"'data\.pairs\.held_ot'; did you mean 'held_out'"):
        load_train_config(path)
    path.write_text(json.dumps({"model": model, "train": "a"}))
    with pytest.raises(InputError, match=r"'train' belongs in data$"):
        load_train_config(path)

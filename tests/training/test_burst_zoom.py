"""Training from simulated bursts: drawn by seed and index alone, computed once, resumable."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from edge_sdk.data.probes.examples import example_photo
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Picture, write_picture
from edge_sdk.models import EnhanceNetConfig
from edge_sdk.models.spec import Color, Task
from edge_sdk.training.inputs.burst_scenes import draw_scene, training_burst, validation_bursts
from edge_sdk.training.inputs.burst_store import BurstSet, validation_pairs
from edge_sdk.training.inputs.feature_files import FeaturePatches
from edge_sdk.training.recipe.bursts import BurstsConfig
from edge_sdk.training.recipe.config import DataConfig, OptimizerConfig, PictureSource, TrainConfig
from tests.training.runs import MARKS, train

pytestmark = MARKS

BURSTS = BurstsConfig(count=3, frame_px=80, validation_px=80, validation_noise=(8.0,))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    write_picture(Picture(example_photo("coffee")[:, :300, :320]), folder / "a.png")
    return folder


def recipe(photos: Path, bursts: BurstsConfig | None = BURSTS, patch_px: int = 24) -> TrainConfig:
    source = PictureSource(folder=photos)
    return TrainConfig(
        model=EnhanceNetConfig(
            task=Task.BURST_ZOOM,
            color=Color.RGB,
            widths=(8, 8),
            activation="relu",
            skips=(),
        ),
        data=DataConfig(train=source, validation=source, bursts=bursts, patch_px=patch_px, batch=2),
        optimizer=OptimizerConfig(steps=4, learning_rate=1e-3, warmup_steps=1),
        validate_every=2,
    )


def burst_set(photos: Path, count: int = 3) -> BurstSet:
    config = BURSTS.model_copy(update={"count": count})
    return BurstSet((photos / "a.png",), (1.0, 0.8), config, 2, seed=5)


def test_a_burst_is_drawn_by_seed_and_index_alone(photos: Path) -> None:
    pictures = (photos / "a.png",)
    first, again, other = (
        training_burst(pictures, (1.0,), BURSTS, 2, seed=1, index=index) for index in (4, 4, 5)
    )
    assert torch.equal(first.frames, again.frames)
    assert first.config != other.config


def test_draws_stay_in_their_ranges(photos: Path) -> None:
    config = BurstsConfig(
        noise=(3, 5), lens_std_px=(0.2, 0.25), frames=(2, 7), moving_object_share=0.5
    )
    drawn = [
        draw_scene((photos / "a.png",), (1.0, 0.5), config, 2, np.random.default_rng(seed)).camera
        for seed in range(200)
    ]
    assert all(3 <= 255 * camera.noise_std <= 5 for camera in drawn)
    assert all(0.2 <= camera.lens_std_px <= 0.25 for camera in drawn)
    assert {camera.frames for camera in drawn} == {2, 7}
    movers = sum(camera.moving_object is not None for camera in drawn)
    assert 70 <= movers <= 130
    assert any(camera.bayer for camera in drawn)
    assert any(camera.readout > 0 for camera in drawn)


def test_options_leave_older_draws_as_they_were(photos: Path) -> None:
    plain = BurstsConfig()
    rich = BurstsConfig(
        reductions=("area", "box", "bicubic"), colored_noise_share=0.5, light_share=0.5,
        jpeg_share=0.5, repeating_share=0.5,
    )  # fmt: skip
    kinds: set[str] = set()
    varied = []
    for seed in range(60):
        before, after = (
            draw_scene((photos / "a.png",), (1.0,), config, 2, np.random.default_rng(seed))
            for config in (plain, rich)
        )
        camera = after.camera
        kinds.add(camera.reduction)
        assert (camera.lens_std_px == 0) == (camera.reduction != "area")
        assert (camera.seed, camera.frames) == (before.camera.seed, before.camera.frames)
        varied.append(
            (camera.noise_colors != (1.0, 1.0, 1.0), camera.light is not None,
             camera.jpeg_quality is not None, after.period_px is not None)
        )  # fmt: skip
    assert kinds == {"area", "box", "bicubic"}
    assert all(0.2 < sum(row) / len(row) < 0.8 for row in zip(*varied, strict=True))


def test_a_lens_is_of_one_of_the_ranges(photos: Path) -> None:
    config = BurstsConfig(lens_std_px=((0.1, 0.2), (0.8, 0.9), (0.8, 0.9)))
    lenses = [
        draw_scene(
            (photos / "a.png",), (1.0,), config, 2, np.random.default_rng(seed)
        ).camera.lens_std_px
        for seed in range(90)
    ]
    sharp = [lens for lens in lenses if 0.1 <= lens <= 0.2]
    soft = [lens for lens in lenses if 0.8 <= lens <= 0.9]
    assert len(sharp) + len(soft) == 90
    assert 15 < len(sharp) < 45


def test_half_of_a_scene_may_repeat(photos: Path) -> None:
    config = BURSTS.model_copy(update={"repeating_share": 1.0, "moving_object_share": 0.0})
    scene = draw_scene((photos / "a.png",), (1.0,), config, 2, np.random.default_rng(3))
    burst = training_burst((photos / "a.png",), (1.0,), config, 2, seed=0, index=0)
    assert scene.period_px is not None
    half = burst.scene[:, :, burst.scene.shape[-1] // 2 + 4 :]
    correlation = [
        float((half[..., :-step] - half[..., step:]).abs().mean()) for step in range(10, 82, 2)
    ]
    assert min(correlation) < 1e-6 < 0.01 < max(correlation)


@pytest.mark.slow
def test_bursts_are_computed_once(photos: Path) -> None:
    given = burst_set(photos)
    seen: list[int] = []
    files = given.prepare(0, lambda label, done, total: seen.append(done))
    assert seen == [1, 2, 3]
    before = [path.stat().st_mtime_ns for path in files]
    files[1].unlink()
    again = given.prepare(1)
    assert again == files
    after = [path.stat().st_mtime_ns for path in files]
    assert (after[0], after[2]) == (before[0], before[2])
    more = burst_set(photos, count=4).prepare(0)
    assert more[:3] == files


@pytest.mark.slow
def test_a_damaged_file_is_computed_again(photos: Path) -> None:
    given = burst_set(photos)
    first, second, _ = given.prepare(0)
    before = first.read_bytes(), second.read_bytes()
    first.write_bytes(before[0][: len(before[0]) // 2])
    second.write_bytes(b"")
    given.prepare(0)
    assert (first.read_bytes(), second.read_bytes()) == before


@pytest.mark.slow
def test_every_frame_must_hold_a_patch(photos: Path) -> None:
    files = burst_set(photos).prepare(0)
    small = {"features": torch.zeros(24, 20, 80).half(), "truth": torch.zeros(3, 40, 160).byte()}
    save_file(small, files[2])
    with pytest.raises(PictureError, match="80×20 px are smaller than a patch of 24 px"):
        FeaturePatches(files, 24, 8, seed=0)


def test_what_was_computed_is_found_by_the_contents_of_the_pictures(
    photos: Path, tmp_path: Path
) -> None:
    given = burst_set(photos)
    moved = tmp_path / "moved"
    shutil.copytree(photos, moved, copy_function=shutil.copyfile)
    assert burst_set(moved).folder() == given.folder()
    picture = given.pictures[0]
    picture.write_bytes(picture.read_bytes() + b"\0")
    assert given.folder() != burst_set(moved).folder()
    picture.unlink()
    with pytest.raises(PictureError, match=f"{picture.name}: cannot be read"):
        given.folder()


def test_patches_are_cut_from_features_and_truth_alike(photos: Path) -> None:
    files = burst_set(photos, count=1).prepare(0)
    patches = FeaturePatches(files, 24, 50, seed=0)
    for index in range(5):
        features, truth = patches[index]
        assert features.shape == (24, 24, 24)
        assert truth.shape == (3, 48, 48)
        merged = torch.nn.functional.pixel_shuffle(features[None, :12], 2)[0]
        shifted = torch.roll(merged, (4, 4), (1, 2))
        inner = (slice(None), slice(8, -8), slice(8, -8))
        near, far = ((x - truth)[inner].square().mean() for x in (merged, shifted))
        assert near < far
    assert all(torch.equal(one, two) for one, two in zip(patches[3], patches[3], strict=True))
    with pytest.raises(IndexError):
        patches[50]
    with pytest.raises(PictureError, match="smaller than a patch"):
        FeaturePatches(files, 400, 1, seed=0)


@pytest.mark.slow
def test_validation_is_the_same_every_time(photos: Path) -> None:
    one, two = (list(validation_pairs(burst_set(photos))) for _ in range(2))
    assert len(one) == 1
    assert all(
        torch.equal(a, b) for x, y in zip(one, two, strict=True) for a, b in zip(x, y, strict=True)
    )


def test_validation_may_be_drawn_too(photos: Path) -> None:
    pictures = (photos / "a.png",)
    config = BURSTS.model_copy(update={"validation_drawn": 3, "noise": (3.0, 4.0)})
    drawn = validation_bursts(pictures, 1.0, config, 2, seed=5)
    trained_on = training_burst(pictures, (1.0,), config, 2, seed=5, index=0)
    assert len(drawn) == 3
    assert all(3 <= 255 * burst.config.noise_std <= 4 for burst in drawn)
    assert trained_on.config.seed not in {burst.config.seed for burst in drawn}


@pytest.mark.slow
def test_a_run_trains_and_goes_on_where_it_was_left(photos: Path, tmp_path: Path) -> None:
    config = recipe(photos)
    whole = train(config, tmp_path / "whole", progress=False)
    train(config.with_steps(2), tmp_path / "parts", progress=False)
    resumed = train(config, tmp_path / "parts", resume=True, progress=False)
    assert resumed.steps == whole.steps == 4
    # The cosine of the first half was another, but the data and the state go on.
    assert resumed.psnr_db == pytest.approx(whole.psnr_db, abs=0.5)
    assert whole.baseline_db > 15


def test_recipes_that_do_not_fit(photos: Path) -> None:
    with pytest.raises(InputError, match=r"data\.bursts is missing"):
        recipe(photos, bursts=None)
    with pytest.raises(InputError, match="for task: burst-zoom"):
        recipe(photos).model_validate(
            recipe(photos).model_dump() | {"model": EnhanceNetConfig(color=Color.Y)}
        )
    with pytest.raises(InputError, match="red, green and blue"):
        EnhanceNetConfig(task=Task.BURST_ZOOM, color=Color.Y)
    for keys in (
        {"noise": (5, 2)},
        {"jpeg_quality": (90, 80)},
        {"lens_std_px": ((0.1, 0.2), (0.5, 0.4))},
        {"lens_std_px": ()},
        {"moving_object_share": 0.7, "near_layer_share": 0.5},
    ):
        with pytest.raises(ValueError, match=r"in order|at most 1"):
            BurstsConfig(**keys)  # type: ignore[arg-type]


def test_pictures_that_are_too_small_are_named(tmp_path: Path) -> None:
    write_picture(Picture(example_photo("coffee")[:, :60, :60]), tmp_path / "tiny.png")
    given = BurstSet((tmp_path / "tiny.png",), (1.0,), BURSTS, 2, 0)
    with pytest.raises(PictureError, match=r"tiny\.png.*larger frame_px, larger pictures"):
        given.prepare(0)

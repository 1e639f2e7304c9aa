"""Recipes whose inputs are frames of the simulated camera."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from edge_sdk.data.samples.patches import list_pictures
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import psnr, quantize, resize_bicubic
from edge_sdk.models import Color, EnhanceNetConfig, Task
from edge_sdk.reparam import sesr_branches
from edge_sdk.training.inputs.loaders import patch_loader, picture_loader
from edge_sdk.training.processes import Processes
from edge_sdk.training.recipe.config import CamerasConfig, TrainConfig
from edge_sdk.training.recipe.file import load_train_config
from tests.training.runs import MARKS, STEPS, recipe, train, train_until, weights

pytestmark = MARKS

NET: dict[str, Any] = {"widths": (4, 4), "skips": ((0, 1),), "branches": sesr_branches(8)}
DATA = "data: {{train: {{folder: a}}, validation: {{folder: b}}, {}}}\n"


def camera_recipe(folder: Path, color: Color = Color.Y, **net: Any) -> TrainConfig:
    config = recipe(folder)
    camera = CamerasConfig(lens_std_px=(0.2, 0.3), analog_gain=(1, 8))
    changes = {
        "model": EnhanceNetConfig(**NET | {"color": color} | net),
        "data": config.data.model_copy(update={"camera": camera}),
    }
    return TrainConfig(**dict(config) | changes)


@pytest.mark.slow
@pytest.mark.parametrize("color", list(Color))
def test_a_run_with_a_camera_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, color: Color
) -> None:
    config = camera_recipe(tmp_path, color)
    whole = train(config, tmp_path / "whole", progress=False)
    train_until(5, config, tmp_path / "run", monkeypatch)
    resumed = train(config, tmp_path / "run", resume=True, progress=False)
    assert resumed.steps == STEPS
    assert resumed.psnr_db == whole.psnr_db
    expected = weights(whole.path)
    for name, value in weights(resumed.path).items():
        assert torch.equal(value, expected[name])
    other = config.model_copy(
        update={
            "data": config.data.model_copy(update={"camera": CamerasConfig(jpeg_quality=(90, 95))})
        }
    )
    with pytest.raises(InputError, match=r"data\.camera\.jpeg_quality: None, now \[90, 95\]"):
        train(other, tmp_path / "run", resume=True, progress=False)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_scales_and_shapes(tmp_path: Path, scale: int) -> None:
    config = camera_recipe(tmp_path, scale=scale)
    config = config.model_copy(update={"data": config.data.model_copy(update={"patch_px": 4})})
    low, high = next(iter(patch_loader(config, 0)))
    assert low.shape == (2, 1, 4, 4)
    assert high.shape == (2, 1, 4 * scale, 4 * scale)
    pictures = list(picture_loader(config))
    assert len(pictures) == 3
    for (source, target), (again, _) in zip(pictures, picture_loader(config), strict=True):
        assert target.shape[-1] == scale * source.shape[-1]
        assert torch.equal(source, again)


def test_noise_differs_between_pictures_and_seeds(tmp_path: Path) -> None:
    config = camera_recipe(tmp_path)
    same = config.data.validation.folder
    first = list_pictures(same)[0]
    for path in list_pictures(same)[1:]:
        path.write_bytes(first.read_bytes())
    sources = [source for source, _ in picture_loader(config)]
    assert not torch.equal(sources[0], sources[1])
    other = config.model_copy(update={"seed": 9})
    assert not torch.equal(sources[0], next(iter(picture_loader(other)))[0])


def test_processes_share_the_patches_of_a_camera(tmp_path: Path) -> None:
    config = camera_recipe(tmp_path)
    doubled = config.model_copy(update={"data": config.data.model_copy(update={"batch": 4})})
    halves = [list(patch_loader(config, 3, Processes(2, rank, 2))) for rank in (0, 1)]
    for whole, first, second in zip(patch_loader(doubled, 3), *halves, strict=True):
        for together, one, other in zip(whole, first, second, strict=True):
            assert torch.equal(together, torch.cat((one, other)))


def test_the_baseline_is_bicubic_interpolation_of_the_frames(tmp_path: Path) -> None:
    config = camera_recipe(tmp_path, Color.RGB)
    values = []
    for source, target in picture_loader(config):
        enlarged = resize_bicubic(source, size=tuple(target.shape[-2:]))
        values.append(float(psnr(quantize(enlarged[0]), target[0], border=2)))
    result = train(config, tmp_path / "run", progress=False)
    assert result.baseline_db == pytest.approx(sum(values) / len(values), abs=1e-6)


def test_a_denoiser_may_learn_from_a_camera(tmp_path: Path) -> None:
    config = camera_recipe(tmp_path, Color.RGB, task=Task.DENOISING, scale=1)
    (source, target), *_ = picture_loader(config)
    assert source.shape == target.shape
    assert not torch.equal(source, target)
    assert train(config, tmp_path / "run", progress=False).steps == STEPS


def test_a_picture_without_room_for_the_margin_is_named(tmp_path: Path) -> None:
    config = camera_recipe(tmp_path)
    config = config.model_copy(update={"data": config.data.model_copy(update={"patch_px": 20})})
    with pytest.raises(PictureError, match=r"0\.png: 24×24 px on the sensor .* a patch of 20 px"):
        patch_loader(config, 0)


def refusal(folder: Path, camera: str, rest: str = "") -> str:
    path = folder / "recipe.yaml"
    path.write_text(DATA.format(camera) + rest)
    with pytest.raises(InputError) as caught:
        load_train_config(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        ("camera: {lens_std: [0, 1]}", "'data.camera.lens_std'; did you mean 'lens_std_px'?"),
        ("camera: {analog_gains: [1, 2]}", "did you mean 'analog_gain'?"),
        ("jpeg_quality: [80, 90]", "'jpeg_quality' belongs in data.camera"),
        ("camera: {lens_std_px: [0.5, 0.2]}", "lens_std_px must be two numbers in order"),
        ("camera: {lens_std_px: 0.5}", "data.camera.lens_std_px"),
        ("camera: {lens_std_px: [0, .nan]}", "data.camera.lens_std_px"),
        ("camera: {analog_gain: [0.5, 2]}", "data.camera.analog_gain"),
        ("camera: {jpeg_quality: [0, 90]}", "data.camera.jpeg_quality"),
        ("camera: {jpeg_quality: [95, 90]}", "jpeg_quality must be two numbers in order"),
        ("camera: {white_balance: [0.5, 1]}", "data.camera.white_balance"),
        ("camera: {noise_std: [0, 20]}", "data.camera.noise_std"),
        ("camera: {noise_std: [0, 0.1], analog_gain: [1, 2]}", "exclude each other"),
        ("camera: 3", "data.camera"),
        ("camera: {}, noise: {}", "data.camera and data.noise exclude each other"),
    ],
)
def test_what_is_no_camera_is_refused(tmp_path: Path, camera: str, message: str) -> None:
    assert message in refusal(tmp_path, camera)


def test_cameras_are_for_tasks_with_an_input_to_take(tmp_path: Path) -> None:
    denoising = "model: {task: denoising, scale: 1}\n"
    both = refusal(tmp_path, "camera: {}, noise: {sigma: [0, 50]}", denoising)
    assert "data.camera and data.noise exclude each other" in both
    down = refusal(tmp_path, "camera: {}", "model: {task: down-scaling, scale: 2}\n")
    assert "data.camera: is for task: denoising or super-resolution" in down
    assert "scale" in refusal(tmp_path, "camera: {}", "model: {scale: 5}\n")


def test_noise_of_one_strength_takes_the_place_of_a_sensor(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(DATA.format("camera: {noise_std: [0.01, 0.02]}"))
    camera = load_train_config(path).data.camera
    assert camera is not None
    assert camera.analog_gain is None
    assert camera.cameras(3).noise_std == (0.01, 0.02)
    assert CamerasConfig.model_validate(camera.model_dump(mode="json")) == camera
    assert CamerasConfig().cameras(2).noise_std == (0, 0)

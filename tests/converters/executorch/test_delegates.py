"""Vulkan and Core ML inside ExecuTorch: whole delegation, honest reports, programs to take out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk.emulate.parity.agreement import psnr_db
from edge_sdk.errors import ArtifactError, InputError
from edge_sdk.models import Color, EnhanceNet
from edge_sdk.models.enhance_config import EnhanceNetConfig
from edge_sdk.models.spec import Task
from edge_sdk.targets import find_converter
from edge_sdk.zoo.catalogue import load_model, model_names
from edge_sdk.zoo.networks import example_input, fused_network
from edge_sdk_converters.executorch.coreml import extract_programs
from tests.builders.conversion_nets import EnhanceLike, picture, seeded
from tests.needs import needs
from tests.pairwise import pairwise

pytestmark = [needs("executorch", "tflite"), pytest.mark.slow]

TASKS = [(Task.SUPER_RESOLUTION, 2), (Task.DOWN_SCALING, 2), (Task.DENOISING, 1)]


def relu_net(task: Task, scale: int, color: Color) -> EnhanceNet:
    config = EnhanceNetConfig(scale=scale, color=color, activation="relu", branches=None, task=task)
    return seeded(lambda: EnhanceNet(config)).eval()


def check_whole(model: EnhanceNet, target: str, folder: Path) -> None:
    converter = find_converter(target)
    path = folder / f"net{converter.suffix}"
    example = example_input(model, 24, 32)
    report = converter.convert(model, example, path, converter.precisions[0])
    if target == "tflite":
        assert (report.transposes, report.fallback) == (0, None)
    else:
        assert (report.partitions, report.undelegated) == (1, ())


@pytest.mark.parametrize(
    ("name", "target"),
    [
        pytest.param(name, target, marks=pytest.mark.nightly if nightly else ())
        for name in model_names()
        for target in ("executorch", "executorch-vulkan", "tflite")
        for nightly in [target == "executorch-vulkan" and name not in ("sr_x4_y", "burst_zoom_x2")]
    ],
)
def test_shipped_nets_are_taken_whole(name: str, target: str, tmp_path: Path) -> None:
    check_whole(fused_network(load_model(name)), target, tmp_path)


@pytest.mark.parametrize(
    ("task", "color", "target"),
    pairwise(TASKS, [Color.Y, Color.RGB], ["executorch", "executorch-vulkan", "tflite"]),
)
def test_every_task_is_taken_whole(
    task: tuple[Task, int], color: Color, target: str, tmp_path: Path
) -> None:
    check_whole(relu_net(*task, color), target, tmp_path)


def test_vulkan_says_that_it_was_not_run_and_halves_the_weights(tmp_path: Path) -> None:
    converter, model = find_converter("executorch-vulkan"), seeded(EnhanceLike)
    sizes = {}
    for precision in ("fp32", "fp16"):
        path = tmp_path / f"{precision}.pte"
        report = converter.convert(model, picture(1, 1, 16, 16), path, precision)
        sizes[precision] = report.size_bytes
        assert report.target == "executorch-vulkan"
        assert any("not run" in remark for remark in report.remarks)
        assert report.inputs[0].dtype == report.outputs[0].dtype == "float32"
    assert sizes["fp16"] < 0.8 * sizes["fp32"]


class Cumulative(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.cumsum(2)


def test_vulkan_names_what_it_leaves_and_where(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), Cumulative())
    converter = find_converter("executorch-vulkan")
    report = converter.convert(model, picture(1, 1, 8, 8), tmp_path / "net.pte", "fp32")
    assert report.undelegated
    assert set(report.undelegated_modules) == {"1 (Cumulative)"}


@pytest.fixture(scope="module")
def pte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coreml") / "net.pte"
    model, example = seeded(EnhanceLike), picture(1, 1, 16, 24)
    report = find_converter("executorch-coreml").convert(model, example, path, "fp16")
    assert (report.partitions, report.undelegated) == (1, ())
    return path


@needs("coreml")
def test_the_ml_program_inside_runs_in_the_interpreter(pte: Path, tmp_path: Path) -> None:
    from edge_sdk.emulate.runtimes.coreml import CoreMLRunner

    (package,) = extract_programs(pte, tmp_path)
    assert package == tmp_path / "net.mlpackage"
    runner, x = CoreMLRunner(package, interpret=True), picture(1, 1, 16, 24, seed=4)
    (name,) = runner.input_shapes
    (output,) = runner.run({name: x.numpy()}).values()
    with torch.no_grad():
        expected = seeded(EnhanceLike).eval()(x).numpy()
    # Half precision inside: neither wrong nor unrounded.
    assert 60 <= psnr_db(expected, output) < 100


@needs("coreml")
def test_extraction_replaces_a_package_and_refuses_other_files(pte: Path, tmp_path: Path) -> None:
    first = extract_programs(pte, tmp_path)
    assert extract_programs(pte, tmp_path) == first
    plain = tmp_path / "plain.pte"
    find_converter("executorch").convert(nn.ReLU(), picture(1, 1, 4, 4), plain, "fp32")
    with pytest.raises(ArtifactError, match="holds no ML program"):
        extract_programs(plain, tmp_path)
    plain.write_bytes(b"not a program" * 20)
    with pytest.raises(ArtifactError, match="cannot be read as an ExecuTorch program"):
        extract_programs(plain, tmp_path)
    with pytest.raises(ArtifactError, match="No such file"):
        extract_programs(tmp_path / "none.pte", tmp_path)


def test_core_ml_in_executorch_has_one_precision(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose one of: fp16"):
        find_converter("executorch-coreml").convert(
            nn.ReLU(), picture(1, 1, 4, 4), tmp_path / "net.pte", "fp32"
        )

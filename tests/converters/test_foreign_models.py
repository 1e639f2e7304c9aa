"""Models in the manner of public repositories: right in every target, int8 classes kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_sdk import convert, fuse, quantize
from edge_sdk.emulate.parity.agreement import artifact_results, run_torch
from edge_sdk.emulate.parity.differences import differences, largest_values
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import EdgeSdkError
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import picture, seeded
from tests.builders.foreign_models import (
    FSRCNN,
    C2fClassifier,
    C2fDetector,
    GroupNormAutoencoder,
    NAFNet,
    Stripes,
    SwinUpscaler,
    TwoInputs,
    VisionTransformer,
)
from tests.builders.foreign_networks import MobileNetV3Like
from tests.needs import each_needing

pytestmark = pytest.mark.slow

TARGETS = ("executorch", "coreml", "tflite")


@dataclass(frozen=True)
class Case:
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]


CASES = {
    "fsrcnn": Case(FSRCNN, (1, 3, 20, 28)),
    # Sizes that are no whole number of cells or windows, so that both pad and cut.
    "nafnet": Case(NAFNet, (1, 3, 22, 27)),
    "c2f_detector": Case(C2fDetector, (1, 3, 32, 48)),
    "swin_upscaler": Case(SwinUpscaler, (1, 3, 14, 19)),
    "group_norm_autoencoder": Case(GroupNormAutoencoder, (1, 3, 16, 24)),
    "vision_transformer": Case(VisionTransformer, (1, 3, 32, 32)),
}
"""Models that no target refuses."""


@pytest.mark.parametrize("target", each_needing(TARGETS))
@pytest.mark.parametrize("name", CASES)
def test_every_target_computes_the_same(name: str, target: str, tmp_path: Path) -> None:
    case = CASES[name]
    model = seeded(case.build).eval()
    path = tmp_path / f"net{find_converter(target).suffix}"
    made = convert(model, target, path, "fp32", example=picture(*case.shape))
    probes = [picture(*case.shape, seed=seed) for seed in (3, 4)]
    expected = run_torch(model, probes)
    results = artifact_results(open_artifact(path), probes, path)
    peaks = largest_values(expected)
    assert differences(expected, results, peaks, clip=False).worst_db >= GATES_DB["fp32"]
    assert made.check.psnr_db is not None
    assert made.report.fallback is None


CLASSIFIERS = {"mobilenet_v3": partial(MobileNetV3Like, 4), "c2f": C2fClassifier}
STEPS, LEAST_RIGHT = 80, 0.97


@cache
def trained(name: str) -> nn.Module:
    """A classifier of stripes, a few seconds of training old."""
    torch.manual_seed(0)
    model, stripes = CLASSIFIERS[name](), Stripes(seed=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, STEPS)
    for _ in range(STEPS):
        pictures, classes = stripes.draw(32)
        optimizer.zero_grad()
        F.cross_entropy(model(pictures), classes).backward()
        optimizer.step()
        schedule.step()
    return model.eval()


@pytest.mark.parametrize("target", each_needing(TARGETS))
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_int8_classifiers_choose_the_same_class(name: str, target: str, tmp_path: Path) -> None:
    model = trained(name)
    calibration = list(Stripes(seed=2).draw(48)[0].split(1))
    pictures, classes = Stripes(seed=3).draw(200)
    with torch.no_grad():
        chosen = model(pictures).argmax(1)
    # A model that always says the same would agree with any file.
    assert float((chosen == classes).float().mean()) >= LEAST_RIGHT
    assert int(torch.bincount(chosen).max()) < 80
    fused, _ = fuse(model, calibration[0])
    scheme = quantize(fused, calibration[0], calibration, picture_output=False).scheme
    path = tmp_path / f"net{find_converter(target).suffix}"
    convert(model, target, path, "int8", example=calibration[0], scheme=scheme)
    found = _classes(path, pictures)
    assert float((found == chosen).float().mean()) >= 0.99


def _classes(path: Path, pictures: Tensor) -> Tensor:
    results = artifact_results(open_artifact(path), pictures.split(1), path)
    return torch.tensor([int(scores.argmax()) for scores, *_ in results])


def test_attention_in_int8_is_right_or_refused_for_its_norms(tmp_path: Path) -> None:
    model, x = seeded(VisionTransformer).eval(), picture(1, 3, 32, 32)
    scheme = quantize(model, x, [x], picture_output=False).scheme
    made = convert(model, "executorch", tmp_path / "net.pte", "int8", example=x, scheme=scheme)
    assert made.check.psnr_db is not None
    with pytest.raises(EdgeSdkError, match=r"norm1 \(LayerNorm\): .* no int8 form in TFLite"):
        convert(model, "tflite", tmp_path / "net.tflite", "int8", example=x, scheme=scheme)


def test_an_example_for_one_of_two_inputs_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(EdgeSdkError, match="sigma") as caught:
        convert(TwoInputs(), "tflite", tmp_path / "net.tflite", example=picture(1, 3, 8, 8))
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []

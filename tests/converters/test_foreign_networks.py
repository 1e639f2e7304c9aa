"""Networks designed elsewhere, through every format that this machine runs."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge_sdk.emulate.mil.declared import DECLARED_OPERATIONS
from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.reparam import fuse
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import picture, seeded
from tests.builders.foreign_networks import (
    MobileNetV2Like,
    MobileNetV3Like,
    ResNetLike,
    ShuffleRestorer,
    UNetLike,
    spread,
)
from tests.needs import needs

pytestmark = pytest.mark.slow

TARGETS = ("executorch", "coreml", "tflite")


@dataclass(frozen=True)
class Case:
    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    classifies: bool
    partitions: int


CASES = {
    "mobilenet_v2": Case(MobileNetV2Like, (1, 3, 48, 64), True, 1),
    "mobilenet_v3": Case(MobileNetV3Like, (1, 3, 48, 64), True, 1),
    "resnet": Case(ResNetLike, (1, 3, 64, 64), True, 1),
    # Sizes that do not halve twice, so that the skips need padding.
    "unet": Case(UNetLike, (1, 3, 38, 50), False, 1),
    "unet_bilinear": Case(partial(UNetLike, bilinear=True), (1, 3, 38, 50), False, 1),
    # XNNPACK has no instance norm, which stays on a portable kernel between two partitions.
    "shuffle_restorer": Case(ShuffleRestorer, (1, 3, 24, 32), False, 2),
}
CLASSIFIERS = [name for name, case in CASES.items() if case.classifies]


@cache
def model_of(name: str, form: str) -> nn.Module:
    case = CASES[name]
    model = spread(seeded(case.build)).eval()
    if form == "fused":
        model, _ = fuse(model, picture(*case.shape))
    return model


def probes(name: str, count: int = 2) -> list[Tensor]:
    return [picture(*CASES[name].shape, seed=seed) for seed in range(2, 2 + count)]


def peak_db(model: nn.Module, examples: list[Tensor]) -> float:
    """What PSNR gains if its peak is the largest output instead of 1: logits exceed 1."""
    with torch.no_grad():
        largest = max(float(model(example).abs().max()) for example in examples)
    return max(0.0, 20 * math.log10(largest))


FULL = ("mobilenet_v3", "unet_bilinear", "shuffle_restorer")
"""Networks whose layers are those of all; the others are nightly."""
CONVERSIONS = [
    pytest.param(
        name, target, form, marks=[needs(target), *([] if name in FULL else [pytest.mark.nightly])]
    )
    for name in CASES for target in TARGETS for form in ("plain", "fused")
    # BatchNorms that are left whole go through every lowering once; fused is what users convert.
    if form == "fused" or target == "tflite" or name == "mobilenet_v3"
]  # fmt: skip


def sampled(names: Iterable[str], targets: Iterable[str], full: Container[str]) -> list[object]:
    """Every network and target; other networks than those of the full tier are nightly."""
    return [
        pytest.param(
            name,
            target,
            marks=[needs(target.split("-")[0])] + ([] if name in full else [pytest.mark.nightly]),
        )
        for name in names
        for target in targets
    ]


@pytest.mark.parametrize(("name", "target", "form"), CONVERSIONS)
def test_fp32_agrees(name: str, target: str, form: str, tmp_path: Path) -> None:
    converter, original = find_converter(target), model_of(name, "plain")
    path = tmp_path / f"net{converter.suffix}"
    report = converter.convert(model_of(name, form), picture(*CASES[name].shape), path, "fp32")
    # Against the model as it was trained, not against the fused one.
    assert verify(original, probes(name), path).psnr_db >= GATES_DB["fp32"]
    assert report.fallback is None
    if target == "tflite":
        assert report.transposes == 0
    if target == "coreml":
        assert set(report.operators) <= DECLARED_OPERATIONS
        assert report.remarks == ()
    if target == "executorch":
        assert report.partitions == CASES[name].partitions
        assert (report.undelegated == ()) == (report.partitions == 1)
        assert set(report.undelegated_modules) <= {"norm (InstanceNorm2d)"}


@pytest.mark.parametrize(("name", "target"), sampled(CASES, ["coreml", "tflite"], FULL[:2]))
def test_fp16_agrees(name: str, target: str, tmp_path: Path) -> None:
    converter, model = find_converter(target), model_of(name, "fused")
    path = tmp_path / f"net{converter.suffix}"
    converter.convert(model, picture(*CASES[name].shape), path, "fp16")
    parity = verify(model, probes(name), path).psnr_db + peak_db(model, probes(name))
    assert GATES_DB["fp16"] <= parity < GATES_DB["fp32"]


@pytest.mark.parametrize(("name", "target"), sampled(CLASSIFIERS, TARGETS, ("mobilenet_v3",)))
def test_classifiers_choose_the_same_class(name: str, target: str, tmp_path: Path) -> None:
    # In fp32 only: untrained nets see pictures almost alike, so that standardizing their logits
    # also enlarges what half precision rounds; that would need trained weights.
    examples = [patches(CASES[name].shape, seed) for seed in range(100)]
    model = balanced(model_of(name, "plain"), examples)
    with torch.no_grad():
        expected = [int(model(example).argmax()) for example in examples]
    # A model that always gives one answer would agree with any artifact.
    assert max(expected.count(label) for label in set(expected)) < 50
    converter = find_converter(target)
    path = tmp_path / f"net{converter.suffix}"
    fused, _ = fuse(model, examples[0])
    converter.convert(fused, examples[0], path, "fp32")
    runner = open_artifact(path)
    found = [
        int(next(iter(runner.run({"input": example.numpy()}).values())).argmax())
        for example in examples
    ]
    agreed = sum(left == right for left, right in zip(expected, found, strict=True))
    assert agreed >= 0.99 * len(examples)


def patches(shape: tuple[int, ...], seed: int) -> Tensor:
    """Smooth colored patches, which differ more from each other than noise does."""
    coarse = picture(shape[0], shape[1], 3, 3, seed=seed)
    return F.interpolate(coarse, size=shape[2:], mode="bilinear")


def balanced(model: nn.Module, examples: list[Tensor]) -> nn.Module:
    """Copy whose logits are standardized over ``examples``, so that every class is chosen."""
    model = copy.deepcopy(model)
    head = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    logits: list[Tensor] = []
    handle = head.register_forward_hook(lambda _, __, output: logits.append(output))
    with torch.no_grad():
        for example in examples:
            model(example)
        handle.remove()
        mean, std = torch.cat(logits).mean(0), torch.cat(logits).std(0)
        head.weight /= std[:, None]
        head.bias.copy_((head.bias - mean) / std)
    return model


@pytest.mark.parametrize(
    ("name", "target"),
    sampled(
        [name for name in CASES if name != "shuffle_restorer"],
        ["executorch-vulkan"],
        FULL[:2],
    ),
)
def test_vulkan_takes_them_whole(name: str, target: str, tmp_path: Path) -> None:
    converter = find_converter(target)
    example = picture(*CASES[name].shape)
    report = converter.convert(model_of(name, "fused"), example, tmp_path / "net.pte", "fp32")
    assert (report.partitions, report.undelegated) == (1, ())


def test_every_format_is_covered() -> None:
    assert {param.values[1] for param in CONVERSIONS} == set(TARGETS)

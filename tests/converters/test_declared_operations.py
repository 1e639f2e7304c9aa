"""Core ML packages of all test networks, in every precision, hold declared operations alone."""

from __future__ import annotations

import inspect
from functools import partial
from pathlib import Path

import pytest
from torch import nn

from edge_sdk.emulate.mil.declared import DECLARED_OPERATIONS
from edge_sdk.errors import ConversionError
from edge_sdk.quantization import quantize, quantize_weights
from edge_sdk.reparam import fuse
from edge_sdk.targets import find_converter
from tests.builders import conversion_nets, foreign_networks
from tests.builders.conversion_nets import (
    DepthwiseClassifier,
    EnhanceLike,
    ResNet,
    UNet,
    picture,
    seeded,
)
from tests.builders.foreign_networks import (
    MobileNetV2Like,
    MobileNetV3Like,
    ResNetLike,
    ShuffleRestorer,
    UNetLike,
)
from tests.needs import needs

pytestmark = pytest.mark.slow

NETWORKS = {
    "EnhanceLike": (EnhanceLike, 1),
    "DepthwiseClassifier": (DepthwiseClassifier, 3),
    "UNet": (UNet, 3),
    "ResNet": (ResNet, 3),
    "MobileNetV2Like": (MobileNetV2Like, 3),
    "MobileNetV3Like": (MobileNetV3Like, 3),
    "ResNetLike": (ResNetLike, 3),
    "ShuffleRestorer": (ShuffleRestorer, 3),
    "UNetLike": (UNetLike, 3),
    "UNetLike, bilinear": (partial(UNetLike, bilinear=True), 3),
    "norms": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.ReLU(), nn.InstanceNorm2d(8, affine=True)
        ),
        3,
    ),
}
PARTS = {"ConvBNReLU", "SqueezeExcite", "InvertedResidual", "DoubleConv", "Up", "BasicBlock"} | {
    "ShuffleUnit"
}
"""Classes of those modules that are no networks."""
SIX_AXES = ("ShuffleRestorer", "int8")
"""Its pixel shuffle is written as views, with codes between them in int8, so that it is not
recognized; Core ML has no tensors of six axes."""


def test_every_network_is_here() -> None:
    found = {
        name
        for module in (conversion_nets, foreign_networks)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, nn.Module) and kind.__module__ == module.__name__
    }
    assert found - PARTS == {name.partition(",")[0] for name in NETWORKS} - {"norms"}


PACKAGES = [
    pytest.param(name, precision, marks=[] if full else pytest.mark.nightly)
    for name in NETWORKS
    for precision in find_converter("coreml").precisions
    # How weights are stored is the same in every network, and these have the layers of all.
    for full in [
        precision == "fp32"
        or name in ("EnhanceLike", "norms")
        or (precision == "int8" and name in ("MobileNetV3Like", "UNetLike, bilinear", SIX_AXES[0]))
    ]
]


@needs("coreml")
@pytest.mark.parametrize(("name", "precision"), PACKAGES)
def test_a_package_holds_declared_operations_alone(
    name: str, precision: str, tmp_path: Path
) -> None:
    build, channels = NETWORKS[name]
    example = picture(1, channels, 32, 32)
    model = seeded(build).eval()
    if precision != "fp32":
        model, _ = fuse(model, example)
    if precision == "w8":
        model = quantize_weights(model, example).model
    if precision == "int8":
        model = quantize(model, example, [example], "min-max", picture_output=False).model
    converter, path = find_converter("coreml"), tmp_path / "net.mlpackage"
    if (name, precision) == SIX_AXES:
        with pytest.raises(ConversionError, match="rank <= 5"):
            converter.convert(model, example, path, precision)
        return
    report = converter.convert(model, example, path, precision)
    assert set(report.operators) <= DECLARED_OPERATIONS
    assert report.remarks == ()

"""Resizes by odd factors, pools without a stride, and the shapes that files declare."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ConversionError
from edge_sdk.targets import TensorSpec, find_converter
from edge_sdk_converters.checks.output_shapes import check_shapes
from tests.builders.conversion_nets import picture
from tests.needs import each_needing

pytestmark = pytest.mark.slow

SUFFIXES = {"executorch": ".pte", "coreml": ".mlpackage", "tflite": ".tflite"}


class Calls(nn.Module):
    """A function of one tensor as a model."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def check_agreement(target: str, model: nn.Module, example: Tensor, folder: Path) -> None:
    path = folder / f"net{SUFFIXES[target]}"
    find_converter(target).convert(model, example, path, "fp32")
    found = open_artifact(path).run({"input": example.numpy()})["output"]
    with torch.no_grad():
        torch.testing.assert_close(torch.from_numpy(found), model(example), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize("factor", [2.3, 1.7, (2.3, 1.0)])
@pytest.mark.parametrize("target", each_needing(SUFFIXES))
def test_neighbors_are_sampled_by_the_factor(
    target: str, mode: str, factor: float | tuple[float, float], tmp_path: Path
) -> None:
    model = Calls(lambda x: functional.interpolate(x, scale_factor=factor, mode=mode))
    check_agreement(target, model, picture(1, 2, 3, 5), tmp_path)


@pytest.mark.parametrize("target", each_needing(SUFFIXES))
def test_a_factor_that_the_target_would_replace_is_refused(target: str, tmp_path: Path) -> None:
    model = Calls(lambda x: functional.interpolate(x, scale_factor=2.3, mode="bilinear"))
    path = tmp_path / f"net{SUFFIXES[target]}"
    with pytest.raises(ConversionError, match="resizes 3×5 to 6×11 by the factors"):
        find_converter(target).convert(model, picture(1, 2, 3, 5), path, "fp32")
    again = Calls(
        lambda x: functional.interpolate(
            x, scale_factor=2.3, mode="bilinear", recompute_scale_factor=True
        )
    )
    check_agreement(target, again, picture(1, 2, 3, 5), tmp_path)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: functional.max_pool2d(x, 2),
        lambda x: functional.max_pool2d(x, (2, 3), ceil_mode=True),
        lambda x: functional.avg_pool2d(x, 2),
    ],
)
def test_core_ml_takes_pools_without_a_stride(
    function: Callable[[Tensor], Tensor], tmp_path: Path
) -> None:
    check_agreement("coreml", Calls(function), picture(1, 2, 7, 9), tmp_path)


@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 3, "stride": 3, "output_padding": 2},
        {"kernel_size": 2, "stride": 2, "output_padding": 1},
        {"kernel_size": 4, "stride": 2, "dilation": 2, "output_padding": 1, "groups": 2},
        {"kernel_size": 4, "stride": 3, "padding": 2, "dilation": 2, "output_padding": 1},
    ],
    ids=str,
)
def test_transposed_convolutions_have_their_shape(
    target: str, options: dict[str, int], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    check_agreement(target, nn.ConvTranspose2d(4, 4, **options), picture(1, 4, 7, 6), tmp_path)


def test_another_shape_than_the_models_is_refused() -> None:
    spec = TensorSpec("output", (1, 8, 12, 3), "float32", "NHWC")
    check_shapes("tflite", [spec], [(1, 3, 8, 12)])
    with pytest.raises(ConversionError, match="output as 1×3×8×12, the model returns 1×3×8×13"):
        check_shapes("tflite", [spec], [(1, 3, 8, 13)])
    with pytest.raises(ConversionError, match="declares 1 outputs, the model has 2"):
        check_shapes("tflite", [spec], [(1, 3, 8, 12), (1,)])

"""ExecuTorch: parity with eager, full delegation, and files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.errors import ConversionError, InputError, OutputError
from edge_sdk.targets import Converter, find_converter
from edge_sdk_converters.executorch.xnnpack import ExecuTorchConverter
from tests.builders.conversion_nets import (
    DepthwiseClassifier,
    EnhanceLike,
    ResNet,
    UNet,
    picture,
    seeded,
)
from tests.needs import needs

pytestmark = [needs("executorch"), pytest.mark.slow]


def test_enhance_net_is_one_partition_and_exact(tmp_path: Path) -> None:
    model, example = seeded(EnhanceLike), picture(1, 1, 24, 32)
    path = tmp_path / "net.pte"
    report = ExecuTorchConverter().convert(model, example, path, "fp32")
    assert report.partitions == 1
    assert report.undelegated == ()
    assert report.operators["convolution"] == 6
    assert report.operators["prelu"] == 5
    assert report.inputs[0].shape == (1, 1, 24, 32)
    assert report.inputs[0].name == "input"
    assert report.outputs[0].shape == (1, 1, 48, 64)
    assert report.outputs[0].layout == "NCHW"
    assert report.size_bytes == path.stat().st_size
    assert verify(model, example, path).psnr_db >= GATES_DB["fp32"]


@pytest.mark.parametrize(
    "net",
    [
        DepthwiseClassifier,
        *(pytest.param(net, marks=pytest.mark.nightly) for net in (UNet, ResNet)),
    ],
)
def test_whole_nets_agree(net: type[nn.Module], tmp_path: Path) -> None:
    model, example = seeded(net), picture(1, 3, 32, 48)
    path = tmp_path / "net.pte"
    report = ExecuTorchConverter().convert(model, example, path, "fp32")
    assert report.partitions is not None
    assert report.partitions >= 1
    assert verify(model, example, path).psnr_db >= GATES_DB["fp32"]


class RunningSum(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.cumsum(2)


def test_an_operator_left_behind_is_named_with_its_module(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), RunningSum())
    example = picture(1, 1, 8, 8)
    report = ExecuTorchConverter().convert(model, example, tmp_path / "net.pte", "fp32")
    assert report.undelegated == ("cumsum",)
    assert report.undelegated_modules == ("1 (RunningSum)",)
    assert verify(model, example, tmp_path / "net.pte").psnr_db >= GATES_DB["fp32"]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_nearest_neighbor_resize_no_longer_splits_the_graph(
    channels: int, tmp_path: Path
) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1), nn.Upsample(scale_factor=2), nn.PReLU(channels)
    )
    example = picture(1, 1, 8, 8)
    report = ExecuTorchConverter().convert(model, example, tmp_path / "net.pte", "fp32")
    assert (report.partitions, report.undelegated) == (1, ())
    assert report.rewrites[0].startswith("1 (Upsample): nearest-neighbor")
    assert verify(model, example, tmp_path / "net.pte").psnr_db >= GATES_DB["fp32"]


def test_the_model_stays_as_it_was(tmp_path: Path) -> None:
    model = seeded(ResNet).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    ExecuTorchConverter().convert(model, picture(1, 3, 32, 32), tmp_path / "net.pte", "fp32")
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_model_laid_out_channels_last_converts_too(tmp_path: Path) -> None:
    model = seeded(EnhanceLike).to(memory_format=torch.channels_last)
    example = picture(1, 1, 24, 32).contiguous(memory_format=torch.channels_last)
    strides = [parameter.stride() for parameter in model.parameters()]
    path = tmp_path / "net.pte"
    ExecuTorchConverter().convert(model, example, path, "fp32")
    assert verify(model, example, path).psnr_db >= GATES_DB["fp32"]
    assert [parameter.stride() for parameter in model.parameters()] == strides


def test_requests_that_cannot_work_are_refused(tmp_path: Path) -> None:
    convert, model, example = ExecuTorchConverter().convert, EnhanceLike(), picture(1, 1, 8, 8)
    with pytest.raises(OutputError, match="does not exist"):
        convert(model, example, tmp_path / "none" / "net.pte", "fp32")
    with pytest.raises(InputError, match="precision 'int4'"):
        convert(model, example, tmp_path / "net.pte", "int4")
    with pytest.raises(InputError, match=r"end the name in \.pte"):
        convert(model, example, tmp_path / "net.onnx", "fp32")
    with pytest.raises(InputError, match="float32"):
        convert(model, example.double(), tmp_path / "net.pte", "fp32")
    with pytest.raises(InputError, match="fails on shape"):
        convert(model, picture(1, 3, 8, 8), tmp_path / "net.pte", "fp32")
    assert list(tmp_path.iterdir()) == []


def test_control_flow_on_values_is_refused_in_one_line(tmp_path: Path) -> None:
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2 if x.sum() > 0 else x

    with pytest.raises(ConversionError, match="cannot be traced") as caught:
        ExecuTorchConverter().convert(Branching(), picture(1, 1, 8, 8), tmp_path / "n.pte", "fp32")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_entry_point_leads_here() -> None:
    converter = find_converter("executorch")
    assert isinstance(converter, ExecuTorchConverter)
    assert isinstance(converter, Converter)

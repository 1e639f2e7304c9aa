"""TFLite: whole nets, no transposes, pixel shuffles as one operator, refusals that help."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.errors import ConversionError, InputError, OutputError
from edge_sdk.targets import Converter, LoweringReport, find_converter
from edge_sdk_converters.tflite import TFLiteConverter
from edge_sdk_converters.tflite.operators.resample import depth_order
from edge_sdk_converters.tflite.registry import inverse
from tests.builders.conversion_nets import (
    DepthwiseClassifier,
    EnhanceLike,
    ResNet,
    UNet,
    picture,
    seeded,
)
from tests.needs import needs

pytestmark = [needs("tflite"), pytest.mark.slow]


def convert(
    model: nn.Module, example: Tensor, path: Path, precision: str = "fp32"
) -> LoweringReport:
    return TFLiteConverter().convert(model, example, path, precision)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_enhance_net_has_only_its_own_operators(
    outputs: int, precision: str, tmp_path: Path
) -> None:
    model, example = seeded(lambda: EnhanceLike(outputs)), picture(1, 1, 24, 32)
    path = tmp_path / "net.tflite"
    report = convert(model, example, path, precision)
    operators = {name: count for name, count in report.operators.items() if name != "DEQUANTIZE"}
    assert operators == {"ADD": 2, "CONV_2D": 6, "DEPTH_TO_SPACE": 1, "PRELU": 5}
    assert (report.inputs[0].name, report.inputs[0].layout) == ("input", "NHWC")
    assert report.inputs[0].shape == (1, 24, 32, 1)
    assert (report.outputs[0].name, report.outputs[0].layout) == ("output", "NHWC")
    assert report.outputs[0].shape == (1, 48, 64, outputs)
    assert report.size_bytes == path.stat().st_size
    assert any("DEPTH_TO_SPACE" in sentence for sentence in report.rewrites)
    assert verify(model, example, path).psnr_db >= GATES_DB[precision]


@pytest.mark.parametrize("net", [DepthwiseClassifier, UNet, ResNet])
def test_whole_nets_agree(net: type[nn.Module], tmp_path: Path) -> None:
    model, example = seeded(net), picture(1, 3, 32, 48)
    report = convert(model, example, tmp_path / "net.tflite")
    assert "TRANSPOSE" not in report.operators
    assert verify(model, example, tmp_path / "net.tflite").psnr_db >= GATES_DB["fp32"]


def test_batch_norm_costs_no_operator_after_a_conv(tmp_path: Path) -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()))
    report = convert(model, picture(1, 1, 8, 8), tmp_path / "net.tflite")
    assert report.operators == {"CONV_2D": 1}


def test_a_shuffle_that_no_conv_can_prepare_says_what_it_costs(tmp_path: Path) -> None:
    report = convert(nn.PixelShuffle(2), picture(1, 8, 6, 6), tmp_path / "net.tflite")
    assert report.operators == {"CONV_2D": 1, "DEPTH_TO_SPACE": 1}
    assert "1×1 convolution" in report.rewrites[0]


@given(channels=st.integers(1, 5), factor=st.integers(1, 4))
def test_depth_order_maps_torch_channels_to_depth_to_space(channels: int, factor: int) -> None:
    squares = factor * factor
    order = depth_order(channels, factor) or tuple(range(channels * squares))
    assert sorted(order) == list(range(channels * squares))
    for c in range(channels):
        for phase in range(squares):
            assert order[c * squares + phase] == phase * channels + c
    assert [order[k] for k in inverse(order)] == list(range(len(order)))


def test_the_model_stays_as_it_was(tmp_path: Path) -> None:
    model = seeded(ResNet).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    convert(model, picture(1, 3, 32, 32), tmp_path / "net.tflite")
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


class Inner(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.rfft2(x).abs()


class Outer(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.ReLU(), inner)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Rolled(nn.Module):
    """Rolls the flattened tensor, which the own lowering leaves to others."""

    def forward(self, x: Tensor) -> Tensor:
        return x.roll(1)


class Halved(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.half().float()


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand(1, 1, 8, 8)


@pytest.fixture
def without_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: None if name == "litert_torch" else find(name, package),
    )


@pytest.mark.usefixtures("without_fallback")
@pytest.mark.parametrize(
    ("inner", "operator", "takers"),
    [
        (Inner(), "fft_rfft2", ("executorch",)),
        (Random(), "rand", ()),
        (Rolled(), "roll", ("executorch",)),
        (Halved(), "_to_copy", ("executorch", "coreml")),
        (nn.AdaptiveAvgPool2d(17), "adaptive_avg_pool2d", ("executorch", "coreml")),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_unsupported_operator_is_named_with_its_module_and_its_takers(
    inner: nn.Module, operator: str, takers: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(ConversionError, match=operator) as caught:
        convert(Outer(inner), picture(1, 1, 8, 8), tmp_path / "net.tflite")
    message = str(caught.value)
    assert "body.1" in message
    assert "\n" not in message
    assert "[litert-torch]" in message
    for target in ("executorch", "coreml"):
        if importlib.util.find_spec({"coreml": "coremltools"}.get(target, target)):
            assert (f"--target {target}" in message) == (target in takers), message
    assert list(tmp_path.iterdir()) == []


def rolled() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), Rolled(), nn.Conv2d(3, 2, 1))


@pytest.mark.litert_torch
def test_the_fallback_is_declared(tmp_path: Path) -> None:
    model, path = seeded(rolled), tmp_path / "net.tflite"
    report = convert(model, picture(1, 1, 12, 16), path)
    assert report.fallback is not None
    assert report.fallback in report.rewrites
    for word in ("litert-torch", "roll", "1 (Rolled)"):
        assert word in report.fallback
    assert report.transposes == report.operators["TRANSPOSE"] > 0
    assert (report.inputs[0].name, report.inputs[0].shape) == ("input", (1, 12, 16, 1))
    assert (report.outputs[0].name, report.outputs[0].shape) == ("output", (1, 12, 16, 2))
    assert verify(model, picture(1, 1, 12, 16, seed=2), path).psnr_db >= GATES_DB["fp32"]


@pytest.mark.litert_torch
def test_the_fallback_keeps_several_outputs_in_order(tmp_path: Path) -> None:

    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x.mean((2, 3)), x.roll(1)

    path, x = tmp_path / "net.tflite", picture(1, 3, 8, 8)
    report = convert(Two(), x, path)
    assert [(spec.name, spec.layout) for spec in report.outputs] == [
        ("output_0", "NC"),
        ("output_1", "NHWC"),
    ]
    assert verify(Two(), x, path).psnr_db >= GATES_DB["fp32"]


@pytest.mark.litert_torch
def test_the_fallback_has_one_precision(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="litert-torch writes fp32 only") as caught:
        convert(rolled(), picture(1, 1, 8, 8), tmp_path / "net.tflite", "fp16")
    assert "1 (Rolled)" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_the_own_lowering_reports_no_fallback_no_transposes_and_its_float_operators(
    tmp_path: Path,
) -> None:
    report = convert(seeded(EnhanceLike), picture(1, 1, 8, 8), tmp_path / "net.tflite", "fp16")
    assert (report.fallback, report.transposes) == (None, 0)
    # DEQUANTIZE of half-precision weights is no arithmetic.
    assert report.operators["DEQUANTIZE"] > 0
    arithmetic = sum(report.operators.values()) - report.operators["DEQUANTIZE"]
    assert report.float_operators == arithmetic


def test_an_output_without_the_input_is_refused(tmp_path: Path) -> None:
    class Constant(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return F.relu(x), torch.ones(1, 1)

    with pytest.raises(ConversionError, match="does not depend on the input"):
        convert(Constant(), picture(1, 1, 8, 8), tmp_path / "net.tflite")


def test_requests_that_cannot_work_are_refused(tmp_path: Path) -> None:
    model, example = EnhanceLike(), picture(1, 1, 8, 8)
    with pytest.raises(OutputError, match="does not exist"):
        convert(model, example, tmp_path / "none" / "net.tflite")
    (tmp_path / "folder.tflite").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        convert(model, example, tmp_path / "folder.tflite")
    with pytest.raises(InputError, match="choose one of: fp32, fp16"):
        convert(model, example, tmp_path / "net.tflite", "int4")
    with pytest.raises(InputError, match=r"end the name in \.tflite"):
        convert(model, example, tmp_path / "net.pte")
    with pytest.raises(InputError, match="fails on shape 1×8×8"):
        convert(model, example[0], tmp_path / "net.tflite")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.tflite"]


def test_an_interrupted_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"old")

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match="No space left"):
        convert(nn.ReLU(), picture(1, 1, 8, 8), path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.tflite"]


def test_the_entry_point_leads_here() -> None:
    converter = find_converter("tflite")
    assert isinstance(converter, TFLiteConverter)
    assert isinstance(converter, Converter)

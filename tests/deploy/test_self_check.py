"""``convert`` runs what it wrote: wrong files are refused, right ones say how near they are."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.deploy.conversion import ConvertedModel, convert
from edge_sdk.deploy.intermediate import with_module_outputs
from edge_sdk.deploy.self_check import self_check
from edge_sdk.emulate.parity.agreement import run_torch
from edge_sdk.emulate.parity.code_rounding import BELOW_DB, rounding_floor_db, rounds_otherwise
from edge_sdk.emulate.parity.differences import differences, largest_values
from edge_sdk.errors import ConversionError
from edge_sdk.exported import quiet_copy
from edge_sdk.quantization import quantize
from edge_sdk.targets import LoweringReport
from edge_sdk_converters.executorch.xnnpack import ExecuTorchConverter
from tests.needs import needs

pytestmark = [needs("executorch"), pytest.mark.slow]


def decibels(made: ConvertedModel) -> float:
    """What the check of a file has found."""
    assert made.check.psnr_db is not None
    return made.check.psnr_db


class Smooth(nn.Module):
    """A GELU by tanh between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head, self.act, self.tail = (
            nn.Conv2d(3, 8, 3),
            nn.GELU("tanh"),
            nn.Conv2d(8, 3, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.act(self.head(x) * 5))


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """XNNPACK as it would be without the rewrite: it computes the exact GELU instead."""
    left = tuple(name for name in ExecuTorchConverter.rewrites if name != "tanh gelu")
    monkeypatch.setattr(ExecuTorchConverter, "rewrites", left)


@pytest.mark.usefixtures("broken")
def test_a_wrong_file_is_refused_and_the_module_named(tmp_path: Path) -> None:
    path = tmp_path / "model.pte"
    path.write_bytes(b"an earlier file")
    with pytest.raises(ConversionError, match=r"^act \(GELU\): .* dB against PyTorch"):
        convert(Smooth(), "executorch", path, example=(1, 3, 16, 16))
    assert path.read_bytes() == b"an earlier file"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("broken")
def test_without_the_check_the_report_says_so(tmp_path: Path) -> None:
    made = convert(
        Smooth(), "executorch", tmp_path / "model.pte", example=(1, 3, 16, 16), check=False
    )
    assert made.check.psnr_db is None
    assert str(made.check) == "not checked: --no-check"
    assert made.path.exists()


def test_a_right_file_says_how_near_it_is(tmp_path: Path) -> None:
    made = convert(Smooth(), "executorch", tmp_path / "model.pte", example=(1, 3, 16, 16))
    assert decibels(made) >= 100 == made.check.gate_db
    assert made.check.probes == 2
    assert "ExecuTorch" in made.check.runtime


def test_what_runs_nowhere_here_is_left_unchecked(tmp_path: Path) -> None:
    made = convert(Smooth(), "executorch-vulkan", tmp_path / "model.pte", example=(1, 3, 16, 16))
    assert made.check.left_out == "nothing on this machine runs files of executorch-vulkan"


def test_modules_are_watched_in_the_order_in_which_they_run() -> None:
    watched = with_module_outputs(Smooth().eval(), torch.rand(1, 3, 16, 16))
    assert watched is not None
    assert watched.names == ("head (Conv2d)", "the model (Smooth)", "act (GELU)", "tail (Conv2d)")
    assert len(watched.module(torch.rand(1, 3, 16, 16))) == 4


class Halves(nn.Module):
    """Two outputs, and a sum that is the last thing that the model itself computes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 3, 1), nn.GELU("tanh")

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.act(self.conv(x * 2) * 5)
        return y + x, y


def test_a_module_stands_where_its_last_result_is_computed() -> None:
    watched = with_module_outputs(Halves().eval(), torch.rand(1, 3, 16, 16))
    assert watched is not None
    assert watched.names == ("conv (Conv2d)", "act (GELU)", "the model (Halves)")


class FirstOnly(ExecuTorchConverter):
    """A converter that loses all outputs but the first."""

    def convert(
        self, model: nn.Module, example: Tensor, path: Path, precision: str = "fp32"
    ) -> LoweringReport:
        class First(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.model = model

            def forward(self, x: Tensor) -> Tensor:
                return self.model(x)[0]

        return super().convert(First(), example, path, precision)


def test_a_file_with_other_outputs_is_refused(tmp_path: Path) -> None:
    model, picture = Halves().eval(), torch.rand(1, 3, 16, 16)
    path, converter = tmp_path / "model.pte", FirstOnly()
    converter.convert(model, picture, path, "fp32")
    with pytest.raises(
        ConversionError, match=r"^Halves: .* returns 1×3×16×16, the model 1×3×16×16 and 1×3×16×16; "
    ):
        self_check(model, picture, path, "fp32", converter)


@pytest.mark.usefixtures("broken")
def test_without_all_outputs_no_module_is_named(tmp_path: Path) -> None:
    model, picture = Smooth().eval(), torch.rand(1, 3, 16, 16)
    path = tmp_path / "model.pte"
    ExecuTorchConverter().convert(model, picture, path, "fp32")
    with pytest.raises(ConversionError, match=r"^Smooth: .* computes something else"):
        self_check(model, picture, path, "fp32", FirstOnly())


def test_codes_rounded_otherwise_explain_less_than_a_wrong_scale() -> None:
    torch.manual_seed(0)
    layers = [layer for _ in range(6) for layer in (nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())]
    model = nn.Sequential(nn.Conv2d(3, 8, 3), *layers, nn.Conv2d(8, 4, 1)).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            nn.init.kaiming_normal_(parameter)
    pictures = [torch.rand(1, 3, 16, 16) for _ in range(4)]
    graph = quantize(model, pictures[0], pictures, picture_output=False).model
    expected = run_torch(graph, pictures)
    peaks = largest_values(expected)
    floor = rounding_floor_db(graph, pictures, expected, peaks, clip=False)
    assert floor == rounding_floor_db(graph, pictures, expected, peaks, clip=False)
    wrong = quiet_copy(graph)
    scales = next(buffer for name, buffer in wrong.named_buffers() if "weight_scales" in name)
    scales *= 1.05
    off = differences(expected, run_torch(wrong, pictures), peaks, clip=False).psnr_db
    assert off < floor < math.inf
    gate = floor + 1

    def explains(found: float, runtime: str) -> bool:
        given = (graph, pictures, expected, peaks, found, gate, runtime)
        return rounds_otherwise(*given, clip=False)

    assert explains(floor + 0.5, "litert")
    assert not explains(floor - 0.5, "litert")
    # ExecuTorch rounds as PyTorch does; and whatever the graph does, there is an end.
    assert not explains(floor + 0.5, "executorch")
    gate = floor + BELOW_DB + 1
    assert not explains(floor + 0.5, "litert")


class Refined(nn.Module):
    """Decides by its values, which neither tracer follows into a graph of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        assert x.dtype == torch.float32
        return self.conv(x)


def test_what_has_no_proof_in_float64_is_converted_as_it_is(tmp_path: Path) -> None:
    made = convert(Refined(), "executorch", tmp_path / "model.pte", example=(1, 3, 16, 16))
    assert decibels(made) >= 100
    assert "converted as it is, without fusing" in made.notes[0]
    assert made.certificate.probes == ()


@pytest.mark.parametrize("kind", [torch.float64, torch.float16])
def test_weights_of_other_types_are_converted_with_a_note(
    kind: torch.dtype, tmp_path: Path
) -> None:
    model = nn.Conv2d(3, 3, 1).to(kind)
    made = convert(model, "executorch", tmp_path / "model.pte", example=(1, 3, 16, 16))
    assert decibels(made) >= 100
    assert str(kind).removeprefix("torch.") in made.notes[0]
    assert model.weight.dtype == kind


@needs("coreml", "examples")
def test_palettes_are_judged_on_photographs(tmp_path: Path) -> None:
    made = convert("sr_x2_y", "coreml", tmp_path / "sr.mlpackage", "palette", size=(48, 48))
    assert made.check.psnr_db is not None
    assert made.check.probes == 12
    net, path = nn.Conv2d(3, 3, 3), tmp_path / "net.mlpackage"
    plain = convert(net, "coreml", path, "palette", example=(1, 3, 16, 16))
    assert "photographs" in plain.check.left_out

"""Target snapdragon: what is compiled, for which chip, and what its report says."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edge_sdk import convert, open_artifact
from edge_sdk.artifacts.dispatch import DAMAGED, is_compiled, read_compiled, stamp
from edge_sdk.deploy.all_targets import convert_all
from edge_sdk.devices.snapdragon import SNAPDRAGONS, find_snapdragon
from edge_sdk.errors import ConversionError, InputError, MissingExtraError, OutputError
from edge_sdk.quantization import quantize
from edge_sdk.targets import converter_names, find_converter, for_soc, targets_of
from edge_sdk_converters.snapdragon import compiler
from edge_sdk_converters.snapdragon.converter import (
    FIRST_WITH_HALVES,
    MOST_AT_3,
    SnapdragonConverter,
)
from edge_sdk_converters.snapdragon.stub import empty_library

linux_alone = pytest.mark.skipif(sys.platform != "linux", reason="an ELF library is for Linux")


class Mixed(nn.Module):
    """Two convolutions with something between them that no HTP takes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        between = self.first(x)
        return self.last(torch.atan2(between, between + 1))


class Alone(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.atan2(x, x)


@linux_alone
@pytest.mark.parametrize("name", ["libQnnLpai.so", "a", "lib-with.a.very.long.name.so.1.2.3"])
def test_the_empty_library_loads_and_defines_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(empty_library(name))
    library = ctypes.CDLL(str(path))
    with pytest.raises(AttributeError, match="undefined symbol"):
        _ = library.anything
    assert path.stat().st_size < 1024


def test_the_target_is_listed_and_its_files_are_of_format_tflite() -> None:
    assert "snapdragon" in converter_names()
    found = targets_of(find_converter("snapdragon"))
    assert [str(each) for each in found] == ["tflite-qnn-htp fp16", "tflite-qnn-htp int8"]


@pytest.mark.parametrize(
    ("path", "precision", "error"),
    [
        ("net.pte", "fp16", InputError),
        ("net.tflite", "fp32", InputError),
        ("nowhere/net.tflite", "fp16", OutputError),
    ],
)
def test_bad_requests_are_refused_first(tmp_path, path: str, precision: str, error: type) -> None:
    model, x = nn.Conv2d(3, 3, 3), torch.rand(1, 3, 8, 8)
    with pytest.raises(error):
        find_converter("snapdragon").convert(model, x, tmp_path / path, precision)


def test_another_system_is_told_where_the_compiler_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(MissingExtraError, match="packaged for Linux on x86-64") as caught:
        find_converter("snapdragon").convert(
            nn.Conv2d(3, 3, 3), torch.rand(1, 3, 8, 8), tmp_path / "net.tflite", "fp16"
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\0" * 64, b"\xff" * 64, bytes(range(256))])
def test_what_is_no_such_file_is_not_taken_for_one(content: bytes) -> None:
    assert not is_compiled(content)
    with pytest.raises(DAMAGED):
        read_compiled(content)


def test_the_levels_of_its_optimizer(monkeypatch) -> None:
    with pytest.raises(InputError, match="optimization is 1; give 2 or 3, or None"):
        SnapdragonConverter(optimization=1)
    chosen = SnapdragonConverter("SM8650", 2).for_soc("SM8750")
    assert (chosen.soc, chosen.optimization) == ("SM8750", 2)


@pytest.mark.qualcomm
@pytest.mark.slow
def test_a_large_graph_is_compiled_at_level_2_and_says_so(tmp_path: Path) -> None:
    many = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(MOST_AT_3 + 1))).eval()
    for layer in many:
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    x = torch.rand(1, 1, 8, 8)
    report = SnapdragonConverter().convert(many, x, tmp_path / "many.tflite")
    assert (
        f"at level 2 of its optimizer (of 3, which would take half a minute for {MOST_AT_3 + 1} "
        "operators)" in report.remarks[-1]
    )
    (found,) = open_artifact(tmp_path / "many.tflite").run({"input": x.numpy()}).values()
    assert abs(found - x.numpy()).max() < 1e-3


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """sr_x2_y in int8 for a chip that is not the usual one."""
    path = tmp_path_factory.mktemp("snapdragon") / "sr.tflite"
    made = convert("sr_x2_y", "snapdragon", path, "int8", size=(24, 32), soc="sm8550")
    report = made.report
    assert (report.target, report.precision) == ("snapdragon", "int8")
    assert report.operators == {"CONV_2D": 6, "ADD": 2, "DEPTH_TO_SPACE": 1}
    assert (report.partitions, report.undelegated, report.float_operators) == (1, (), 0)
    assert report.size_bytes == path.stat().st_size
    counted, honest = report.remarks
    assert "for SM8550 (Snapdragon 8 Gen 2): 9 of 9 operators on its NPU" in counted
    assert honest == (
        "made by Qualcomm's own HTP compiler at level 3 of its optimizer; not compared with a phone"
    )
    assert made.check.psnr_db is not None
    assert made.check.psnr_db > 50
    assert "SM8550" in made.check.runtime
    return path


@pytest.mark.qualcomm
@pytest.mark.slow
def test_a_file_holds_its_chip_its_ends_and_one_whole_part(compiled: Path) -> None:
    content = compiled.read_bytes()
    assert is_compiled(content)
    held = read_compiled(content)
    assert (held.vendor, held.chip) == stamp(content) == ("Qualcomm", "SM8550")
    assert held.left == ()
    (part,) = held.parts
    assert 0 < part.start < part.start + part.size == len(content) - 40
    (taken,), (given,) = held.inputs.values(), held.outputs.values()
    assert (taken.name, taken.shape, taken.zero_point) == ("input", (1, 24, 32, 1), -128)
    assert (given.name, given.shape) == ("output", (1, 48, 64, 1))
    assert abs(given.scale * 255 - 1) < 1e-6
    assert (part.inputs, part.outputs) == (tuple(held.inputs), tuple(held.outputs))
    for length in range(0, part.start, 37):
        cut = content[:length]
        with pytest.raises(DAMAGED):
            read_compiled(cut)


@pytest.mark.qualcomm
@pytest.mark.slow
def test_what_the_htp_lacks_is_counted_and_named(tmp_path: Path) -> None:
    model = Mixed().eval()
    made = convert(model, "snapdragon", tmp_path / "net.tflite", example=(1, 3, 16, 16))
    assert (made.report.partitions, made.report.undelegated) == (2, ("ATAN2",))
    assert any("3 of 4 operators on its NPU" in remark for remark in made.report.remarks)
    assert made.check.psnr_db is None
    assert "leaves ATAN2 to the CPU" in made.check.left_out
    x, path = torch.rand(1, 3, 16, 16), tmp_path / "alone.tflite"
    with pytest.raises(ConversionError, match=r"SM8650 failed \(the HTP has no Atan2\)"):
        find_converter("snapdragon").convert(Alone(), x, path, "fp16")
    assert not path.exists()


@pytest.mark.qualcomm
@pytest.mark.slow
def test_a_compiler_that_fails_is_one_line(tmp_path: Path, monkeypatch) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"no model")
    with pytest.raises(ConversionError, match="compiler for SM8650 failed") as caught:
        compiler.compile_for(find_snapdragon("SM8650"), broken, 3)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(compiler, "LONGEST_S", 0.0)
    with pytest.raises(ConversionError, match="took more than 0 s"):
        compiler.compile_for(find_snapdragon("SM8650"), broken, 3)


@pytest.mark.qualcomm
@pytest.mark.slow
@pytest.mark.parametrize("chip", SNAPDRAGONS)
def test_every_chip_of_the_table_compiles(chip: str, tmp_path: Path) -> None:
    model, x = nn.Conv2d(3, 4, 3).eval(), torch.rand(1, 3, 8, 8)
    path = tmp_path / "net.tflite"
    precision = "fp16" if find_snapdragon(chip).htp_arch >= FIRST_WITH_HALVES else "int8"
    taken = model if precision == "fp16" else quantize(model, x, [x]).model
    report = for_soc(find_converter("snapdragon"), chip).convert(taken, x, path, precision)
    assert (report.partitions, report.undelegated) == (1, ())
    assert stamp(path.read_bytes()) == ("Qualcomm", chip)
    assert chip in open_artifact(path).info.runtime


@pytest.mark.qualcomm
@pytest.mark.slow
def test_all_targets_hold_it_without_a_time(tmp_path: Path) -> None:
    def made(target: str, path: Path, precision: str):
        if target != "snapdragon":
            raise ConversionError("left out")
        return convert("sr_x2_y", target, path, precision, size=(24, 24))

    found = convert_all("sr_x2_y", tmp_path, "sr", made, ["fp16"])
    (file,) = found.made
    assert file.target == "snapdragon"
    assert file.psnr_db >= file.gate_db
    assert file.median_s != file.median_s


@pytest.mark.qualcomm
def test_a_chip_without_half_precision_is_refused_in_it(tmp_path: Path) -> None:
    converter = for_soc(find_converter("snapdragon"), "SM8350")
    with pytest.raises(InputError, match="no half precision") as caught:
        converter.convert(nn.ReLU(), torch.rand(1, 3, 8, 8), tmp_path / "x.tflite", "fp16")
    assert "\n" not in str(caught.value)

"""The Core ML converter: what it writes, where it refuses to write, and what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from edge_sdk.errors import ConversionError, InputError, OutputError
from edge_sdk.targets import Converter, TensorSpec, find_converter
from edge_sdk_converters.coreml import CoreMLConverter
from tests.builders.conversion_nets import EnhanceLike, picture, seeded
from tests.needs import needs

pytestmark = [needs("coreml"), pytest.mark.slow]


PROC = Path("/proc/self/fdinfo")


class Calls(nn.Module):
    """A function of one tensor as a model."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor):
        return self.function(x)


def entries(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_is_found_by_name() -> None:
    converter = find_converter("coreml")
    assert isinstance(converter, Converter)
    assert isinstance(converter, CoreMLConverter)


def test_import_leaves_coremltools_alone() -> None:
    code = (
        "import sys, edge_sdk.emulate.runtimes.coreml, edge_sdk_converters.coreml; "
        "sys.exit('coremltools' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_report_lists_what_is_in_the_package(
    precision: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = seeded(EnhanceLike).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    path = tmp_path / "net.mlpackage"

    report = CoreMLConverter().convert(model, picture(1, 1, 16, 24), path, precision)

    assert report.target == "coreml"
    assert report.precision == precision
    assert report.inputs == (TensorSpec("input", (1, 1, 16, 24), "float32", "NCHW"),)
    assert report.outputs == (TensorSpec("output", (1, 1, 32, 48), "float32", "NCHW"),)
    assert report.operators["conv"] == 6
    assert report.operators["prelu"] == 5
    assert report.operators["pixel_shuffle"] == 1
    assert report.operators.get("cast", 0) == (2 if precision == "fp16" else 0)
    assert "const" not in report.operators
    assert report.size_bytes == sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    assert entries(path) == {"Manifest.json", "Data"}
    assert entries(tmp_path) == {"net.mlpackage"}
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert capfd.readouterr() == ("", "")


def test_replaces_a_package_but_nothing_else(tmp_path: Path) -> None:
    convert, example = CoreMLConverter().convert, picture(1, 3, 4, 4)
    path = tmp_path / "net.mlpackage"
    convert(nn.Conv2d(3, 2, 1), example, path, "fp32")
    (path / "stale").touch()
    report = convert(Calls(lambda x: (x + 1, x * 2)), example, path, "fp32")
    assert not (path / "stale").exists()
    assert [spec.name for spec in report.outputs] == ["output_0", "output_1"]

    foreign = tmp_path / "mine.mlpackage"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("do not lose me")
    with pytest.raises(OutputError, match="Manifest"):
        convert(nn.Identity(), example, foreign, "fp32")
    assert (foreign / "thesis.txt").read_text() == "do not lose me"

    plain = tmp_path / "file.mlpackage"
    plain.write_text("a file")
    with pytest.raises(OutputError, match="a file is in the way"):
        convert(nn.Identity(), example, plain, "fp32")
    with pytest.raises(OutputError, match="does not exist"):
        convert(nn.Identity(), example, tmp_path / "no" / "net.mlpackage", "fp32")
    with pytest.raises(InputError, match="end the name"):
        convert(nn.Identity(), example, tmp_path / "net.pte", "fp32")
    with pytest.raises(InputError, match="fp32, fp16"):
        convert(nn.Identity(), example, path, "int4")


@pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc, where not even root creates files")
def test_unwritable_folder() -> None:
    with pytest.raises(OutputError, match=r"net\.mlpackage: .*(not writable|cannot be written)"):
        CoreMLConverter().convert(nn.ReLU(), picture(1, 3, 4, 4), PROC / "net.mlpackage", "fp32")


def test_failed_write_leaves_the_old_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "net.mlpackage"
    example = picture(1, 3, 4, 4)
    CoreMLConverter().convert(nn.ReLU(), example, path, "fp32")
    (path / "mark").touch()
    rename = Path.rename

    def no_space(self: Path, target: Path) -> Path:
        if target == path and self.name == path.name:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", no_space)
    with pytest.raises(OutputError, match="No space left"):
        CoreMLConverter().convert(nn.ReLU(), example, path, "fp32")
    assert (path / "mark").exists()
    assert entries(tmp_path) == {"net.mlpackage"}


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (torch.erfinv, "operator 'erfinv'"),
        (lambda x: torch.special.bessel_j0(x), "operator 'special_bessel_j0'"),
    ],
)
def test_conversion_error_names_the_operator(function, named: str, tmp_path: Path) -> None:
    with pytest.raises(ConversionError) as caught:
        CoreMLConverter().convert(
            Calls(function), picture(1, 3, 4, 4), tmp_path / "net.mlpackage", "fp32"
        )
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not entries(tmp_path)


def test_rewrites_are_reported(tmp_path: Path) -> None:
    def function(x: Tensor) -> Tensor:
        return torch.reciprocal(x + 1) + nn.functional.gelu(x, approximate="tanh")

    report = CoreMLConverter().convert(
        Calls(function), picture(1, 3, 4, 4), tmp_path / "net.mlpackage", "fp32"
    )
    assert len(report.rewrites) == 2
    assert report.operators["real_div"] == 1
    assert not {"inverse", "gelu"} & set(report.operators)

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from edge_sdk.imaging import Picture, write_picture
from edge_sdk.models import EnhanceNet, EnhanceNetConfig, load_checkpoint, save_checkpoint
from tests.cli.command_line import Run

pytestmark = pytest.mark.slow

THEIRS = """
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1)).eval()
"""


@pytest.fixture
def files(run: Run) -> None:
    """A small model, its pictures, and a foreign one, in the current folder."""
    torch.manual_seed(0)
    config = EnhanceNetConfig(widths=(4, 4), skips=(), branches=None)
    save_checkpoint(EnhanceNet(config).eval(), Path("net.safetensors"))
    Path("photos").mkdir()
    generator = torch.Generator().manual_seed(0)
    for index in range(4):
        pixels = torch.rand(3, 60, 70, generator=generator)
        write_picture(Picture(pixels), Path(f"photos/{index}.png"))
    Path("empty").mkdir()
    Path("theirs.py").write_text(THEIRS)


@pytest.mark.usefixtures("files")
def test_a_quantized_file_holds_its_scheme(run: Run) -> None:
    outcome = run(
        *("quantize", "net.safetensors", "-c", "photos", "--size", "16x16", "--samples", "8"),
        *("--tune", "3", "-o", "int8.safetensors", "--json"),
    )
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["agreement_db"] > 30
    assert [layer["name"] for layer in found["layers"]][:2] == ["x", "features.0"]
    loaded = load_checkpoint(Path("int8.safetensors"))
    assert loaded.scheme is not None
    assert "reconstruct" in loaded.scheme.values


@pytest.mark.usefixtures("files")
def test_pictures_as_truth_and_mixed_precision(run: Run) -> None:
    arguments = ("quantize", "net.safetensors", "-c", "photos", "--size", "16x16", "--samples", "8")
    plain = json.loads(run(*arguments, "--truth", "--json", "-o", "plain.safetensors").out)
    budget = plain["agreement_db"] + 1
    outcome = run(*arguments, "--truth", "--budget-db", budget, "--json")
    assert outcome.status == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["output"] == "net.int8.safetensors"
    assert found["float_layers"]
    assert found["agreement_db"] >= budget
    assert len(found["truth_db"]) == 2


@pytest.mark.usefixtures("files")
def test_every_target_takes_the_stored_codes(run: Run) -> None:
    run("quantize", "net.safetensors", "-c", "photos", "--size", "16x16", "-o", "int8.safetensors")
    paths = [f"net{suffix}" for suffix in (".pte", ".tflite", ".mlpackage")]
    for target, path in zip(("executorch", "tflite", "coreml"), paths, strict=True):
        outcome = run(
            *("convert", "int8.safetensors", "-t", target, "-p", "int8", "-o", path),
            *("--size", "32x32"),
        )
        assert outcome.status == 0, outcome.err
    outcome = run("verify", "int8.safetensors", *paths, "--report", "parity.html", "--json")
    assert outcome.status == 0, outcome.err
    rows = json.loads(outcome.out)["rows"]
    assert [row["precision"] for row in rows] == ["fp32", "fp32", "int8", "int8", "int8", "int8"]
    assert Path("parity.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.usefixtures("files")
def test_a_foreign_model_gets_a_scheme_of_its_own(run: Run) -> None:
    first = run(
        *("quantize", "theirs:net", "--input", "1x3x16x16", "-c", "photos", "--samples", "8"),
        *("-o", "theirs.json"),
    )
    assert first.status == 0, first.err
    second = run(
        *("convert", "theirs:net", "--input", "1x3x16x16", "-t", "executorch", "-p", "int8"),
        *("--scheme", "theirs.json", "-o", "theirs.pte"),
    )
    assert second.status == 0, second.err
    assert "given by --scheme" in second.out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("quantize",), "no model"),
        (("quantize", "net.safetensors"), "--calibration"),
        (("quantize", "net.safetensors", "-c", "nowhere"), "nowhere"),
        (("quantize", "net.safetensors", "-c", "empty"), "holds no picture"),
        (("quantize", "net.safetensors", "-c", "photos", "--size", "900x900"), "smaller"),
        (("quantize", "net.safetensors", "-c", "photos", "--observer", "median"), "median"),
        (("quantize", "net.safetensors", "-c", "photos", "--samples", "0"), "sample or more"),
        (("quantize", "net.safetensors", "-c", "photos", "--resize-factor", "3"), "resize factor"),
        (("quantize", "net.safetensors", "-c", "photos", "-o", "net.tflite"), ".safetensors"),
        (("quantize", "theirs:net", "-c", "photos", "--input", "1x3x16x16", "--truth"), "truth"),
        (("convert", "net.safetensors", "-t", "tflite", "-p", "int8"), "--calibration DIR"),
        (("convert", "net.safetensors", "-t", "tflite", "-c", "photos"), "--precision int8"),
        (("convert", "net.safetensors", "-t", "executorch", "-p", "w8"), "fp32, int8"),
        (
            ("convert", "net.safetensors", "-t", "tflite", "-p", "int8", "--scheme", "theirs.py"),
            "theirs.py",
        ),
        (("verify", "net.safetensors", "-p", "int8"), "--calibration DIR"),
        (("verify", "net.safetensors", "-p", "int3"), "int3"),
    ],
)
@pytest.mark.usefixtures("files")
def test_bad_input(run: Run, arguments: tuple[object, ...], word: str) -> None:
    assert word in run(*arguments).error_line

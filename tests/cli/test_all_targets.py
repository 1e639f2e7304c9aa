"""convert --all: every file that can be, and why the others are not; verify --layers."""

from __future__ import annotations

import html
import json
import math
from pathlib import Path

import pytest

from tests.cli.command_line import Run
from tests.needs import needs

SOURCE = """
import torch
from torch import nn

class Halved(nn.Module):
    def forward(self, x):
        return x.half().float()

def halved():
    return nn.Sequential(nn.Conv2d(1, 2, 3), Halved()), torch.rand(1, 1, 8, 8)

def nothing():
    return nn.Sequential(nn.FractionalMaxPool2d(2, output_size=4)), torch.rand(1, 1, 8, 8)
"""


@needs("tflite", "executorch", "coreml")
@pytest.mark.slow
def test_what_a_target_refuses_does_not_stop_the_others(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "everywhere.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    made = run("convert", "everywhere:halved", "--all", "-p", "fp32", "-o", "files", "--json")
    assert made.status == 0, made.err
    answer = json.loads(made.out)
    found = {file["target"]: file for file in answer["files"]}
    assert {"coreml", "executorch", "tflite"} <= set(found)
    assert "PyTorch on 2 inputs in MIL interpreter" in found["coreml"]["check"]
    assert Path(found["coreml"]["path"]).is_dir()
    assert "_to_copy" in found["tflite"]["why"]
    assert found["tflite"]["path"] is None
    page = html.unescape(Path(answer["report"]).read_text())
    assert "everywhere:halved" in page
    assert found["tflite"]["why"].split(";")[0] in page


@needs("tflite")
@pytest.mark.slow
def test_files_are_timed_and_their_modules_shown(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = run("convert", "sr_x2_y", "--all", "-p", "int8-float-io", "--size", "24x24", "--json")
    assert made.status == 0, made.err
    files = [file for file in json.loads(made.out)["files"] if file["path"]]
    assert [file["target"] for file in files] == ["tflite"]
    assert 0 < files[0]["median_s"] < math.inf
    shown = run("verify", "sr_x2_y", files[0]["path"], "--layers", "--json")
    (modules,) = json.loads(shown.out)["modules"]
    assert (modules["target"], modules["precision"]) == ("tflite", "int8")
    assert len(modules["modules"]) > 3
    assert all(each["psnr_db"] is None or each["psnr_db"] > 50 for each in modules["modules"])


def test_what_does_not_go_with_all(run: Run, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "everywhere.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    found = run("convert", "sr_x2_y", "--all", "--target", "tflite")
    assert "leave --target out" in found.error_line
    found = run("convert", "sr_x2_y", "--all", "-p", "fp8", "-o", "files")
    assert "no target has the precision 'fp8'" in found.error_line
    (tmp_path / "file").write_text("")
    found = run("convert", "sr_x2_y", "--all", "-p", "fp32", "-o", "file")
    assert "cannot be a folder" in found.error_line

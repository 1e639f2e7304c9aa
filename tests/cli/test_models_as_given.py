"""Models as people have them: built with arguments, filled from a file, of several inputs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_sdk.cli.shared.model_argument import named_arguments
from edge_sdk.zoo.python_models import call_for_model
from tests.cli.command_line import Run
from tests.needs import needs

SOURCE = """
import torch
from torch import nn

def net(width, name="plain", deep=False):
    layers = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, 4, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())

class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, picture, vector):
        return self.conv(picture) * vector[:, :, None, None]

def both():
    return Both()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "as_given.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@needs("tflite")
@pytest.mark.slow
def test_arguments_weights_and_normalized_samples(run: Run, folder: Path) -> None:
    model, _ = call_for_model("as_given:net", {"width": 6})
    torch.nn.init.normal_(model[0].weight)
    torch.save({"state_dict": model.state_dict()}, folder / "trained.pth")
    samples = np.random.default_rng(0).integers(0, 256, (40, 3, 12, 12), np.uint8)
    np.save(folder / "samples.npy", samples)
    given = ("--arg", "width=6", "--weights", "trained.pth", "--input", "1x3x12x12")
    scaled = ("--mean", "0.5,0.4,0.3", "--std", "0.2,0.2,0.2")
    made = run(
        *("convert", "as_given:net", "-t", "tflite", "-p", "int8", "-c", "samples.npy"),
        *("-o", "net.tflite", *given, *scaled, "--json"),
    )
    assert made.status == 0, made.err
    assert "found under 'state_dict'" in json.loads(made.out)["notes"][0]
    found = run(
        *("verify", "as_given:net", "net.tflite", "-c", "samples.npy", "--pictures", "samples.npy"),
        *(*given, *scaled, "--gate", "top1=0.9", "--json"),
    )
    assert found.status == 0, found.err
    rows = json.loads(found.out)["rows"]
    assert rows[-1]["score"] >= 0.9
    assert "40 samples" in json.loads(found.out)["measured_on"]


@needs("executorch")
@pytest.mark.slow
def test_an_input_for_each(run: Run, folder: Path) -> None:
    shapes = ("--input", "1x3x8x8", "--input", "1x2")
    made = run(*("convert", "as_given:both", "-t", "executorch", "-o", "both.pte"), *shapes)
    assert made.status == 0, made.err
    found = run("verify", "as_given:both", "both.pte", *shapes, "--json")
    assert found.status == 0, found.err
    assert json.loads(found.out)["further_shapes"] == [[1, 2]]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--arg", "width"), "is not NAME=VALUE"),
        (("--arg", "width=6", "--arg", "height=3"), "unexpected keyword argument 'height'"),
        (("--arg", "width=wide"), "raises TypeError"),
        ((), "give what it needs by --arg NAME=VALUE"),
        (("--arg", "width=6", "--weights", "missing.pth"), "no such file"),
        (("--arg", "width=6", "--arg", "width=7"), "is given twice"),
        (("--arg", "width=6", "--mean", "0.5"), "belong together"),
        (("--arg", "width=6", "--mean", "0.5", "--std", "1"), "no file contains them"),
        (("--arg", "width=6", "-p", "int8", "-c", "nowhere"), "no such file or folder"),
        (("--arg", "width=6", "--mean", "0.5", "--std", "wide"), "no list of numbers"),
        (("--arg", "width=6", "--mean", "0.5", "--std", "0"), "above 0"),
    ],
)
def test_what_cannot_be_built_is_told(
    options: tuple[str, ...], reason: str, run: Run, folder: Path
) -> None:
    asked = ("convert", "as_given:net", "-t", "tflite", "--input", "1x3x8x8", "-o", "net.tflite")
    found = run(*asked, *options)
    assert reason in found.error_line
    assert not (folder / "net.tflite").exists()


def test_values_are_read_as_python_or_json_writes_them() -> None:
    given = ("a=2", "b=false", "c=False", "d=None", "e=[1, 2]", "f=x2", "g='x2'")
    assert named_arguments(given) == {
        "a": 2, "b": False, "c": False, "d": None, "e": [1, 2], "f": "x2", "g": "x2"
    }  # fmt: skip


def test_arguments_are_for_callables_alone(run: Run, folder: Path) -> None:
    for options, reason in (
        (("--arg", "scale=2"), "--arg is for package.module:callable"),
        (("--weights", "x.pth"), "--weights is for package.module:callable"),
    ):
        found = run("lint", "sr_x2_y", *options)
        assert reason in found.error_line

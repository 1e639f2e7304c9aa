from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from edge_sdk.cli.shared.model_argument import parse_size
from edge_sdk.errors import InputError
from tests.cli.command_line import Run

TARGETS = {"executorch": ".pte", "coreml": ".mlpackage", "tflite": ".tflite"}


@pytest.mark.slow
def test_the_shipped_model_reaches_a_hundred_decibels_in_all_three_formats(run: Run) -> None:
    paths = []
    for target, suffix in TARGETS.items():
        path = Path(f"model{suffix}")
        outcome = run(
            "convert", "sr_x2_y", "--target", target, "-o", path, "--size", "48x64", "--json"
        )
        assert outcome.status == 0, outcome.err
        report = json.loads(outcome.out)
        assert report["target"] == target
        assert report["undelegated"] == []
        assert not any("TRANSPOSE" in operator for operator in report["operators"])
        paths.append(path)
    outcome = run("verify", "sr_x2_y", *paths, "--json")
    assert outcome.status == 0, outcome.err
    report = json.loads(outcome.out)
    assert report["passed"] is True
    assert report["input_shape"] == [1, 1, 48, 64]
    assert len(report["rows"]) == 5
    for row in report["rows"]:
        assert row["psnr_db"] is None or row["psnr_db"] >= 100


@pytest.mark.slow
def test_a_file_of_another_model_does_not_pass(run: Run) -> None:
    import torch

    from edge_sdk.models import save_checkpoint
    from edge_sdk.zoo.catalogue import load_model

    network = load_model("sr_x2_y")
    with torch.no_grad():
        next(network.reconstruct.parameters()).mul_(1.001)
    save_checkpoint(network, Path("other.safetensors"))
    run("convert", "other.safetensors", "-t", "executorch", "-o", "other.pte", "--size", "32x32")
    assert run("verify", "other.safetensors", "other.pte").status == 0
    outcome = run("verify", "sr_x2_y", "other.pte")
    assert outcome.status == 1
    assert "MISSED" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("convert",), "no model"),
        (("convert", "sr_x2_y"), "no target"),
        (("convert", "sr_x2_y", "-t", "toaster"), "toaster"),
        (("convert", "nothing", "-t", "tflite"), "nothing"),
        # The SDK, not the precision: theirs is taken where none is requested.
        (("convert", "sr_x2_y", "-t", "executorch-qnn"), "take --target snapdragon"),
        (("convert", "sr_x2_y", "-t", "executorch-mediatek"), "NeuroPilot"),
        (("convert", "sr_x2_y", "-t", "executorch-qnn", "-p", "int8"), "take --target snapdragon"),
        (("stages", "-t", "executorch-qnn", "-p", "int8"), "take --target snapdragon"),
        (("convert", "sr_x2_y", "-t", "litert-samsung", "-p", "fp32"), "take --target tflite"),
        (("convert", "sr_x2_y", "-t", "tflite", "--size", "100000x100000"), "1 to 8192 px"),
        (("convert", "sr_x2_y", "-t", "tflite", "--size", "8x8..9x123456"), "1 to 8192 px"),
        (("convert", "sr_x2_y", "-t", "tflite", "--size", "9" * 5000 + "x1"), "is no size"),
        (("convert", "sr_x2_y", "-t", "tflite", "--precision", "int3"), "int3"),
        (("convert", "sr_x2_y", "-t", "tflite", "--size", "huge"), "huge"),
        (("convert", "sr_x2_y", "-t", "tflite", "-o", "m.pte"), ".tflite"),
        (("convert", "sr_x2_y", "-t", "executorch", "-o", "no/m.pte"), "no"),
        (("verify",), "no model"),
        (("verify", "sr_x2_y", "nowhere.pte"), "nowhere.pte"),
        (("verify", "sr_x2_y", "notes.txt"), "notes.txt"),
        (("verify", "sr_x2_y", "picture.tflite"), "picture.tflite"),
    ],
)
def test_bad_input(run: Run, arguments: tuple[object, ...], word: str) -> None:
    Path("notes.txt").write_text("text")
    Path("picture.tflite").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    assert word in run(*arguments).error_line


@pytest.mark.parametrize(
    ("target", "module"), [("executorch", "executorch"), ("coreml", "coremltools")]
)
def test_a_missing_extra_is_answered_with_its_install_command(
    run: Run, monkeypatch: pytest.MonkeyPatch, target: str, module: str
) -> None:
    found = importlib.util.find_spec

    def without(name: str, *rest: object) -> object:
        return None if name.split(".")[0] == module else found(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(importlib.util, "find_spec", without)
    for loaded in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    line = run("convert", "sr_x2_y", "-t", target, "--size", "32x32").error_line
    assert "pip install" in line
    assert f"[{target}]" in line


def test_the_help_lists_vendors_targets_and_their_precision(run: Run) -> None:
    shown = " ".join(run("convert", "--help").out.replace("│", " ").split())
    assert "executorch-qnn and executorch-mediatek" in shown
    assert "[fp32, or fp16 where a target has no fp32]" in shown
    assert "[those in the model's own file]" in shown


@pytest.mark.parametrize("text", ["12x34", "12×34", " 12X34 "])
def test_sizes_are_read(text: str) -> None:
    assert parse_size(text) == (12, 34)


@pytest.mark.parametrize("text", ["", "12", "x", "0x4", "4x99999", "4x100000", "-1x4", "1.5x2"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_size(text)


def test_a_model_that_prints_leaves_json_alone(run: Run) -> None:
    Path("chatty.py").write_text(
        "import torch\n"
        "class Chatty(torch.nn.Conv2d):\n"
        "    def forward(self, x):\n"
        "        print('hello from the model')\n"
        "        return super().forward(x)\n"
        "def make():\n"
        "    print('made')\n"
        "    return Chatty(1, 1, 3, padding=1), torch.zeros(1, 1, 16, 16)\n"
    )
    found = run("fuse", "chatty:make", "--json")
    assert found.status == 0
    assert json.loads(found.out)
    assert "made" in found.err

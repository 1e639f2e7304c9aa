"""The programs of examples/ are short, use the public names alone, and run."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import needs

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
LAST_LINES = {
    "add_an_architecture": r"noisy 20\.\d dB, by one convolution of 5×5 2[3-9]\.\d dB",
    "convert_and_verify": r"LiteRT [\d.]+ \(CPU\) made \(1, 1, 128, 128\) of \(1, 1, 64, 64\)",
    "fuse_your_network": r"the same output: \d{3} dB",
    "quantize_on_your_pictures": r"sr_x2_y_int8.pte: at most 0\.\d+ of 255 levels .*",
    "train_by_a_recipe": r"wrote .*chelsea.png, 400×320 px",
    "zoom_a_burst": r"bicubic [\d.]+ dB, burst zoom [\d.]+ dB, gain \+[2-9]\.\d+ dB",
}


def test_every_example_is_expected() -> None:
    assert {example.stem for example in EXAMPLES} == set(LAST_LINES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_short_and_use_the_public_names(example: Path) -> None:
    text = example.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    ours = [node.module for node in nodes if node.module and node.module.startswith("edge_sdk")]
    assert all(module.count(".") <= 1 for module in ours)


@needs("executorch", "tflite", "train", "examples")
@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(example), "made"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    last = result.stdout.splitlines()[-1]
    assert re.fullmatch(LAST_LINES[example.stem], last), result.stdout

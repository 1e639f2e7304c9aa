"""verify --target: one target alone is converted and compared."""

from __future__ import annotations

import json

import pytest

from tests.cli.command_line import Run
from tests.needs import needs


@needs("examples", "coreai")
@pytest.mark.slow
def test_the_command_verifies_one_target(run: Run) -> None:
    made = run("verify", "sr_x2_y", "--target", "coreai", "--json")
    assert made.status == 0, made.err
    steps = [row["step"] for row in json.loads(made.out)["rows"]]
    assert steps == ["torch", "fused", "coreai.aimodel"]
    for wrong, why in (
        ("onnx", "unknown target"),
        ("executorch-vulkan", "nothing on this machine runs"),
    ):
        refused = run("verify", "sr_x2_y", "--target", wrong)
        assert refused.status != 0
        assert why in refused.err
    refused = run("verify", "sr_x2_y", "sr.aimodel", "--target", "coreai")
    assert "leave them out of files" in refused.err


@pytest.mark.arm64
@pytest.mark.slow
@needs("tflite", "examples")
def test_the_command_shows_both_processors(run: Run) -> None:
    made = run("verify", "sr_x2_y", "-t", "tflite", "-p", "int8", "--cpu", "arm64")
    assert made.status == 0, made.err
    assert "100.00%" in made.out
    refused = run("verify", "sr_x2_y", "-t", "tflite", "--cpu", "arm46")
    assert (refused.status, refused.err) == (
        2,
        "error: unknown processor 'arm46'; choose one of: arm64\n",
    )

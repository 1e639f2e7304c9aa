"""Every command takes the same names of runtimes, the old ones too, and refuses the rest alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.command_line import Run

KNOWN = "choose one of: coreai, coreml, executorch, litert, litert-gpu, qnn-htp, torch"


@pytest.fixture
def picture(run: Run) -> str:
    levels = np.random.default_rng(0).integers(0, 255, (40, 48, 3)).astype(np.uint8)
    Image.fromarray(levels).save("a.png")
    return "a.png"


@pytest.mark.parametrize(
    "command",
    [
        ("zoom", "a.png"),
        ("enhance", "a.png"),
        ("bench", "sr_x2_y"),
        ("evaluate", "--model", "sr_x2_y", "--data", "."),
    ],
)
def test_an_unknown_runtime_is_refused_by_all(
    run: Run, picture: str, command: tuple[str, ...]
) -> None:
    line = run(*command, "--runtime", "abacus").error_line
    assert line == f"error: unknown runtime 'abacus'; {KNOWN}"


@pytest.mark.parametrize("runtime", ["eager", "torch"])
def test_pytorch_goes_by_both_names(run: Run, picture: str, runtime: str) -> None:
    assert run("zoom", picture, "--scale", "1", "--runtime", runtime).status == 0
    assert run("enhance", picture, "-o", "out", "--runtime", runtime).status == 0
    Path("m.pte").touch()
    for command in (("bench",), ("evaluate", "--data", ".", "--model", "sr_x2_y")):
        line = run(*command, "m.pte", "--runtime", runtime).error_line
        assert "m.pte: torch does not run such files; its own runtime is executorch" in line


@pytest.mark.parametrize("runtime", ["tflite", "litert"])
def test_litert_goes_by_both_names(run: Run, picture: str, runtime: str) -> None:
    line = run("zoom", picture, "--model", "none", "--runtime", runtime).error_line
    assert "--runtime litert runs a network for burst zoom" in line
    Path("m.pte").touch()
    for command in (("bench",), ("evaluate", "--data", ".", "--model", "sr_x2_y")):
        line = run(*command, "m.pte", "--runtime", runtime).error_line
        assert "m.pte: litert does not run such files; its own runtime is executorch" in line

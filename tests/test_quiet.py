"""No call changes what its user has set of warnings and logging."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import torch

from edge_sdk.quiet import at_level, environment, quiet_output, suppressed_messages
from tests.needs import needs
from tests.user_settings import changed, user_settings

ROOT = Path(__file__).parent.parent
PROGRAM = """
import sys, torch
from pathlib import Path
from torch import nn
from tests.user_settings import changed, user_settings
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.reparam import fuse
from edge_sdk.targets import find_converter

torch.manual_seed(0)
example = torch.rand(1, 3, 16, 16)
model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1)).eval()
before = user_settings()
fused, _ = fuse(model, example)
assert not changed(before), f"fuse: {changed(before)}"
for target in ("executorch", "tflite", "coreml"):
    converter = find_converter(target)
    path = Path(sys.argv[1]) / f"model{converter.suffix}"
    converter.convert(fused, example, path, converter.precisions[0])
    assert not changed(before), f"{target}, convert: {changed(before)}"
    open_artifact(path).run({"input": example.numpy()})
    assert not changed(before), f"{target}, run: {changed(before)}"
"""


@needs("executorch", "tflite", "coreml")
@pytest.mark.slow
def test_converting_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """In a process of its own: packages change most when they are imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


TRAINING = """
import random, sys, warnings
from pathlib import Path
import numpy as np, torch
import edge_sdk
from tests.training.runs import recipe
from edge_sdk.training.recipe.config import OptimizerConfig
from tests.user_settings import changed, user_settings

folder = Path(sys.argv[1])
config = recipe(folder, optimizer=OptimizerConfig(steps=1, warmup_steps=0, ema_decay=0.5))
random.seed(5), np.random.seed(5), torch.manual_seed(5)
warnings.simplefilter("error")
before = user_settings()
edge_sdk.train(config, folder / "run", progress=False)
assert not changed(before), changed(before)
drawn = random.random(), np.random.rand(), float(torch.rand(()))
random.seed(5), np.random.seed(5), torch.manual_seed(5)
assert drawn == (random.random(), np.random.rand(), float(torch.rand(())))
"""


@needs("train")
@pytest.mark.slow
def test_training_leaves_everything_as_it_was(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_zooming_leaves_everything_as_it_was() -> None:
    from edge_sdk.burst import zoom

    frames = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    before = user_settings()
    zoom(frames.repeat(2, 1, 1, 1))
    assert not changed(before)


def test_what_packages_log_and_change_is_suppressed(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    before = user_settings()
    with suppressed_messages():
        warnings.warn("not shown", UserWarning, stacklevel=1)
        logging.root.addHandler(logging.StreamHandler())
        warnings.filterwarnings("error")
        logging.getLogger("talkative").warning("not shown")
    assert not changed(before)
    assert not caplog.records
    assert capsys.readouterr().err == ""


def test_a_higher_threshold_of_the_user_is_not_lowered() -> None:
    logging.disable(logging.CRITICAL)
    try:
        with suppressed_messages():
            assert logging.root.manager.disable == logging.CRITICAL
        assert logging.root.manager.disable == logging.CRITICAL
    finally:
        logging.disable(logging.NOTSET)


def test_a_level_comes_back_after_an_error() -> None:
    logger = logging.getLogger("edge_sdk.some_package")
    logger.setLevel(logging.DEBUG)
    seen = []

    def fail() -> None:
        with at_level(logger.name, logging.ERROR):
            seen.append(logger.level)
            raise ValueError("midway")

    with pytest.raises(ValueError, match="midway"):
        fail()
    assert seen == [logging.ERROR]
    assert logger.level == logging.DEBUG


def test_variables_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_GIVEN", "mine")
    monkeypatch.delenv("EDGE_NEW", raising=False)
    monkeypatch.delenv("EDGE_KEPT", raising=False)
    with environment("EDGE_KEPT", EDGE_GIVEN="theirs", EDGE_NEW="set"):
        assert (os.environ["EDGE_GIVEN"], os.environ["EDGE_NEW"]) == ("mine", "set")
        os.environ |= {"EDGE_KEPT": "written", "EDGE_GIVEN": "written"}
    assert os.environ["EDGE_GIVEN"] == "mine"
    assert not {"EDGE_NEW", "EDGE_KEPT"} & set(os.environ)


def test_threads_that_overlap_leave_the_output_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    def often() -> None:
        for _ in range(200):
            with quiet_output():
                os.write(1, b"hidden")
                os.write(2, b"hidden")

    threads = [threading.Thread(target=often) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(1, b"out")
    os.write(2, b"err")
    assert capfd.readouterr() == ("out", "err")

"""Files on an emulated ARM core: int8 to the bit as here, floats as near as sums allow."""

from __future__ import annotations

import gc
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edge_sdk import SizeRange, convert
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.deploy import CpuCheck
from edge_sdk.deploy.other_cpus import CPUS, GATE_DB, check_cpu, check_cpus
from edge_sdk.emulate.arm64.environment import find_environment
from edge_sdk.emulate.arm64.running import open_on_arm64
from edge_sdk.emulate.arm64.setting_up import _run
from edge_sdk.errors import ArtifactError, InputError, MissingExtraError
from tests.needs import needs

SUFFIXES = {"executorch": ".pte", "tflite": ".tflite"}
NETWORKS = ("sr_x2_y", "sr_x2_rgb", "sr_x4_y", "denoise_rgb")


@pytest.mark.arm64
@pytest.mark.slow
@needs("executorch", "tflite", "examples")
@pytest.mark.parametrize("target", ["executorch", "tflite"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("model", NETWORKS)
def test_shipped_models_compute_the_same_on_arm(
    model: str, precision: str, target: str, tmp_path: Path
) -> None:
    path = tmp_path / f"{model}{SUFFIXES[target]}"
    convert(model, target, path, precision, size=(48, 56), check=False)
    channels = 1 if model.endswith("_y") else 3
    photo = example_photo("coffee")[None, :channels, 100:148, 200:256]
    probes = [torch.rand(1, channels, 48, 56), photo]
    (check,) = check_cpus([(path, precision)], probes, "arm64")
    assert check.passed, check
    if precision == "int8":
        assert (check.equal, check.psnr_db) == (1.0, math.inf)
    else:
        assert check.psnr_db >= GATE_DB


@pytest.mark.arm64
@pytest.mark.slow
@needs("executorch", "tflite")
@pytest.mark.parametrize(("target", "suffix"), [("executorch", ".pte"), ("tflite", ".tflite")])
def test_several_ends_keep_their_order(target: str, suffix: str, tmp_path: Path) -> None:
    class Two(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return a.sum(1, keepdim=True) - b, a * 2

    shapes = [(1, 3, 8, 6), (1, 1, 8, 6)]
    made = convert(Two(), target, tmp_path / f"two{suffix}", example=shapes)
    runner = open_on_arm64(made.path)
    a, b = (np.random.default_rng(0).random(shape, np.float32) for shape in shapes)
    for _ in range(2):
        difference, doubled = runner.run(
            dict(zip(runner.input_shapes, (a, b), strict=True))
        ).values()
        np.testing.assert_allclose(difference, a.sum(1, keepdims=True) - b, atol=1e-6)
        np.testing.assert_array_equal(doubled, a * 2)
    assert "ARM build" in runner.info.runtime


@pytest.mark.arm64
@pytest.mark.slow
@needs("executorch", "tflite", "coreml")
def test_what_does_not_run_there_is_one_line(tmp_path: Path) -> None:
    net, shape = nn.Conv2d(3, 4, 3), (1, 3, 16, 16)
    package = convert(net, "coreml", tmp_path / "c.mlpackage", example=shape).path
    with pytest.raises(InputError, match="coreml has no ARM build here"):
        open_on_arm64(package)
    sizes = SizeRange((16, 16), (32, 32))
    ranged = convert(net, "executorch", tmp_path / "r.pte", example=shape, size=sizes).path
    with pytest.raises(InputError, match="sizes by range"):
        open_on_arm64(ranged)
    path = convert(net, "tflite", tmp_path / "k.tflite", example=shape).path
    runner = open_on_arm64(path)
    inputs = {name: np.zeros(size, np.float32) for name, size in runner.input_shapes.items()}
    runner.run(inputs)
    (child,) = _children(str(path))
    os.kill(child, signal.SIGKILL)
    with pytest.raises(ArtifactError, match=r"emulated ARM core has ended \(signal 9\)") as caught:
        runner.run(inputs)
    assert "\n" not in str(caught.value)


@pytest.mark.arm64
@pytest.mark.slow
@needs("tflite")
def test_the_process_ends_with_its_runner(tmp_path: Path) -> None:
    path = convert(nn.ReLU(), "tflite", tmp_path / "e.tflite", example=(1, 3, 8, 8)).path
    runner = open_on_arm64(path)
    # What has answered has been started.
    runner.run({name: np.zeros(size, np.float32) for name, size in runner.input_shapes.items()})
    assert _children(str(path))
    del runner
    gc.collect()
    # What ends it waits for it.
    assert not _children(str(path))


@needs("executorch", "tflite")
def test_an_environment_that_is_missing_says_how_it_is_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for ask in (find_environment, lambda: check_cpu(CPUS[0])):
        with pytest.raises(MissingExtraError, match=r"arm64\.setting_up") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_step_of_the_set_up_that_fails_is_one_line() -> None:
    with pytest.raises(MissingExtraError, match=r"sh fails .*E: no mirror") as caught:
        _run(["sh", "-c", "echo reading >&2; echo 'E: no mirror' >&2; exit 3"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("equal", "psnr_db", "gate_db", "missing", "passed"),
    [
        (1.0, math.inf, math.inf, "", True),
        (0.9999, 140.0, math.inf, "", False),
        (0.3, 121.0, GATE_DB, "", True),
        (0.3, 119.0, GATE_DB, "", False),
        (1.0, math.nan, GATE_DB, "", False),
        (math.nan, math.nan, GATE_DB, "no build", False),
    ],
)
def test_int8_must_be_equal_and_floats_near(
    equal: float, psnr_db: float, gate_db: float, missing: str, passed: bool
) -> None:
    assert CpuCheck("f", "arm64", equal, psnr_db, gate_db, None, missing).passed == passed


@needs("executorch", "tflite")
def test_files_without_a_build_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_sdk.deploy.other_cpus.check_cpu", lambda cpu: None)
    with pytest.raises(InputError, match="no file here has a build"):
        check_cpus([(tmp_path / "x.mlpackage", "fp32")], [torch.rand(1, 3, 8, 8)], "arm64")


def _children(argument: str) -> list[int]:
    """Processes that were started with an argument, this one left out."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in words and b"-cpu" in words:
            found.append(int(entry.parent.name))
    return found

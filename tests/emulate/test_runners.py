"""Runners take NCHW whatever the file stores, and turn every bad file into one clear line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edge_sdk.artifacts.seal import seal
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ArtifactError
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import EnhanceLike, picture, seeded
from tests.needs import needs

pytestmark = [needs("executorch", "tflite"), pytest.mark.slow]


FORMATS = {".pte": "executorch", ".tflite": "tflite"}
SEAL_LENGTH = len(seal(b""))


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("artifacts")
    paths = {}
    for suffix, target in FORMATS.items():
        paths[suffix] = folder / f"net{suffix}"
        find_converter(target).convert(
            seeded(EnhanceLike), picture(1, 1, 8, 12), paths[suffix], "fp32"
        )
    return paths


@pytest.fixture(params=FORMATS)
def artifact(request: pytest.FixtureRequest, artifacts: dict[str, Path]) -> Path:
    return artifacts[request.param]


def test_arrays_are_nchw_and_repeatable(artifact: Path) -> None:
    runner = open_artifact(artifact)
    assert tuple(runner.input_shapes) == ("input",)
    x = picture(1, 1, 8, 12).numpy()
    first, again = runner.run({"input": x}), runner.run({"input": x})
    other = runner.run({"input": np.zeros_like(x)})
    assert first["output"].shape == (1, 1, 16, 24)
    assert first["output"].dtype == np.float32
    np.testing.assert_array_equal(first["output"], again["output"])
    assert not np.array_equal(first["output"], other["output"])
    assert runner.info.proves


def test_strided_and_read_only_arrays_are_taken(artifact: Path) -> None:
    runner = open_artifact(artifact)
    x = picture(1, 1, 8, 12).numpy()
    turned = np.ascontiguousarray(x.transpose(0, 1, 3, 2)).transpose(0, 1, 3, 2)
    turned.flags.writeable = False
    np.testing.assert_array_equal(
        runner.run({"input": x})["output"], runner.run({"input": turned})["output"]
    )


def test_arrays_that_do_not_fit_are_refused(artifact: Path) -> None:
    runner, x = open_artifact(artifact), picture(1, 1, 8, 12).numpy()
    for inputs, reason in [
        ({"picture": x}, "takes inputs input, not picture"),
        ({}, "not none"),
        ({"input": x, "more": x}, "takes inputs input"),
        ({"input": x.transpose(0, 2, 3, 1)}, r"takes shape \(1, 1, 8, 12\)"),
        ({"input": x[:, :, :4]}, "takes shape"),
        ({"input": x.astype(np.float64)}, "float32, not float64"),
        ({"input": (x * 255).astype(np.uint8)}, "float32, not uint8"),
    ]:
        with pytest.raises(ArtifactError, match=reason):
            runner.run(inputs)


def test_outputs_keep_the_models_order(tmp_path: Path) -> None:
    class Many(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return tuple(x * float(factor) for factor in range(2, 14))

    for suffix, target in FORMATS.items():
        path = tmp_path / f"many{suffix}"
        find_converter(target).convert(Many(), torch.ones(1, 2, 4, 4), path, "fp32")
        results = open_artifact(path).run({"input": np.ones((1, 2, 4, 4), np.float32)})
        assert list(results) == [f"output_{index}" for index in range(12)]
        assert [float(array.flat[0]) for array in results.values()] == list(range(2, 14))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty", b""),
        ("short", b"\x00"),
        ("png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 64),
        ("text", b"this is no model at all"),
    ],
)
def test_a_foreign_file_is_named(suffix: str, name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(content)
    _assert_refused(path)


def test_a_file_of_the_other_format_is_refused(artifacts: dict[str, Path], tmp_path: Path) -> None:
    for suffix, other in [(".pte", ".tflite"), (".tflite", ".pte")]:
        path = tmp_path / f"other{suffix}"
        path.write_bytes(artifacts[other].read_bytes())
        _assert_refused(path)


def test_every_flipped_bit_of_ours_is_found(artifact: Path, tmp_path: Path) -> None:
    content = artifact.read_bytes()
    path = tmp_path / f"flipped{artifact.suffix}"
    generator = np.random.default_rng(0)
    for place in generator.integers(8, len(content) - SEAL_LENGTH, 200):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(damaged)
        _assert_refused(path)


def test_a_file_without_its_end_or_full_of_noise_is_refused(artifact: Path, tmp_path: Path) -> None:
    content = artifact.read_bytes()
    path = tmp_path / f"cut{artifact.suffix}"
    noise = np.random.default_rng(0).bytes(4000)
    for damaged in (content[: len(content) // 2], content[:8] + noise):
        path.write_bytes(damaged)
        _assert_refused(path)


def test_a_file_made_elsewhere_is_opened(artifact: Path, tmp_path: Path) -> None:
    path = tmp_path / f"unsealed{artifact.suffix}"
    path.write_bytes(artifact.read_bytes()[:-SEAL_LENGTH])
    x = picture(1, 1, 8, 12).numpy()
    np.testing.assert_array_equal(
        open_artifact(path).run({"input": x})["output"],
        open_artifact(artifact).run({"input": x})["output"],
    )


def test_unknown_suffixes_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"known are: \.aimodel, \.mlpackage, \.pte, \.tflite"):
        open_artifact(tmp_path / "net.onnx")
    for suffix in (".pte", ".tflite", ".mlpackage"):
        with pytest.raises(ArtifactError, match="no such file"):
            open_artifact(tmp_path / f"net{suffix}")
    (tmp_path / "folder.pte").mkdir()
    _assert_refused(tmp_path / "folder.pte")


def test_importing_the_runners_imports_no_runtime() -> None:
    program = (
        "import sys, edge_sdk.emulate.runtimes.opening, edge_sdk.emulate.parity.agreement\n"
        "import edge_sdk.emulate.runtimes.executorch, edge_sdk.emulate.runtimes.litert\n"
        "import edge_sdk_converters.tflite, edge_sdk_converters.executorch.xnnpack\n"
        "heavy = {'tensorflow', 'coremltools', 'executorch', 'ai_edge_litert', 'torchao'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def _assert_refused(path: Path) -> None:
    with pytest.raises(ArtifactError) as caught:
        open_artifact(path)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)

"""Artifacts whose weights were changed after conversion: loadable, undamaged, wrong, and caught.

The bytes of one layer's weights are found in the file and replaced, and the seal is made again: no
checksum helps, only comparing what the file computes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from edge_sdk.artifacts.seal import SEAL_MAGIC, seal
from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.chain import parity_chain
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.emulate.parity.rows import Artifact
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import EnhanceLike, picture, seeded
from tests.builders.foreign_networks import spread
from tests.needs import each_needing, needs

pytestmark = pytest.mark.slow

WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")
LAYOUTS = {"executorch": (0, 2, 3, 1), "coreml": (0, 1, 2, 3), "tflite": (0, 2, 3, 1)}
"""Axes of a torch kernel (output, input, rows, columns) in the order in which files store them."""

Corruption = Callable[[np.ndarray], np.ndarray]
STORED = [
    pytest.param(target, precision, marks=needs(target))
    for target in LAYOUTS
    for precision in find_converter(target).precisions
    if precision in ("fp32", "fp16")
]


def swap_outputs(kernel: np.ndarray) -> np.ndarray:
    return kernel[[1, 0, *range(2, len(kernel))]]


def swap_inputs(kernel: np.ndarray) -> np.ndarray:
    return kernel[:, [1, 0, *range(2, kernel.shape[1])]]


def transpose_kernel(kernel: np.ndarray) -> np.ndarray:
    return kernel.transpose(0, 1, 3, 2)


def drop_bias(bias: np.ndarray) -> np.ndarray:
    return np.zeros_like(bias)


def keep(array: np.ndarray) -> np.ndarray:
    return array


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    # He's start: with PyTorch's own, a layer adds so little that half precision hides its faults.
    return spread(seeded(EnhanceLike)).eval()


@pytest.fixture(scope="module")
def originals(model, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    folder, made = tmp_path_factory.mktemp("originals"), {}

    def convert(target: str, precision: str) -> Path:
        converter = find_converter(target)
        path = folder / f"{precision}{converter.suffix}"
        if path not in made:
            converter.convert(model, picture(1, 1, 16, 16), path, precision)
            made[path] = path
        return path

    return convert


def stored_bytes(array: np.ndarray, target: str, precision: str) -> bytes:
    if array.ndim == 4:
        array = array.transpose(LAYOUTS[target])
    return np.ascontiguousarray(array, "<f2" if precision == "fp16" else "<f4").tobytes()


def corrupted(
    original: Path,
    folder: Path,
    target: str,
    precision: str,
    name: str,
    model,
    corruption: Corruption,
) -> Path:
    """Copy of an artifact in which the weights ``name`` went through ``corruption``."""
    array = model.get_parameter(name).detach().numpy()
    before, after = (stored_bytes(a, target, precision) for a in (array, corruption(array)))
    path = folder / original.name
    if original.is_dir():
        for source in original.rglob("*"):
            copy = path / source.relative_to(original)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_file():
                copy.write_bytes(source.read_bytes())
        weights = path / WEIGHTS
        content = weights.read_bytes()
        assert content.count(before) == 1
        weights.write_bytes(content.replace(before, after))
        return path
    content, magic, _ = original.read_bytes().rpartition(SEAL_MAGIC)
    assert magic == SEAL_MAGIC
    assert content.count(before) == 1
    path.write_bytes(seal(content.replace(before, after)))
    return path


@pytest.mark.parametrize(
    ("corruption", "name"),
    [
        (swap_outputs, "body.1.0.weight"),
        (swap_inputs, "body.1.0.weight"),
        (transpose_kernel, "body.2.0.weight"),
        (drop_bias, "body.0.0.bias"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
@pytest.mark.parametrize(("target", "precision"), STORED)
def test_a_wrong_artifact_misses_its_gate(
    target: str, precision: str, corruption: Corruption, name: str, model, originals, tmp_path: Path
) -> None:
    original = originals(target, precision)
    path = corrupted(original, tmp_path, target, precision, name, model, corruption)
    examples = [picture(1, 1, 16, 16, seed=seed) for seed in (2, 3)]
    assert verify(model, examples, path).psnr_db < GATES_DB[precision]
    assert not parity_chain(model, [], [Artifact(path, precision)], examples)[-1].passed


@pytest.mark.parametrize(("target", "precision"), STORED)
def test_the_same_surgery_without_corruption_passes(
    target: str, precision: str, model, originals, tmp_path: Path
) -> None:
    original = originals(target, precision)
    path = corrupted(original, tmp_path, target, precision, "body.1.0.weight", model, keep)
    examples = picture(1, 1, 16, 16, seed=2)
    assert verify(model, examples, path).psnr_db >= GATES_DB[precision]


# A package has no seal; comparing its values is what catches it.
@pytest.mark.parametrize("target", each_needing(["executorch", "tflite"]))
def test_a_file_that_was_changed_without_a_new_seal_is_damaged(
    target: str, model, originals, tmp_path: Path
) -> None:
    from edge_sdk.emulate.runtimes.opening import open_artifact
    from edge_sdk.errors import ArtifactError

    original = originals(target, "fp32")
    content = bytearray(original.read_bytes())
    content[len(content) // 2] ^= 1
    path = tmp_path / original.name
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match="damaged"):
        open_artifact(path)

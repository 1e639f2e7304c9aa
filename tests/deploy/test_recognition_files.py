"""Files of networks that tell classes apart take what the spec says, and the report tells it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from edge_sdk import convert, open_artifact
from edge_sdk.data import read_calibration
from edge_sdk.data.probes.examples import example_photo
from edge_sdk.data.recognition.shapes import SHAPES, write_shapes
from edge_sdk.deploy import prepare
from edge_sdk.errors import InputError
from edge_sdk.imaging import resize_bicubic
from edge_sdk.models import Normalization, RecognitionNet, load_checkpoint, save_checkpoint
from edge_sdk.zoo import load_any
from tests.builders.recognition_networks import seeded_network
from tests.needs import each_needing, needs

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
SUFFIXES = {"tflite": ".tflite", "executorch": ".pte", "coreml": ".mlpackage"}


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "net.safetensors"
    save_checkpoint(seeded_network(SHAPES, MEAN, STD), path)
    return path


def photographs() -> Tensor:
    """Four photographs at the preview's size, float32 [4, 3, 32, 32] in [0, 1]."""
    names = ("astronaut", "chelsea", "coffee", "rocket")
    seen = [resize_bicubic(example_photo(name), size=(32, 32)).clamp(0, 1) for name in names]
    return torch.stack(seen)


@needs("examples")
@pytest.mark.slow
@pytest.mark.parametrize("target", each_needing(SUFFIXES))
def test_a_file_computes_from_normalized_values(
    target: str, checkpoint: Path, tmp_path: Path
) -> None:
    made = convert(checkpoint, target, tmp_path / f"net{SUFFIXES[target]}", "fp32")
    takes, gives = made.notes[-2:]
    assert "mean 0.4, 0.5, 0.6 and std 0.2, 0.25, 0.3, which the file does not compute" in takes
    assert gives.endswith("of: cross, disk, square, triangle")
    runner = open_artifact(made.path)
    (name, shape), (scores, _) = (
        next(iter(ends.items())) for ends in (runner.input_shapes, runner.output_shapes)
    )
    assert tuple(shape) == (1, 3, 32, 32)
    network = load_checkpoint(checkpoint).model.eval()
    assert isinstance(network, RecognitionNet)
    normalization = network.spec.normalization
    assert normalization is not None
    for picture in photographs():
        prepared = normalization.applied(picture[None])
        by_hand = (picture - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
        assert torch.allclose(prepared[0], by_hand, atol=1e-6)
        with torch.no_grad():
            eager, plain = network(prepared), network(picture[None])
        found = torch.from_numpy(runner.run({name: prepared.numpy()})[scores])
        assert torch.allclose(found, eager, rtol=0, atol=1e-4 * float(eager.abs().max()))
        assert float((found - plain).abs().max()) > 1e-2 * float(eager.abs().max())


@pytest.mark.slow
def test_int8_ranges_are_of_normalized_previews(checkpoint: Path, tmp_path: Path) -> None:
    write_shapes(tmp_path / "shapes", 3, 40, 0, 0.05)
    loaded = load_any(str(checkpoint))
    prepared = prepare(loaded, loaded.single_example, "int8", tmp_path / "shapes")
    assert prepared.scheme is not None
    entry = next(iter(prepared.scheme.values.values()))
    low, high = ((code - entry.zero_point) * entry.scale for code in (-128, 127))
    least = min((0 - mean) / std for mean, std in zip(MEAN, STD, strict=True))
    most = max((1 - mean) / std for mean, std in zip(MEAN, STD, strict=True))
    assert least - 0.5 <= low < -1
    assert 1 < high <= most + 0.5


def test_previews_are_whole_first(tmp_path: Path) -> None:
    write_shapes(tmp_path / "shapes", 2, 40, 0, 0.0)
    example = torch.rand(1, 3, 64, 64)
    found = read_calibration(tmp_path / "shapes", example, None, 16, previews=True)
    assert len(found.calibration) == 16
    assert {tuple(each.shape) for each in found.calibration} == {(1, 3, 64, 64)}
    again = read_calibration(tmp_path / "shapes", example, None, 16, previews=True)
    assert all(map(torch.equal, found.calibration, again.calibration))


def test_a_second_normalization_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="says its own mean and std"):
        convert(
            checkpoint, "tflite", tmp_path / "net.tflite",
            normalization=Normalization((0.5,), (0.5,)),
        )  # fmt: skip

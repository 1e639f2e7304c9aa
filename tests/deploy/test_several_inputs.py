"""Models of several inputs, through every step from the module to files and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edge_sdk import convert, open_artifact, verify
from edge_sdk.deploy.preparation import prepare
from edge_sdk.emulate.parity.agreement import run_artifact
from edge_sdk.errors import ArtifactError, InputError
from edge_sdk.targets import find_converter
from edge_sdk.zoo.loading import as_loaded
from tests.builders.several_inputs import conditioned, inputs
from tests.needs import each_needing, needs

TARGETS = each_needing(("executorch", "coreml", "tflite"))


def samples(path: Path, count: int = 16) -> Path:
    drawn = [inputs(seed) for seed in range(count)]
    arrays = {f"input_{place}": torch.cat([each[place] for each in drawn]) for place in range(3)}
    np.savez(path, **{name: tensor.numpy() for name, tensor in arrays.items()})
    return path


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_files_take_what_the_model_takes_in_its_order(target: str, tmp_path: Path) -> None:
    network, given = conditioned(), inputs()
    path = tmp_path / f"net{find_converter(target).suffix}"
    made = convert(network, target, path, "fp32", example=given)
    assert made.certificate.error_float64 < 1e-11
    assert made.check.psnr_db is not None
    assert made.check.psnr_db > 100
    runner = open_artifact(path)
    assert list(runner.input_shapes.values()) == [tuple(each.shape) for each in given]
    assert list(runner.output_shapes.values()) == [(1, 3, 16, 16), (1, 8)]
    found = verify(network, [path], example=given)
    assert found.passed
    assert found.further_shapes == ((1, 1, 16, 16), (1, 5))
    with pytest.raises(ArtifactError, match="takes 3 inputs and the model 1"):
        run_artifact(runner, [given[0]], path)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_codes_are_chosen_by_samples_of_all_inputs(target: str, tmp_path: Path) -> None:
    network, given = conditioned(), inputs()
    file = samples(tmp_path / "samples.npz")
    path = tmp_path / f"net{find_converter(target).suffix}"
    made = convert(network, target, path, "int8", example=given, calibration=file)
    assert "12 samples" in made.ranges
    prepared = prepare(as_loaded(network, given), given, "int8", file)
    with torch.no_grad():
        expected = [each.numpy() for each in prepared.model(*given)]
    (found,) = run_artifact(open_artifact(path), [given], path)
    for one, other in zip(expected, found.values(), strict=True):
        assert np.abs(one - other).max() <= 2.1 * _step(one, network, given)


def _step(values: np.ndarray, network: nn.Module, given: tuple[torch.Tensor, ...]) -> float:
    with torch.no_grad():
        whole = next(each for each in network(*given) if tuple(each.shape) == values.shape)
    return 2 * max(float(whole.max()), 0.0) / 255 - 2 * min(float(whole.min()), 0.0) / 255


@needs("executorch")
@pytest.mark.slow
def test_shapes_stand_for_inputs(tmp_path: Path) -> None:
    shapes = [(1, 3, 16, 16), (1, 1, 16, 16), (1, 5)]
    made = convert(conditioned(), "executorch", tmp_path / "net.pte", example=shapes)
    assert [each.name for each in made.report.inputs] == ["input_0", "input_1", "input_2"]


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.pte"
    with pytest.raises(InputError, match=r"calibrate it by a \.npz"):
        prepare(as_loaded(conditioned(), inputs()), inputs(), "int8", tmp_path)
    for example in (inputs()[:2], (inputs()[0].long(), *inputs()[1:])):
        with pytest.raises(InputError):
            convert(conditioned(), "executorch", path, example=example)
    assert list(tmp_path.iterdir()) == []

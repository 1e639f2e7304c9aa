"""``convert`` and ``verify`` as functions: modules and names in, results out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from edge_sdk import ConvertedModel, convert, verify
from edge_sdk.errors import InputError, OutputError
from edge_sdk.targets import LoweringReport, TensorSpec
from edge_sdk.zoo import as_loaded


class Recorder:
    """A target that writes an empty file and keeps what it was given."""

    name = "recorder"
    suffix = ".txt"
    precisions = ("fp32", "int8")
    extra = "executorch"

    def __init__(self) -> None:
        self.models: list[nn.Module] = []
        self.examples: list[torch.Tensor] = []

    def convert(
        self, model: nn.Module, example: torch.Tensor, path: Path, precision: str
    ) -> LoweringReport:
        self.models.append(model)
        self.examples.append(example)
        path.touch()
        ends = (TensorSpec("input", tuple(example.shape), "float32", "NCHW"),)
        return LoweringReport("recorder", precision, ends, (), {})


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Recorder:
    made = Recorder()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("edge_sdk.deploy.conversion.find_converter", lambda name: made)
    return made


def stem() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def test_a_module_is_fused_and_left_untouched(recorder: Recorder) -> None:
    model = stem().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    made = convert(model, "recorder", "m.txt", example=(1, 3, 12, 16))
    assert isinstance(made, ConvertedModel)
    assert made.path == Path("m.txt")
    assert made.check.left_out == "no runtime here opens .txt files"
    assert made.certificate.error_float64 < 1e-11
    assert not any(isinstance(part, nn.BatchNorm2d) for part in recorder.models[0].modules())
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_example_becomes_the_shape_of_the_file(recorder: Recorder) -> None:
    example = torch.rand(1, 3, 20, 24)
    convert(stem(), "recorder", "m.txt", example=example)
    assert torch.equal(recorder.examples[0], example)
    convert(stem(), "recorder", "m.txt", example=(2, 3, 12, 16))
    assert recorder.examples[1].shape == (2, 3, 12, 16)


def test_a_model_that_takes_any_size_gets_one(recorder: Recorder) -> None:
    convert("sr_x2_y", "recorder", "m.txt")
    convert("sr_x2_y", "recorder", "m.txt", size=(48, 64))
    convert("sr_x2_y", "recorder", "m.txt", example=(1, 1, 32, 40))
    shapes = [tuple(example.shape[2:]) for example in recorder.examples]
    assert shapes == [(128, 128), (48, 64), (32, 40)]


def test_a_name_and_the_module_behind_it_give_the_same(recorder: Recorder) -> None:
    from edge_sdk import load_model

    convert("sr_x2_y", "recorder", "m.txt", size=(16, 16))
    convert(load_model("sr_x2_y"), "recorder", "m.txt", size=(16, 16))
    named, given = recorder.models
    example = recorder.examples[0]
    with torch.no_grad():
        assert torch.equal(named(example), given(example))


@pytest.mark.slow
def test_int8_says_where_its_ranges_come_from(recorder: Recorder) -> None:
    made = convert("sr_x2_y", "recorder", "m.txt", "int8", size=(16, 16))
    assert made.ranges == "shipped with sr_x2_y"


def test_without_an_example_the_line_says_how_to_give_one(recorder: Recorder) -> None:
    with pytest.raises(InputError, match=r"Sequential brings no example.*example=\(1, 3, 64, 64\)"):
        convert(stem(), "recorder", "m.txt")
    with pytest.raises(InputError, match="size and example both"):
        convert(stem(), "recorder", "m.txt", example=(1, 3, 8, 8), size=(8, 8))
    with pytest.raises(InputError, match="has no precision 'fp12'"):
        convert(stem(), "recorder", "m.txt", "fp12", example=(1, 3, 8, 8))
    assert recorder.models == []


def test_an_unknown_target_names_those_there_are() -> None:
    with pytest.raises(InputError, match="unknown target 'toaster'; choose one of"):
        convert(stem(), "toaster", "m.txt", example=(1, 3, 8, 8))


def test_an_example_that_does_not_fit_the_model_is_refused() -> None:
    with pytest.raises(InputError, match="takes N×1×H×W"):
        verify("sr_x2_y", ["m.pte"], example=(1, 3, 8, 8))


def test_a_module_that_says_what_it_does_brings_an_example() -> None:
    from edge_sdk import load_model

    network = load_model("denoise_rgb").train()
    loaded = as_loaded(network)
    assert loaded.single_example.shape == (1, 3, 32, 32)
    assert not loaded.network.training
    assert network.training


@pytest.mark.parametrize("size", [48, (48,), (0, 48), (48, -1)])
def test_a_size_that_is_none_is_refused(recorder: Recorder, size: object) -> None:
    with pytest.raises(InputError, match="size"):
        convert("sr_x2_y", "recorder", "m.txt", size=size)  # type: ignore[arg-type]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="this system has no /proc")
def test_a_folder_that_takes_no_files_is_one_line() -> None:
    # Its bits say that root may write there, which no file system of processes allows.
    with pytest.raises(OutputError, match=r"^/proc/x\.tflite: ") as caught:
        convert(nn.Conv2d(1, 1, 1), "tflite", "/proc/x.tflite", example=(1, 1, 8, 8))
    assert "\n" not in str(caught.value)

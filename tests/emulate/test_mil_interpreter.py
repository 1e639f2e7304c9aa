"""Whole networks through the MIL interpreter, and what it does with damaged or foreign packages."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edge_sdk import convert
from edge_sdk.artifacts.coreml import import_coremltools, silenced
from edge_sdk.emulate.parity.agreement import verify
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.emulate.runtimes.coreml import CoreMLRunner
from edge_sdk.errors import ArtifactError
from edge_sdk_converters.coreml import CoreMLConverter
from tests.builders.conversion_nets import (
    DepthwiseClassifier,
    EnhanceLike,
    ResNet,
    UNet,
    picture,
    seeded,
)
from tests.needs import needs

pytestmark = [needs("coreml"), pytest.mark.slow]

WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")
PROGRAM = Path("Data/com.apple.CoreML/model.mlmodel")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(
    ("build", "shape"),
    [
        (EnhanceLike, (1, 1, 24, 32)),
        (DepthwiseClassifier, (2, 3, 32, 32)),
        (UNet, (1, 3, 16, 24)),
        pytest.param(ResNet, (1, 3, 32, 32), marks=pytest.mark.slow),
    ],
)
def test_networks_match_eager(
    build: Callable[[], nn.Module], shape: tuple[int, ...], precision: str, tmp_path: Path
) -> None:
    model, path = seeded(build).eval(), tmp_path / "net.mlpackage"
    CoreMLConverter().convert(model, picture(*shape), path, precision)
    report = verify(model, picture(*shape, seed=2), path)
    assert report.psnr_db >= GATES_DB[precision]
    if precision == "fp16":
        # An exact match would mean that nothing was rounded.
        assert report.psnr_db < GATES_DB["fp32"]


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return seeded(lambda: nn.Conv2d(3, 40, 3)).eval()


@pytest.fixture(scope="module")
def original(model: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "net.mlpackage"
    CoreMLConverter().convert(model, picture(1, 3, 8, 8), path, "fp32")
    return path


@pytest.fixture
def package(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "net.mlpackage"))


def refusal(path: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        CoreMLRunner(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_info_is_honest(package: Path) -> None:
    runner = CoreMLRunner(package)
    assert "MIL interpreter (edge-sdk" in runner.info.runtime
    assert "spec by coremltools" in runner.info.runtime
    assert "not Apple's kernels" in runner.info.proves
    assert tuple(runner.input_shapes) == ("input",)


def test_changed_weights_are_seen(package: Path, model: nn.Module) -> None:
    blob = bytearray((package / WEIGHTS).read_bytes())
    # Weights from the middle of the kernel, away from the file's headers.
    blob[1000:1400] = np.full(100, 0.3, np.float32).tobytes()
    (package / WEIGHTS).write_bytes(blob)
    assert verify(model, picture(1, 3, 8, 8), package).psnr_db < 30


def test_half_precision_overflows_as_stored(tmp_path: Path) -> None:
    class Overflow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x + 300.0) * (x + 300.0) * 1e-5

    path, x = tmp_path / "net.mlpackage", picture(1, 1, 4, 4)
    CoreMLConverter().convert(Overflow(), x, path, "fp16")
    output = CoreMLRunner(path).run({"input": x.numpy()})["output"]
    assert np.isinf(output).all()


def test_compressed_weights(package: Path, model: nn.Module, tmp_path: Path) -> None:
    coremltools = import_coremltools()
    from coremltools.optimize import coreml as optimize

    with silenced():
        config = optimize.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=0)
        compressed = optimize.linear_quantize_weights(
            coremltools.models.MLModel(str(package), skip_model_load=True),
            optimize.OptimizationConfig(global_config=config),
        )
        path = tmp_path / "int8.mlpackage"
        compressed.save(str(path))
    expected = seeded(lambda: nn.Conv2d(3, 40, 3))
    scale = model.weight.detach().abs().amax((1, 2, 3), keepdim=True) / 127
    expected.weight.data = torch.round(model.weight.detach() / scale) * scale
    assert verify(expected, picture(1, 3, 8, 8), path).psnr_db >= GATES_DB["fp32"]


def test_unknown_operation_is_named(tmp_path: Path) -> None:
    class Places(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.one_hot(x.argmax(1), 5).float()

    path = tmp_path / "net.mlpackage"
    CoreMLConverter().convert(Places(), picture(1, 3, 4, 4), path, "fp32")
    assert "uses one_hot" in refusal(path)
    made = convert(Places(), "coreml", path, example=(1, 3, 4, 4))
    assert made.check.left_out.startswith("uses one_hot, unknown to the MIL interpreter")


def test_inputs_are_checked(package: Path) -> None:
    runner, x = CoreMLRunner(package), picture(1, 3, 8, 8).numpy()
    for inputs, complaint in [
        ({"image": x}, "takes inputs input, not image"),
        ({"input": x[:, :, :4]}, r"takes shape \(1, 3, 8, 8\)"),
        ({"input": x.astype(np.float64)}, "takes float32, not float64"),
    ]:
        with pytest.raises(ArtifactError, match=complaint):
            runner.run(inputs)
    flipped = runner.run({"input": x[..., ::-1]})["output"]
    assert flipped.dtype == np.float32
    assert np.array_equal(flipped, runner.run({"input": x[..., ::-1].copy()})["output"])


@pytest.mark.parametrize("kept", [0, 10, 70, 1000, -1])
def test_truncated_weights(package: Path, kept: int) -> None:
    (package / WEIGHTS).write_bytes((package / WEIGHTS).read_bytes()[:kept])
    assert "cannot be read" in refusal(package)


def test_damaged_packages(package: Path, tmp_path: Path) -> None:
    spec = (package / PROGRAM).read_bytes()
    for damaged in (b"", spec[:50], spec[:-20], b"not a model" * 50):
        (package / PROGRAM).write_bytes(damaged)
        refusal(package)
    (package / PROGRAM).write_bytes(spec)
    (package / WEIGHTS).unlink()
    assert "weight.bin" in refusal(package)
    (package / "Manifest.json").write_text("{}")
    refusal(package)
    (package / "Manifest.json").unlink()
    assert "no Manifest.json" in refusal(package)

    assert "no such folder" in refusal(tmp_path / "missing.mlpackage")
    (tmp_path / "file.mlpackage").write_text("a file")
    assert "is a file" in refusal(tmp_path / "file.mlpackage")


def test_foreign_models(tmp_path: Path) -> None:
    coremltools = import_coremltools()
    exported = torch.export.export(nn.ReLU(), (picture(1, 3, 4, 4),)).run_decompositions({})

    def saved(inputs: list, **options) -> Path:
        path = tmp_path / "foreign.mlpackage"
        shutil.rmtree(path, ignore_errors=True)
        with silenced():
            coremltools.convert(exported, inputs=inputs, skip_model_load=True, **options).save(
                str(path)
            )
        return path

    assert "imageType" in refusal(saved([coremltools.ImageType("x", shape=(1, 3, 4, 4))]))
    rows = coremltools.RangeDim(4, 8, default=4)
    flexible = coremltools.TensorType("x", shape=(1, 3, rows, 4))
    height = torch.export.Dim("height", min=4, max=8)
    exported = torch.export.export(
        nn.ReLU(), (picture(1, 3, 5, 4),), dynamic_shapes=({2: height},)
    ).run_decompositions({})
    ranged = CoreMLRunner(saved([flexible]))
    assert ranged.takes([(1, 3, 4, 4)])
    assert ranged.takes([(1, 3, 8, 4)])
    assert not ranged.takes([(1, 3, 9, 4)])
    listed = coremltools.EnumeratedShapes([(1, 3, 4, 4), (1, 3, 8, 4)])
    assert "flexible shape without a largest" in refusal(
        saved([coremltools.TensorType("x", shape=listed)])
    )
    exported = torch.export.export(nn.ReLU(), (picture(1, 3, 4, 4),)).run_decompositions({})
    half = coremltools.TensorType("x", shape=(1, 3, 4, 4), dtype=np.float16)
    target = coremltools.target.iOS16
    assert "'x' is fp16" in refusal(saved([half], minimum_deployment_target=target))


def test_apples_runtime_is_refused_elsewhere(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ArtifactError, match="macOS only"):
        CoreMLRunner(package, interpret=False)


def test_apples_runtime_behind_the_same_interface(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = import_coremltools().models.MLModel

    class Mac:
        def __init__(self, path: str) -> None:
            self.get_spec = real(path, skip_model_load=True).get_spec

        def predict(self, inputs: dict) -> dict:
            return {"output": inputs["input"].astype(np.float16)}

    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("coremltools.models.MLModel", Mac)
    runner, x = CoreMLRunner(package), picture(1, 3, 8, 8).numpy()
    assert "Core ML on macOS" in runner.info.runtime
    assert tuple(runner.input_shapes) == ("input",)
    output = runner.run({"input": x})["output"]
    assert output.dtype == np.float32
    assert np.allclose(output, x, atol=1e-3)
    with pytest.raises(ArtifactError, match="takes shape"):
        runner.run({"input": x[:, :1]})

"""Whatever a file stores, callers see NCHW float32, and the file itself says its precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.artifacts.pte import read_pte
from edge_sdk.emulate.runtimes.eager import EagerRunner
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.emulate.runtimes.tensors import Port
from edge_sdk.errors import ArtifactError, InputError
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import DepthwiseClassifier, EnhanceLike, picture, seeded
from tests.builders.quantized_files import int8_ended_pte, int8_pte, int8_tflite
from tests.needs import needs

pytestmark = [needs("executorch", "tflite"), pytest.mark.slow]


HERE = Path("net")


@given(
    scale=st.floats(1e-4, 1.0),
    zero_point=st.integers(-128, 127),
    seed=st.integers(0, 1000),
    channels_last=st.booleans(),
)
def test_quantized_ends_keep_values_within_half_a_step(
    scale: float, zero_point: int, seed: int, channels_last: bool
) -> None:
    port = Port("x", (1, 2, 3, 4), np.dtype(np.int8), scale, zero_point, channels_last)
    low, high = scale * (-128 - zero_point), scale * (127 - zero_point)
    x = np.random.default_rng(seed).uniform(low, high, port.torch_shape).astype(np.float32)
    stored = port.to_stored(x, HERE)
    assert stored.dtype == np.int8
    assert stored.shape == port.shape
    assert np.abs(port.to_float(stored) - x).max() <= scale * (0.5 + 1e-3)


def test_values_beyond_the_range_saturate_and_nan_is_refused() -> None:
    port = Port("x", (1, 3), np.dtype(np.int8), 0.5, 10)
    stored = port.to_stored(np.array([[-1e6, 0.0, np.inf]], np.float32), HERE)
    assert stored.tolist() == [[-128, 10, 127]]
    with pytest.raises(ArtifactError, match="NaN"):
        port.to_stored(np.array([[0, np.nan, 0]], np.float32), HERE)


def test_half_steps_round_to_even() -> None:
    port = Port("x", (4,), np.dtype(np.int8), 1.0, 0)
    assert port.to_stored(np.array([0.5, 1.5, 2.5, -0.5], np.float32), HERE).tolist() == [
        0,
        2,
        2,
        0,
    ]


def test_int8_tflite_ends_agree_with_float_ends(tmp_path: Path) -> None:
    x = picture(1, 3, 8, 12).numpy()
    results = []
    for int8_ends in (False, True):
        path = tmp_path / f"{int8_ends}.tflite"
        int8_tflite(path, int8_ends=int8_ends)
        runner = open_artifact(path)
        assert runner.precision == "int8"
        assert runner.input_shapes == {"input": (1, 3, 8, 12)}
        assert runner.output_shapes == {"output": (1, 4, 8, 12)}
        results.append(runner.run({"input": x})["output"])
        assert results[-1].dtype == np.float32
    step = np.abs(np.diff(np.unique(results[0]))).min()
    assert np.abs(results[0] - results[1]).max() <= 1.01 * step


@pytest.mark.parametrize("make", [int8_pte, int8_ended_pte])
def test_int8_pte_runs_near_its_model(make: object, tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()).eval()
    x = picture(1, 3, 8, 12)
    path = tmp_path / "net.pte"
    make(path, net, x)  # type: ignore[operator]
    runner = open_artifact(path)
    assert runner.precision == "int8"
    with torch.no_grad():
        expected = net(x).numpy()
    assert (
        np.abs(runner.run({"input": x.numpy()})["output"] - expected).max() < 0.02 * expected.max()
    )


@pytest.mark.parametrize(
    ("target", "suffix", "precision"),
    [
        ("executorch", ".pte", "fp32"),
        ("tflite", ".tflite", "fp32"),
        ("tflite", ".tflite", "fp16"),
        ("coreml", ".mlpackage", "fp32"),
        ("coreml", ".mlpackage", "fp16"),
    ],
)
def test_the_file_says_its_precision(
    target: str, suffix: str, precision: str, tmp_path: Path
) -> None:
    path = tmp_path / f"net{suffix}"
    find_converter(target).convert(seeded(EnhanceLike), picture(1, 1, 8, 12), path, precision)
    assert open_artifact(path).precision == precision


@pytest.mark.parametrize(
    ("target", "suffix"),
    [("executorch", ".pte"), ("tflite", ".tflite"), ("coreml", ".mlpackage")],
)
def test_a_classifier_has_outputs_of_rank_two(target: str, suffix: str, tmp_path: Path) -> None:
    net, x = seeded(DepthwiseClassifier).eval(), picture(1, 3, 32, 32)
    path = tmp_path / f"net{suffix}"
    find_converter(target).convert(net, x, path, "fp32")
    runner = open_artifact(path)
    (shape,) = runner.output_shapes.values()
    assert shape == (1, 10)
    (result,) = runner.run({name: x.numpy() for name in runner.input_shapes}).values()
    with torch.no_grad():
        np.testing.assert_allclose(result, net(x).numpy(), atol=1e-5)


class Two(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return x + 2 * y, x.mean(dim=(2, 3))


def test_several_inputs_and_outputs_of_a_pte(tmp_path: Path) -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    x, y = picture(1, 2, 4, 6), picture(1, 2, 4, 6, seed=2)
    program = torch.export.export(Two(), (x, y))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    path = tmp_path / "two.pte"
    path.write_bytes(lowered.to_executorch().buffer)
    runner = open_artifact(path)
    results = runner.run({"input_1": y.numpy(), "input_0": x.numpy()})
    eager = EagerRunner(Two(), [x, y]).run({"input_0": x.numpy(), "input_1": y.numpy()})
    assert list(results) == list(eager) == ["output_0", "output_1"]
    assert runner.output_shapes == {"output_0": (1, 2, 4, 6), "output_1": (1, 2)}
    for name, array in eager.items():
        np.testing.assert_allclose(results[name], array, atol=1e-6)


class RunningSum(nn.Module):
    """An operator that XNNPACK does not take."""

    def forward(self, x: Tensor) -> Tensor:
        return x.cumsum(3)


def test_delegation_is_counted_in_both_runtimes(tmp_path: Path) -> None:
    for target, suffix in (("executorch", ".pte"), ("tflite", ".tflite")):
        path = tmp_path / f"whole{suffix}"
        find_converter(target).convert(seeded(EnhanceLike), picture(1, 1, 8, 12), path, "fp32")
        found = open_artifact(path).delegation
        assert found is not None
        assert (found.delegate, found.partitions, found.undelegated) == ("XNNPACK", 1, ())
    net = nn.Sequential(nn.Conv2d(3, 4, 3), RunningSum(), nn.Conv2d(4, 4, 3))
    path = tmp_path / "cut.pte"
    report = find_converter("executorch").convert(net, picture(1, 3, 8, 8), path, "fp32")
    cut = open_artifact(path).delegation
    assert cut is not None
    assert (cut.partitions, cut.undelegated) == (report.partitions, report.undelegated)
    assert cut.partitions == 2


def test_operators_that_xnnpack_lacks_are_named(tmp_path: Path) -> None:
    import tensorflow as tf

    class Net(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 1), tf.float32, name="input")])
        def serve(self, input: object) -> dict[str, object]:
            kernel = tf.ones((3, 3, 1, 1))
            once = tf.cumsum(tf.nn.conv2d(input, kernel, 1, "SAME"), axis=1)
            return {"output": tf.nn.conv2d(once, kernel, 1, "SAME")}

    net = Net()
    path = tmp_path / "cut.tflite"
    path.write_bytes(
        tf.lite.TFLiteConverter.from_concrete_functions(
            [net.serve.get_concrete_function()], net
        ).convert()
    )
    found = open_artifact(path).delegation
    assert found is not None
    assert (found.partitions, found.undelegated) == (2, ("CUMSUM",))


def test_a_damaged_program_is_an_error_of_one_kind(tmp_path: Path) -> None:
    path = tmp_path / "net.pte"
    find_converter("executorch").convert(seeded(EnhanceLike), picture(1, 1, 8, 12), path, "fp32")
    content = path.read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for place in generator.integers(0, len(content), 400):
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(generator.integers(8))
        try:
            read_pte(bytes(damaged))
        except ValueError:
            refused += 1
    assert 0 < refused < 400
    with pytest.raises(ValueError, match="damaged"):
        read_pte(content[:200])


def test_prepared_calls_give_what_run_gives(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    find_converter("tflite").convert(seeded(EnhanceLike), picture(1, 1, 8, 12), path, "fp32")
    runner, x = open_artifact(path), picture(1, 1, 8, 12).numpy()
    (stored,) = runner.prepare({"input": x})()
    np.testing.assert_array_equal(stored.transpose(0, 3, 1, 2), runner.run({"input": x})["output"])


def test_the_eager_runner_is_the_model(tmp_path: Path) -> None:
    net, x = seeded(EnhanceLike), picture(1, 1, 8, 12)
    runner = EagerRunner(net.train(), x)
    with torch.no_grad():
        np.testing.assert_array_equal(
            runner.run({"input": x.numpy()})["output"], net.eval()(x).numpy()
        )
    assert runner.output_shapes == {"output": (1, 1, 16, 24)}
    with pytest.raises(InputError, match="fails on inputs of shape"):
        EagerRunner(net, picture(1, 3, 8, 8))


def test_a_runtime_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"")
    with pytest.raises(InputError, match="'executorch' does not run such files"):
        open_artifact(path, "executorch")
    with pytest.raises(InputError, match="unknown runtime 'npu'"):
        open_artifact(path, "npu")


def test_a_backend_that_this_machine_lacks_is_named(tmp_path: Path) -> None:
    from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner
    from executorch.exir import to_edge_transform_and_lower

    from edge_sdk.artifacts.seal import seal

    program = torch.export.export(nn.Sequential(nn.Conv2d(3, 4, 3)).eval(), (picture(1, 3, 8, 8),))
    lowered = to_edge_transform_and_lower(program, partitioner=[VulkanPartitioner()])
    path = tmp_path / "vulkan.pte"
    path.write_bytes(seal(lowered.to_executorch().buffer))
    assert read_pte(path.read_bytes()).precision is None
    with pytest.raises(ArtifactError, match="needs VulkanBackend"):
        open_artifact(path)

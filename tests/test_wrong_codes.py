"""Files whose int8 codes, 8-bit weights or palette are wrong, and caught, however little it costs.

The quantised graph is harmed and converted by the real converters, then held against the graph as
it was: the file loads, runs and nearly agrees.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import fx, nn

from edge_sdk.emulate.chain import Artifact, ParityRow, Stage, parity_chain
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.quantize import Quantised, quantise, quantise_weights
from edge_sdk.reparam import fuse
from edge_sdk.targets import find_converter
from edge_sdk.zoo.loading import load_any
from tests.quantize.smooth_pictures import smooth_pictures

EXAMPLE = torch.zeros(1, 1, 24, 24)
SUFFIXES = {"executorch": ".pte", "tflite": ".tflite", "coreml": ".mlpackage"}
PACKAGES = {"executorch": "executorch", "coreml": "coremltools", "tflite": "tensorflow"}
PICTURES, OTHERS = smooth_pictures(8, seed=1), smooth_pictures(4, seed=2)

Harm = Callable[[fx.GraphModule], None]


def weight(graph: fx.GraphModule, layer: str) -> torch.Tensor:
    return graph.get_buffer(f"{layer}_weight_int8")


def swap_outputs(graph: fx.GraphModule) -> None:
    codes = weight(graph, "features_1")
    codes[[0, 1]] = codes[[1, 0]]


def swap_whole_outputs(graph: fx.GraphModule) -> None:
    """Two channels with their steps and biases, as a converter that loses count would."""
    named = dict(graph.named_buffers())
    for name, tensor in named.items():
        if name.startswith(
            ("features_1_weight_int8", "features_1_weight_scales", "features_1_bias")
        ):
            tensor[[2, 7]] = tensor[[7, 2]].clone()


def swap_inputs(graph: fx.GraphModule) -> None:
    codes = weight(graph, "features_1")
    codes[:, [0, 1]] = codes[:, [1, 0]]


def transpose_kernel(graph: fx.GraphModule) -> None:
    codes = weight(graph, "features_2")
    codes.copy_(codes.transpose(2, 3).clone())


def transpose_one_kernel(graph: fx.GraphModule) -> None:
    kernel = weight(graph, "features_2")[0, 0]
    kernel.copy_(kernel.T.clone())


def drop_bias(layer: str) -> Harm:
    def harm(graph: fx.GraphModule) -> None:
        node = next(
            node
            for node in graph.graph.nodes
            if len(node.args) > 2
            and isinstance(node.args[1], fx.Node)
            and f"{layer}_weight" in str(node.args[1].args[:1])
        )
        bias = node.args[2].target
        owner, _, name = bias.rpartition(".")
        with torch.no_grad():
            getattr(graph.get_submodule(owner), name).zero_()

    harm.__name__ = f"drop_bias_of_{layer}"
    return harm


def change_codes(scale: float, shift: int) -> Harm:
    def harm(graph: fx.GraphModule) -> None:
        coded = [n for n in graph.graph.nodes if "quantize_per_tensor" in str(n.target)]
        chosen = coded[len(coded) // 2].args[1:3]
        for node in coded:
            if node.args[1:3] == chosen:
                was = node.args
                node.args = (was[0], was[1] * scale, was[2] + shift, *was[3:])
        graph.recompile()

    harm.__name__ = f"scale_by_{scale}_shift_by_{shift}"
    return harm


WEIGHTS = [
    swap_outputs,
    swap_whole_outputs,
    swap_inputs,
    transpose_kernel,
    drop_bias("features_0"),
    drop_bias("reconstruct"),
]
CODES = [change_codes(1.0, 1), change_codes(1.0, -4), change_codes(1.05, 0)]


@pytest.fixture(scope="module")
def model() -> EnhanceNet:
    torch.manual_seed(0)
    config = EnhanceNetConfig(
        widths=(8, 8, 8), skips=((0, 2),), branches=None, activation="leaky_relu"
    )
    return EnhanceNet(config).eval()


@pytest.fixture(scope="module")
def int8(model: EnhanceNet) -> Quantised:
    return quantise(model, EXAMPLE, PICTURES)


def row_of(
    model: nn.Module, right: Quantised, harm: Harm | None, target: str, precision: str, path: Path
) -> ParityRow:
    pytest.importorskip(PACKAGES[target])
    wrong = copy.deepcopy(right.model)
    if harm is not None:
        harm(wrong)
    find_converter(target).convert(wrong, EXAMPLE, path, precision)
    stages = [Stage("quantised", precision, right.model)]
    return parity_chain(model, stages, [Artifact(path)], OTHERS)[-1]


@pytest.mark.parametrize("harm", [*WEIGHTS, *CODES], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("target", SUFFIXES)
def test_wrong_int8_files_are_caught(
    target: str, harm: Harm, model: EnhanceNet, int8: Quantised, tmp_path: Path
) -> None:
    row = row_of(model, int8, harm, target, "int8", tmp_path / f"wrong{SUFFIXES[target]}")
    assert not row.passed, f"{row.psnr_db:.1f} dB, {row.truth_db:.1f} dB against the codes"


@pytest.mark.parametrize("target", ["tflite", "coreml"])
def test_one_wrong_kernel_of_many_is_named(
    target: str, model: EnhanceNet, int8: Quantised, tmp_path: Path
) -> None:
    path = tmp_path / f"wrong{SUFFIXES[target]}"
    row = row_of(model, int8, transpose_one_kernel, target, "int8", path)
    assert any("features_2" in fault for fault in row.faults)
    assert not any("features_1" in fault for fault in row.faults)


@pytest.mark.parametrize("harm", WEIGHTS, ids=lambda harm: harm.__name__)
def test_wrong_w8_files_are_caught(harm: Harm, model: EnhanceNet, tmp_path: Path) -> None:
    path = tmp_path / "wrong.mlpackage"
    assert not row_of(model, quantise_weights(model, EXAMPLE), harm, "coreml", "w8", path).passed


@pytest.mark.parametrize("target", SUFFIXES)
def test_the_right_int8_files_pass(
    target: str, model: EnhanceNet, int8: Quantised, tmp_path: Path
) -> None:
    row = row_of(model, int8, None, target, "int8", tmp_path / f"right{SUFFIXES[target]}")
    assert row.passed, row.faults


def test_the_right_w8_file_passes(model: EnhanceNet, tmp_path: Path) -> None:
    made = quantise_weights(model, EXAMPLE)
    row = row_of(model, made, None, "coreml", "w8", tmp_path / "right.mlpackage")
    assert row.passed, row.faults


def swap_float_outputs(model: nn.Module) -> None:
    layer = model.get_submodule("features.1")
    layer.weight[[0, 1]] = layer.weight[[1, 0]]  # type: ignore[index, union-attr]


def transpose_float_kernel(model: nn.Module) -> None:
    layer = model.get_submodule("features.2")
    layer.weight.copy_(layer.weight.transpose(2, 3).clone())  # type: ignore[operator, union-attr]


def drop_float_bias(model: nn.Module) -> None:
    model.get_submodule("features.0").bias.zero_()  # type: ignore[operator, union-attr]


@pytest.mark.parametrize(
    "harm", [None, swap_float_outputs, transpose_float_kernel, drop_float_bias]
)
def test_wrong_palettes_are_caught(
    harm: Callable[[nn.Module], None] | None, tmp_path: Path
) -> None:
    pytest.importorskip("coremltools")
    loaded = load_any("sr_x2_y")
    made, _ = fuse(loaded.network, loaded.example)
    if harm is not None:
        with torch.no_grad():
            harm(made)
    path = tmp_path / "net.mlpackage"
    find_converter("coreml").convert(made, EXAMPLE, path, "palette")
    row = parity_chain(loaded.network, [], [Artifact(path)], OTHERS)[-1]
    assert row.passed == (harm is None), row.faults

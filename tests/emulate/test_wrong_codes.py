"""Files whose int8 codes, 8-bit weights or palette are wrong, and caught, however little it costs.

The quantized graph is corrupted and converted by the real converters, then held against the graph
as it was: the file loads, runs and nearly agrees. Where the layers of a file are read, one file has
faults in several of them, and each must be named; where only agreement tells, a file has one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import fx, nn

from edge_sdk.emulate.parity.chain import parity_chain
from edge_sdk.emulate.parity.rows import Artifact, ParityRow, Step
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.quantization import Quantized, quantize, quantize_weights
from edge_sdk.reparam import fuse
from edge_sdk.targets import find_converter
from edge_sdk.zoo.loading import load_any
from tests.builders.smooth_pictures import smooth_pictures
from tests.needs import each_needing, needs

pytestmark = pytest.mark.slow

EXAMPLE = torch.zeros(1, 1, 24, 24)
SUFFIXES = {"executorch": ".pte", "tflite": ".tflite", "coreml": ".mlpackage"}
PICTURES, OTHERS = smooth_pictures(8, seed=1), smooth_pictures(4, seed=2)

Corruption = Callable[[fx.GraphModule], None]


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


def drop_bias(layer: str) -> Corruption:
    def corruption(graph: fx.GraphModule) -> None:
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

    corruption.__name__ = f"drop_bias_of_{layer}"
    return corruption


def change_codes(place: int, scale: float, shift: int) -> Corruption:
    """Changes the codes of one tensor; ``place`` counts the operators that quantize."""

    def corruption(graph: fx.GraphModule) -> None:
        coded = [n for n in graph.graph.nodes if "quantize_per_tensor" in str(n.target)]
        chosen = coded_at(graph, place)
        for node in coded:
            if node.args[1:3] == chosen:
                was = node.args
                node.args = (was[0], was[1] * scale, was[2] + shift, *was[3:])
        graph.recompile()

    corruption.__name__ = f"scale_by_{scale}_shift_by_{shift}"
    return corruption


def coded_at(graph: fx.GraphModule, place: int) -> tuple[float, int]:
    coded = [
        node
        for node in graph.graph.nodes
        if "quantized_decomposed.quantize_per_tensor" in str(node.target)
    ]
    scale, zero_point = coded[place].args[1:3]
    return scale, zero_point


def all_of(*corruptions: Corruption) -> Corruption:
    def corruption(graph: fx.GraphModule) -> None:
        for each in corruptions:
            each(graph)

    return corruption


PLACES = (1, 3, 5)
"""Codes of the results of the three convolutions."""
CODES = [
    change_codes(place, scale, shift)
    for place, (scale, shift) in zip(PLACES, [(1.0, 1), (1.0, -4), (1.05, 0)], strict=True)
]
WEIGHTS = {
    "features_0": drop_bias("features_0"),
    "features_1": swap_inputs,
    "features_2": transpose_kernel,
    "reconstruct": drop_bias("reconstruct"),
}
"""A fault for each layer."""


@pytest.fixture(scope="module")
def model() -> EnhanceNet:
    torch.manual_seed(0)
    config = EnhanceNetConfig(
        widths=(8, 8, 8), skips=((0, 2),), branches=None, activation="leaky_relu"
    )
    return EnhanceNet(config).eval()


@pytest.fixture(scope="module")
def int8(model: EnhanceNet) -> Quantized:
    return quantize(model, EXAMPLE, PICTURES)


def row_of(
    model: nn.Module,
    right: Quantized,
    corruption: Corruption | None,
    target: str,
    precision: str,
    path: Path,
) -> ParityRow:
    wrong = copy.deepcopy(right.model)
    if corruption is not None:
        corruption(wrong)
    find_converter(target).convert(wrong, EXAMPLE, path, precision)
    steps = [Step("quantized", precision, right.model)]
    return parity_chain(model, steps, [Artifact(path)], OTHERS)[-1]


def named(row: ParityRow) -> set[str]:
    """Layers that a row's faults name."""
    return {layer for layer in WEIGHTS for fault in row.faults if layer in fault}


@pytest.mark.parametrize("target", each_needing(["tflite", "coreml"]))
def test_every_wrong_layer_of_a_file_is_named(
    target: str, model: EnhanceNet, int8: Quantized, tmp_path: Path
) -> None:
    path, corruption = tmp_path / f"wrong{SUFFIXES[target]}", all_of(*WEIGHTS.values())
    assert named(row_of(model, int8, corruption, target, "int8", path)) == set(WEIGHTS)


@pytest.mark.parametrize(
    ("corruption", "layer"),
    [(transpose_one_kernel, "features_2"), (swap_whole_outputs, "features_1")],
)
@pytest.mark.parametrize("target", each_needing(["tflite", "coreml"]))
def test_one_wrong_kernel_of_many_is_named(
    target: str,
    corruption: Corruption,
    layer: str,
    model: EnhanceNet,
    int8: Quantized,
    tmp_path: Path,
) -> None:
    path = tmp_path / f"wrong{SUFFIXES[target]}"
    assert named(row_of(model, int8, corruption, target, "int8", path)) == {layer}


@pytest.mark.parametrize("target", each_needing(SUFFIXES))
def test_every_wrong_code_of_a_file_is_named(
    target: str, model: EnhanceNet, int8: Quantized, tmp_path: Path
) -> None:
    path, wrong = tmp_path / f"wrong{SUFFIXES[target]}", copy.deepcopy(int8.model)
    corruption = all_of(*CODES)
    corruption(wrong)
    row = row_of(model, int8, corruption, target, "int8", path)
    for place in PLACES:
        scale, zero_point = coded_at(wrong, place)
        said = f"step {scale:.4g} and zero point {zero_point},"
        assert any(said in fault for fault in row.faults), (said, row.faults)


@pytest.mark.parametrize("target", each_needing(SUFFIXES))
def test_swapped_channels_disagree(
    target: str, model: EnhanceNet, int8: Quantized, tmp_path: Path
) -> None:
    path = tmp_path / f"wrong{SUFFIXES[target]}"
    row = row_of(model, int8, swap_outputs, target, "int8", path)
    assert any("against torch's codes" in fault for fault in row.faults)


@needs("executorch")
@pytest.mark.parametrize("corruption", WEIGHTS.values(), ids=WEIGHTS)
def test_wrong_weights_disagree_where_none_are_read(
    corruption: Corruption, model: EnhanceNet, int8: Quantized, tmp_path: Path
) -> None:
    row = row_of(model, int8, corruption, "executorch", "int8", tmp_path / "wrong.pte")
    assert any("against torch's codes" in fault for fault in row.faults)


@needs("coreml")
def test_every_wrong_layer_of_a_w8_file_is_named(model: EnhanceNet, tmp_path: Path) -> None:
    corruption, right = all_of(*WEIGHTS.values()), quantize_weights(model, EXAMPLE)
    row = row_of(model, right, corruption, "coreml", "w8", tmp_path / "wrong.mlpackage")
    assert named(row) == set(WEIGHTS)


@needs("coreml")
def test_swapped_channels_of_a_w8_file_disagree(model: EnhanceNet, tmp_path: Path) -> None:
    right = quantize_weights(model, EXAMPLE)
    row = row_of(model, right, swap_outputs, "coreml", "w8", tmp_path / "wrong.mlpackage")
    assert any("against torch's codes" in fault for fault in row.faults)


@pytest.mark.parametrize("target", each_needing(SUFFIXES))
def test_the_right_int8_files_pass(
    target: str, model: EnhanceNet, int8: Quantized, tmp_path: Path
) -> None:
    row = row_of(model, int8, None, target, "int8", tmp_path / f"right{SUFFIXES[target]}")
    assert row.passed, row.faults


@needs("coreml")
def test_the_right_w8_file_passes(model: EnhanceNet, tmp_path: Path) -> None:
    made = quantize_weights(model, EXAMPLE)
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


@needs("coreml")
@pytest.mark.parametrize(
    "corruption",
    [
        None,
        pytest.param(swap_float_outputs, marks=pytest.mark.slow),
        pytest.param(transpose_float_kernel, marks=pytest.mark.slow),
        drop_float_bias,
    ],
)
def test_wrong_palettes_are_caught(
    corruption: Callable[[nn.Module], None] | None, tmp_path: Path
) -> None:
    loaded = load_any("sr_x2_y")
    made, _ = fuse(loaded.network, loaded.example)
    if corruption is not None:
        with torch.no_grad():
            corruption(made)
    path = tmp_path / "net.mlpackage"
    find_converter("coreml").convert(made, EXAMPLE, path, "palette")
    row = parity_chain(loaded.network, [], [Artifact(path)], OTHERS)[-1]
    assert row.passed == (corruption is None), row.faults

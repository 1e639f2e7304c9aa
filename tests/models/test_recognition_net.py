"""RecognitionNet: kernels, strides and order of its blocks, sizes, the rule, file form, fusing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, fx, nn
from torch.nn import functional

import edge_sdk
from edge_sdk.errors import InputError
from edge_sdk.models import (
    ARCHITECTURES,
    Normalization,
    RecognitionNet,
    RecognitionNetConfig,
    RecognitionSpec,
    load_checkpoint,
    recognition_preset,
    save_checkpoint,
)
from edge_sdk.models.architecture import config_from, plain_config
from edge_sdk.models.recognition_net import LEAST_SCALE, ResidualBlock, keep_scales_positive
from tests.examples import examples
from tests.tolerances import MERGED_NETWORK, MERGED_UNSCALED

CLASSES = ("blurred", "noisy", "sharp")
DEFAULT = RecognitionNetConfig(CLASSES, widths=(8, 12, 16), blocks=(1, 3, 2), first_width=6)
LITERAL = replace(DEFAULT, blocks=(1, 1, 1), mode="literal")
BOTH = pytest.mark.parametrize("config", [DEFAULT, LITERAL], ids=["default", "literal"])


def blocks(network: RecognitionNet) -> Iterator[tuple[int, int, ResidualBlock]]:
    """Stage, place in it, and block."""
    for stage, parts in enumerate(network.stages):
        for place, block in enumerate(parts):
            assert isinstance(block, ResidualBlock)
            yield stage, place, block


def lively(network: nn.Module) -> nn.Module:
    """The network in evaluation mode with statistics, scales and shifts unlike one another."""
    generator = torch.Generator().manual_seed(1)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor, low, high in (
                (part.running_mean, -1, 1),
                (part.running_var, 0.5, 2),
                (part.weight, 0.5, 2),
                (part.bias, -1, 1),
            ):
                assert tensor is not None
                tensor.data.uniform_(low, high, generator=generator)
    return network.eval()


@BOTH
def test_kernels_and_strides_are_those_of_the_named_case(config: RecognitionNetConfig) -> None:
    for _, place, block in blocks(RecognitionNet(config)):
        reduces = config.mode == "literal" or place == 0
        assert [part.kernel_size for part in (block.a, block.b, block.c)] == [
            (1, 1),
            (3, 3),
            (1, 1),
        ]
        strides = [(1, 1), (2, 2) if reduces else (1, 1), (1, 1)]
        assert [part.stride for part in (block.a, block.b, block.c)] == strides
        if reduces:
            assert block.a.kernel_size < block.b.kernel_size
            assert block.a.stride < block.b.stride < block.b.kernel_size


@BOTH
def test_every_block_is_batch_norm_relu_convolution(config: RecognitionNetConfig) -> None:
    network = RecognitionNet(config)
    graph = fx.symbolic_trace(network)
    nodes = {str(node.target): node for node in graph.graph.nodes if node.op == "call_module"}
    for stage, place, block in blocks(network):
        name = f"stages.{stage}.{place}"
        entry = nodes[f"{name}.norm_a"].args[0]
        current = entry
        for letter in "abc":
            relu = nodes[f"{name}.{letter}"].args[0]
            assert relu.target is functional.relu
            assert relu.args[0] is nodes[f"{name}.norm_{letter}"]
            assert relu.args[0].args[0] is current
            current = nodes[f"{name}.{letter}"]
        if place:
            assert isinstance(block.residual, nn.Identity)
            assert nodes[f"{name}.residual"].args[0] is entry
            continue
        # Nothing between BatchNorm and convolution, and a BatchNorm of its own.
        assert isinstance(block.residual, nn.Sequential)
        norm, conv = block.residual
        assert nodes[f"{name}.residual.1"].args[0] is nodes[f"{name}.residual.0"]
        assert nodes[f"{name}.residual.0"].args[0] is entry
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm is not block.norm_a
        assert (conv.kernel_size, conv.stride) == ((1, 1), (2, 2))
    last = nodes["head"].args[0]
    assert last.target == "mean"
    assert last.args[0].target is functional.relu


@BOTH
@given(st.integers(1, 70), st.integers(1, 70))
@examples(8)
def test_a_stage_halves_the_size_rounded_up(
    config: RecognitionNetConfig, height: int, width: int
) -> None:
    network = RecognitionNet(config).eval()
    sizes: list[tuple[int, ...]] = []
    for part in (network.first, *network.stages):
        part.register_forward_hook(lambda _, __, made: sizes.append(tuple(made.shape)))
    with torch.no_grad():
        scores = network(torch.rand(1, 3, height, width))
    widths = (config.first_width, *config.widths)
    reductions = [2 * 2**stage for stage in range(len(widths))]
    assert sizes == [
        (1, channels, math.ceil(height / by), math.ceil(width / by))
        for channels, by in zip(widths, reductions, strict=True)
    ]
    assert scores.shape == (1, len(CLASSES))
    assert config.reduction == reductions[-1]


def test_a_block_is_the_sum_of_its_equation() -> None:
    torch.manual_seed(2)
    network = lively(RecognitionNet(DEFAULT))
    for _, place, block in blocks(network):
        x = torch.randn(2, block.norm_a.num_features, 9, 7)

        def normed(norm: nn.BatchNorm2d, value: Tensor) -> Tensor:
            mean, variance = norm.running_mean, norm.running_var
            assert mean is not None
            assert variance is not None
            shape = (1, -1, 1, 1)
            scaled = (value - mean.reshape(shape)) / (variance.reshape(shape) + norm.eps).sqrt()
            return scaled * norm.weight.reshape(shape) + norm.bias.reshape(shape)

        expected = x
        for norm, conv in (
            (block.norm_a, block.a),
            (block.norm_b, block.b),
            (block.norm_c, block.c),
        ):
            expected = conv(normed(norm, expected).clamp(min=0))
        beside = x
        if place == 0:
            assert isinstance(block.residual, nn.Sequential)
            norm, conv = block.residual
            assert isinstance(norm, nn.BatchNorm2d)
            beside = conv(normed(norm, x))
        torch.testing.assert_close(block(x), expected + beside, **MERGED_NETWORK)


@pytest.mark.parametrize(
    ("kernels", "strides"),
    [
        ((1, 3, 1), (1, 3, 1)),
        ((1, 3, 1), (1, 4, 1)),
        ((1, 3, 1), (1, 1, 1)),
        ((1, 3, 1), (2, 2, 1)),
        ((1, 5, 1), (1, 5, 1)),
        ((3, 5, 1), (3, 2, 1)),
        ((3, 3, 1), (1, 2, 1)),
        ((5, 3, 1), (1, 2, 1)),
    ],
)
@pytest.mark.parametrize("mode", ["default", "literal"])
def test_blocks_that_break_the_rule_are_refused(
    kernels: tuple[int, int, int], strides: tuple[int, int, int], mode: Any
) -> None:
    with pytest.raises(InputError, match="rule of claim 1"):
        replace(LITERAL, kernels=kernels, strides=strides, mode=mode)


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_a_larger_kernel_leaves_more_strides(stride: int) -> None:
    config = replace(DEFAULT, kernels=(1, 5, 1), strides=(1, stride, 1), widths=(8,), blocks=(2,))
    network = RecognitionNet(config).eval()
    assert network.stages[0](torch.rand(1, 6, 25, 13)).shape == (
        *(1, 8, math.ceil(25 / stride), math.ceil(13 / stride)),
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": ("cat",)}, "one class alone"),
        ({"classes": ("cat", "cat")}, "must differ"),
        ({"classes": ("cat", " ")}, "have a letter"),
        ({"blocks": (1, 2)}, "for every stage"),
        ({"widths": (), "blocks": ()}, "for every stage"),
        ({"widths": (8, 12, 0)}, "1 or more"),
        ({"widths": (2, 12, 16)}, "leaves A no channel"),
        ({"bottleneck": 0}, "bottleneck must be 1 or more"),
        ({"kernels": (1, 4, 1)}, "must be odd"),
        ({"mode": "other"}, "default or literal"),
        ({"mode": "literal"}, "a stage has one"),
        ({"mean": (0.5,)}, "give one of each"),
        ({"mean": (0.5, 0.5), "std": (1.0, 1.0)}, "not 3"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as refused:
        replace(DEFAULT, **changes)
    assert "\n" not in str(refused.value)


@BOTH
def test_the_file_form_gives_the_same_network(config: RecognitionNetConfig, tmp_path: Path) -> None:
    config = replace(config, mean=(0.5,), std=(0.25,))
    network = lively(RecognitionNet(config))
    save_checkpoint(network, tmp_path / "model.safetensors")
    read = load_checkpoint(tmp_path / "model.safetensors").model
    x = torch.rand(2, 3, 20, 31)
    assert torch.equal(read(x), network(x))
    assert read.config == config == config_from(plain_config(config))
    assert ARCHITECTURES.find("recognition_net").network is type(read)
    assert read.spec == RecognitionSpec(
        "recognition_net", CLASSES, 224, Normalization((0.5,), (0.25,)), 3
    )


def test_presets_have_the_sizes_that_they_promise() -> None:
    sizes = {
        name: sum(weight.numel() for weight in network.parameters())
        for name in ("tiny", "quality")
        for network in (RecognitionNet(recognition_preset(name, CLASSES)),)
    }
    assert sizes["tiny"] < 12_000
    assert 200_000 < sizes["quality"] < 500_000
    with pytest.raises(InputError, match="unknown preset 'huge'; choose one of: tiny, quality"):
        recognition_preset("huge", CLASSES)


def test_scales_are_raised_to_the_least_and_others_stay() -> None:
    network = lively(RecognitionNet(DEFAULT))
    norm = network.norm
    assert isinstance(norm, nn.BatchNorm2d)
    before = norm.weight.detach().clone()
    norm.weight.data[:2] = torch.tensor([-3.0, 0.0])
    keep_scales_positive(network)
    assert norm.weight[:2].tolist() == pytest.approx([LEAST_SCALE] * 2)
    assert torch.equal(norm.weight[2:], before[2:])


@BOTH
def test_fusing_leaves_no_batch_norm(config: RecognitionNetConfig) -> None:
    network = lively(RecognitionNet(config))
    x = torch.rand(1, 3, 33, 26)
    fused, certificate = edge_sdk.fuse(network, x)
    assert not [name for name, part in fused.named_modules() if isinstance(part, nn.BatchNorm2d)]
    torch.testing.assert_close(fused(x), network(x), **MERGED_UNSCALED)
    # Both in float64, merged there too.
    assert certificate.error_float64 <= 1e-12

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam import (
    BranchConfig,
    ConvBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    five_branches,
    sesr_branches,
)

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}

places = st.sampled_from(["none", "each", "last"])


@st.composite
def conv_branches(draw: st.DrawFn) -> ConvBranchConfig:
    kernels = draw(st.lists(st.sampled_from([1, 3, 5]), min_size=1, max_size=3))
    widths = draw(st.lists(st.integers(1, 5), min_size=len(kernels) - 1, max_size=len(kernels) - 1))
    return ConvBranchConfig(tuple(kernels), tuple(widths), draw(places))


@st.composite
def blocks(draw: st.DrawFn) -> MultiBranchConv2d:
    before, after = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    branch: st.SearchStrategy[BranchConfig] = conv_branches()
    if before == after:
        branch |= st.builds(IdentityBranchConfig, places)
    configs = [draw(conv_branches()), *draw(st.lists(branch, min_size=1, max_size=4))]
    configs = draw(st.permutations(configs))
    torch.manual_seed(draw(st.integers(0, 2**31)))
    return trained_looking(MultiBranchConv2d(before, after, configs))


def trained_looking(block: MultiBranchConv2d) -> MultiBranchConv2d:
    for part in block.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.normal_()
            part.running_var.uniform_(0.05, 4)
            nn.init.normal_(part.weight, 1, 0.5)
            nn.init.normal_(part.bias)
    return block.eval()


@torch.no_grad()
def summed_rms(block: MultiBranchConv2d, x: Tensor) -> float:
    # Branches may cancel each other: rounding is relative to what is added up.
    padded = nn.functional.pad(x, (block.size // 2,) * 4)
    return sum(float(branch(padded).square().mean().sqrt()) for branch in block.branches) + 1e-30


@settings(max_examples=80)
@given(blocks(), st.integers(1, 12), st.integers(1, 12), st.sampled_from(list(TOLERANCE)))
@torch.no_grad()
def test_fused_equals_branches_on_every_pixel(block, height, width, dtype) -> None:
    block = block.to(dtype)
    x = torch.randn(2, block.in_channels, height, width, dtype=dtype)
    expected, actual = block(x), block.fused()(x)
    assert actual.shape == expected.shape == (2, block.out_channels, height, width)
    error = float((actual - expected).abs().max())
    assert error <= TOLERANCE[dtype] * summed_rms(block, x)


@settings(max_examples=30)
@given(blocks())
def test_collapsed_output_and_gradients_are_those_of_the_branches(block) -> None:
    block = block.double()
    x = torch.randn(2, block.in_channels, 7, 8, dtype=torch.float64)
    weight = torch.randn(2, block.out_channels, 7, 8, dtype=torch.float64)
    results = []
    for collapsed in (False, True):
        block.collapsed = collapsed
        probe = x.clone().requires_grad_()
        output = block(probe)
        inputs = [probe, *block.parameters()]
        results.append((output, *torch.autograd.grad((output * weight).sum(), inputs)))
    for expected, actual in zip(*results, strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("preset", [sesr_branches, five_branches])
def test_presets_merge_into_3x3(preset) -> None:
    block = MultiBranchConv2d(3, 3, preset(7)).eval()
    conv = block.fused()
    assert conv.kernel_size == (3, 3)
    assert conv.padding == (1, 1)
    assert sum(parameter.numel() for parameter in conv.parameters()) == 3 * 3 * 9 + 3


def test_collapsed_runs_the_branches_while_statistics_are_gathered() -> None:
    block = MultiBranchConv2d(2, 2, five_branches(4), collapsed=True).train()
    x = torch.randn(4, 2, 8, 8) + 3
    bn = next(part for part in block.modules() if isinstance(part, nn.BatchNorm2d))
    before = bn.running_mean.clone()
    training = block(x)
    assert not torch.equal(bn.running_mean, before)
    block.collapsed = False
    torch.testing.assert_close(training, block(x))
    with pytest.raises(FusionError, match="call eval"):
        block.fused()


def test_fusing_leaves_the_block_as_it_was() -> None:
    block = trained_looking(MultiBranchConv2d(3, 3, five_branches(5), collapsed=True))
    before = {name: tensor.clone() for name, tensor in block.state_dict().items()}
    conv = block.fused()
    assert not conv.training
    assert conv.weight.dtype == torch.float32
    assert conv.weight.is_leaf
    assert conv.weight.requires_grad
    assert all(torch.equal(before[name], tensor) for name, tensor in block.state_dict().items())


def test_an_identity_with_batch_norm_is_enough() -> None:
    configs = (IdentityBranchConfig("last"), IdentityBranchConfig())
    block = trained_looking(MultiBranchConv2d(2, 2, configs))
    x = torch.randn(1, 2, 3, 4)
    torch.testing.assert_close(block.fused()(x), block(x))


@pytest.mark.parametrize(
    ("channels", "configs", "message"),
    [
        ((2, 2), (), "not 0"),
        ((2, 2), (ConvBranchConfig((3,)),), "not 1"),
        ((2, 3), sesr_branches(4), "2 channels into 3"),
        ((2, 2), (IdentityBranchConfig(), IdentityBranchConfig()), "add a convolution"),
        ((0, 2), (ConvBranchConfig((3,)),) * 2, "one or more"),
        ((2, -1), (ConvBranchConfig((3,)),) * 2, "one or more"),
    ],
)
def test_blocks_that_cannot_be_are_refused(channels, configs, message) -> None:
    with pytest.raises(InputError, match=message):
        MultiBranchConv2d(*channels, configs)


@pytest.mark.parametrize(
    "arguments",
    [((),), ((2,),), ((0,),), ((-1,),), ((3, 1),), ((3, 1), (0,)), ((3,), (4,)), ((3,), (), "bn")],
)
def test_branches_that_cannot_be_are_refused(arguments) -> None:
    with pytest.raises(InputError):
        ConvBranchConfig(*arguments)


def test_a_misspelt_batch_norm_is_refused() -> None:
    with pytest.raises(InputError, match="'after' is unknown; choose one of: none, each, last"):
        IdentityBranchConfig("after")

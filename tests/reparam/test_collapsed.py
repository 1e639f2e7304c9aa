from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import fx, nn

from edge_sdk.int8 import fake_quantize, step_sizes
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.reparam import (
    BranchConfig,
    ConvBranchConfig,
    FixedBranchConfig,
    IdentityBranchConfig,
    MultiBranchConv2d,
    PoolBranchConfig,
    five_branches,
    fuse,
    preset,
    sesr_branches,
)
from edge_sdk.reparam.blocks.collapse import freeze_batch_norm, thaw_batch_norm
from edge_sdk.reparam.blocks.configs import BatchNormPlace, FixedFilter
from tests.examples import examples
from tests.reparam.random_blocks import blocks, trained_looking
from tests.tolerances import WHOLE_NUMBERS

PLACES: tuple[BatchNormPlace, ...] = ("none", "each", "last", "between")
FILTERS: tuple[FixedFilter, ...] = ("sobel_x", "sobel_y", "laplacian")
EVERY_BRANCH: tuple[BranchConfig, ...] = (
    *(ConvBranchConfig((1, 3), (5,), place) for place in PLACES),
    *(ConvBranchConfig(((2, 5), (4, 1), 3), (5, 2), place) for place in PLACES),
    *(PoolBranchConfig((3, 2), place) for place in PLACES),
    *(FixedBranchConfig(name) for name in FILTERS),
    *(IdentityBranchConfig(place) for place in PLACES),
)


def check_gradients(block: MultiBranchConv2d) -> None:
    """Output and gradients for input and all parameters, collapsed and branch by branch.

    Errors are relative to the largest value of each tensor.
    """
    block = block.double()
    x = torch.randn(2, block.in_channels, 7, 8, dtype=torch.float64)
    weight = torch.randn(2, block.out_channels, 7, 8, dtype=torch.float64)
    assert not block.gathers_statistics
    results = []
    for collapsed in (False, True):
        block.collapsed = collapsed
        probe = x.clone().requires_grad_()
        output = block(probe)
        inputs = [probe, *block.parameters()]
        results.append((output, *torch.autograd.grad((output * weight).sum(), inputs)))
    for expected, actual in zip(*results, strict=True):
        scale = float(expected.detach().abs().max())
        # A bias before a filter that sums to zero has a gradient of rounding errors alone.
        floor = 1e-12 * float(results[0][0].detach().abs().max()) * weight.numel()
        assert float((actual - expected).detach().abs().max()) <= max(1e-9 * scale, floor)


@pytest.mark.slow
@examples(150)
@given(blocks())
def test_collapsed_output_and_gradients_are_those_of_the_branches(block) -> None:
    check_gradients(block)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("config", EVERY_BRANCH, ids=str)
def test_gradients_of_every_branch_type(config: BranchConfig, norm: bool, frozen: bool) -> None:
    torch.manual_seed(0)
    block = trained_looking(MultiBranchConv2d(3, 3, (config, ConvBranchConfig((3,))), norm=norm))
    if frozen:
        freeze_batch_norm(block.train())
        assert block.training
    check_gradients(block)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", ["figure", "sesr", "ecb", "dbb", "repvgg", "qarepvgg", "acnet"])
def test_gradients_of_every_preset(name: str, frozen: bool) -> None:
    torch.manual_seed(0)
    config = preset(name, 8)
    block = trained_looking(MultiBranchConv2d(4, 4, config.branches, norm=config.norm))
    if frozen:
        freeze_batch_norm(block.train())
    check_gradients(block)


def test_collapsed_runs_the_branches_while_statistics_are_gathered() -> None:
    block = MultiBranchConv2d(2, 2, five_branches(4), collapsed=True).train()
    x = torch.randn(4, 2, 8, 8) + 3
    bn = next(part for part in block.modules() if isinstance(part, nn.BatchNorm2d))
    before = bn.running_mean.clone()
    training = block(x)
    assert not torch.equal(bn.running_mean, before)
    block.collapsed = False
    torch.testing.assert_close(training, block(x))


def test_frozen_statistics_stay_under_train() -> None:
    net = nn.Sequential(MultiBranchConv2d(2, 2, five_branches(4), norm=True), nn.BatchNorm2d(2))
    net.train()(torch.randn(4, 2, 8, 8) + 3)
    assert freeze_batch_norm(net) == 6
    block = net[0]
    assert block.collapsed
    before = {name: value.clone() for name, value in block.named_buffers()}
    net.eval().train()(torch.randn(4, 2, 8, 8)).sum().backward()
    assert block.training
    assert net[1].training
    assert not block.gathers_statistics
    assert all(torch.equal(before[name], value) for name, value in block.named_buffers())
    assert all(parameter.grad is not None for parameter in block.parameters())
    thaw_batch_norm(net)
    assert block.gathers_statistics


def test_a_frozen_block_trains_as_its_branches_would() -> None:
    torch.manual_seed(0)
    block = trained_looking(MultiBranchConv2d(3, 3, five_branches(4))).double().train()
    freeze_batch_norm(block)
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    trained = []
    start = {name: value.clone() for name, value in block.state_dict().items()}
    for collapsed in (True, False):
        block.load_state_dict(start)
        block.collapsed = collapsed
        optimizer = torch.optim.SGD(block.parameters(), lr=1e-3)
        for _ in range(5):
            optimizer.zero_grad()
            block(x).square().mean().backward()
            optimizer.step()
        trained.append([value.clone() for value in block.parameters()])
    for first, second in zip(*trained, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-9, atol=1e-12)


def test_fake_quantized_kernels_lie_on_the_grid_and_gradients_pass() -> None:
    torch.manual_seed(0)
    block = MultiBranchConv2d(3, 3, sesr_branches(4), collapsed=True, fake_quantized=True)
    x = torch.randn(1, 3, 6, 6)
    exact = block.operator()
    rounded = fake_quantize(exact.kernel)
    step = step_sizes(exact.kernel)
    codes = rounded / step
    torch.testing.assert_close(codes, codes.round(), **WHOLE_NUMBERS)
    assert float((codes.detach().abs().amax((1, 2, 3)) - 127).abs().max()) < 1e-3
    assert bool(((rounded - exact.kernel).abs() <= step * 0.501).all())
    torch.testing.assert_close(block(x), nn.functional.conv2d(x, rounded, exact.bias, padding=1))
    assert not torch.equal(block(x), exact(x))
    (gradient,) = torch.autograd.grad(rounded.sum(), exact.kernel)
    torch.testing.assert_close(gradient, torch.ones_like(gradient))
    block.fake_quantized = False
    assert torch.equal(block(x), exact(x))


def test_a_channel_of_zeros_quantizes_to_zeros() -> None:
    kernel = torch.zeros(2, 1, 3, 3)
    kernel[1] = 1
    rounded = fake_quantize(kernel)
    assert torch.equal(rounded[0], kernel[0])
    assert float((rounded[1] - kernel[1]).abs().max()) <= float(step_sizes(kernel)[1]) / 2


@given(st.floats(1e-6, 1e4))
def test_steps_cover_the_kernel_and_are_held_by_half_precision(peak: float) -> None:
    kernel = torch.full((1, 1, 1, 1), peak)
    exact, step = peak / 127, float(step_sizes(kernel))
    assert exact * (1 - 1e-6) <= step <= exact * (1 + 2.0**-9)
    if exact >= 2.0**-14:
        assert float(torch.tensor(step).half()) == step


def test_merging_never_rounds() -> None:
    block = MultiBranchConv2d(3, 3, sesr_branches(4), collapsed=True, fake_quantized=True).eval()
    torch.testing.assert_close(block.fused().weight, block.operator().kernel)


@pytest.mark.parametrize("branches", [five_branches(16), sesr_branches(16)])
def test_a_fused_net_has_the_operators_of_a_plain_one(branches) -> None:
    def operators(net: nn.Module) -> list[tuple[object, ...]]:
        graph = fx.symbolic_trace(net)
        fx.passes.shape_prop.ShapeProp(graph).propagate(example)
        found: list[tuple[object, ...]] = []
        for node in graph.graph.nodes:
            kind = node.target
            if node.op == "call_module":
                layer = graph.get_submodule(str(node.target))
                kind = (type(layer), [tuple(value.shape) for value in layer.state_dict().values()])
            shape = node.meta["tensor_meta"].shape if "tensor_meta" in node.meta else None
            found.append((node.op, str(kind) if node.op != "placeholder" else "x", shape))
        return found

    example = torch.rand(1, 1, 12, 10)
    config = EnhanceNetConfig(widths=(16,) * 5, skips=((0, 4),), branches=branches)
    net = EnhanceNet(config)
    trained_looking(net)
    fused, _ = fuse(net, example)
    assert operators(fused) == operators(EnhanceNet(config.fused()).eval())

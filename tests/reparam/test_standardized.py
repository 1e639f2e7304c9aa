"""A block in coordinates of its own equals its merged convolution, at the border too."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.branch_sum import BranchSum
from edge_sdk.reparam.blocks.configs import BranchConfig, ConvBranchConfig, IdentityBranchConfig
from edge_sdk.reparam.blocks.standardized import Coordinates, StandardizedConv2d
from edge_sdk.reparam.plans.cost import select_by_cost

BRANCHES: dict[str, tuple[int, tuple[BranchConfig, ...]]] = {
    "two": (6, (ConvBranchConfig((3,)), ConvBranchConfig((1,)))),
    "chain": (6, (ConvBranchConfig((3, 1), (9,)), ConvBranchConfig((3,)))),
    "identity": (4, (ConvBranchConfig((5,)), IdentityBranchConfig())),
}


def _block(kind: str, seed: int) -> StandardizedConv2d:
    torch.manual_seed(seed)
    channels, branches = BRANCHES[kind]
    coordinates = Coordinates(torch.randn(4, 3), torch.randn(4), 0.3)
    return StandardizedConv2d(coordinates, channels, branches).double().eval()


@pytest.mark.parametrize("kind", BRANCHES)
def test_branches_kernel_and_convolution_agree(kind: str) -> None:
    block = _block(kind, 1)
    collapsed = deepcopy(block)
    collapsed.collapsed = True
    x = torch.randn(2, 3, 7, 9, dtype=torch.float64)
    expected = block(x)
    assert (collapsed(x) - expected).abs().max() < 1e-12
    assert (block.fused()(x) - expected).abs().max() < 1e-12
    assert (BranchSum(block)(x) - expected).abs().max() < 1e-12
    merged = block.merged([(0,)])
    assert isinstance(merged, StandardizedConv2d)
    assert (merged(x) - expected).abs().max() < 1e-12


def test_what_merging_costs_is_counted_on_its_own_input() -> None:
    block = _block("two", 3)
    picture = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    merged = next(cost for cost in select_by_cost(block) if cost.branches == (0, 1))
    kernel = block.operator().kernel
    step = kernel.abs().amax((1, 2, 3), keepdim=True) / 127
    rounded = block.fused()
    rounded.weight.data = (kernel / step).round() * step
    signal, noise = block.fused(), rounded
    for conv in (signal, noise):
        conv.bias.data.zero_()
    expected = signal(picture)
    ratio = expected.square().sum() / (noise(picture) - expected).square().sum()
    assert merged.sqnr_db == pytest.approx(float(10 * ratio.log10()), abs=1.5)


def test_gradients_are_those_of_the_branches() -> None:
    block = _block("two", 2)
    collapsed = deepcopy(block)
    collapsed.collapsed = True
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    for each in (block, collapsed):
        each(x).square().sum().backward()
    for one, other in zip(block.parameters(), collapsed.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad, rtol=1e-10)


def test_statistics_are_gathered_in_its_coordinates_though_it_is_collapsed() -> None:
    torch.manual_seed(4)
    branches = (ConvBranchConfig((3,), batch_norm="last"), ConvBranchConfig((1,)))
    coordinates = Coordinates(torch.randn(4, 3), torch.randn(4), 0.3)
    block = StandardizedConv2d(coordinates, 6, branches, collapsed=True).double().train()
    x = torch.randn(2, 3, 7, 9, dtype=torch.float64)
    assert block(x).shape == (2, 6, 7, 9)
    block.eval()
    collapsed = block(x)
    block.collapsed = False
    assert (block(x) - collapsed).abs().max() < 1e-12


def test_coordinates_do_not_go_into_files() -> None:
    names = set(_block("two", 3).state_dict())
    assert not names & {"matrix", "shift"}


def test_coordinates_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit; give"):
        Coordinates(torch.eye(3), torch.zeros(2))
    with pytest.raises(InputError, match="a scale of 0"):
        Coordinates(torch.eye(3), torch.zeros(3), 0.0)

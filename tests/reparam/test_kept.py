"""Models that deploy with their branches."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from torch import nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.models import EnhanceNet, EnhanceNetConfig
from edge_sdk.reparam import (
    MultiBranchConv2d,
    five_branches,
    fuse_partially,
    keep_branches,
    parse_plan,
    preset,
)
from edge_sdk.reparam.blocks.branch_sum import BranchSum
from tests.examples import examples
from tests.reparam.random_blocks import blocks, summed_rms, trained_looking

X = torch.rand(1, 1, 16, 12)


@examples(40)
@given(blocks())
@torch.no_grad()
def test_the_sum_of_branches_is_the_block(block) -> None:
    block = block.double()
    x = torch.randn(1, block.in_channels, 9, 8, dtype=torch.float64)
    error = float((BranchSum(block)(x) - block(x)).abs().max())
    assert error <= 1e-12 * summed_rms(block, x) + 1e-15


@pytest.mark.parametrize("name", ["figure", "ecb", "dbb", "qarepvgg"])
@torch.no_grad()
def test_a_network_keeps_its_branches_and_its_place(name: str) -> None:
    config = preset(name, 6)
    network = EnhanceNet(
        EnhanceNetConfig(widths=(4, 4), skips=(), branches=config.branches, norm=config.norm)
    )
    trained_looking(network).train()
    kept, certificate = keep_branches(network, X)
    assert isinstance(kept, EnhanceNet)
    assert kept.spec == network.spec
    assert network.training
    assert not kept.training
    assert not any(isinstance(part, MultiBranchConv2d | nn.BatchNorm2d) for part in kept.modules())
    assert sum(isinstance(part, BranchSum) for part in kept.modules()) == 3
    assert [refusal.reason for refusal in certificate.refusals] == [
        "its branches stay, as requested"
    ] * 3
    assert certificate.error_float64 < 1e-11
    torch.testing.assert_close(kept(X), network.eval()(X), rtol=1e-3, atol=1e-4)


def test_a_partly_merged_network_runs_what_is_left() -> None:
    config = EnhanceNetConfig(widths=(4, 4, 4), skips=(), branches=five_branches(6))
    whole = trained_looking(EnhanceNet(config))
    partly, before = fuse_partially(whole, parse_plan("kernel:3"), X)
    kept, certificate = keep_branches(partly, X)
    sums = [part for part in kept.modules() if isinstance(part, BranchSum)]
    assert [len(part.branches) for part in sums] == [3, 3]
    assert certificate.macs_after == before.macs_after < before.macs_before


def test_what_has_no_branches_or_moves_is_refused() -> None:
    with pytest.raises(InputError, match="no multi-branch block whose branches could stay"):
        keep_branches(EnhanceNet(EnhanceNetConfig(branches=None)), X)
    with pytest.raises(FusionError, match=r"call eval\(\) first"):
        BranchSum(MultiBranchConv2d(2, 2, five_branches(3)).train())

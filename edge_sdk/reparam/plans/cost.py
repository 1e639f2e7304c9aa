"""The branches to merge by what deployment will pay: arithmetic, and precision in int8."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.int8 import rounding_noise
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.branches import Branch
from edge_sdk.reparam.linear.algebra import batch_norm
from edge_sdk.reparam.linear.compact import kernel_macs
from edge_sdk.reparam.linear.operator import LinearOperator, identity
from edge_sdk.reparam.plans.plan import changes

MAX_BRANCHES = 8
"""Largest block whose 2^N subsets are all tried."""

DECIBELS_PER_BIT = 20 * math.log10(2)


@dataclass(frozen=True)
class MergeCost:
    """A set of branches merged into one, and what the block costs then.

    Attributes:
        branches: indices of the merged branches.
        macs: multiply–accumulates of the block per output pixel.
        weight_range: largest |weight| of the merged kernel.
        sqnr_db: expected ratio of signal to int8 weight rounding in the block's output, in dB.
        objective: what :func:`select_by_cost` makes as small as possible.
    """

    branches: tuple[int, ...]
    macs: int
    weight_range: float
    sqnr_db: float
    objective: float


@torch.no_grad()
def select_by_cost(block: MultiBranchConv2d, bit_weight: float = 1.0) -> tuple[MergeCost, ...]:
    """Try every set of branches that merging changes and rank what it costs, the best first.

    The objective is log2(MACs) − bit_weight · SQNR / 6.02 dB: a bit of precision is worth
    ``bit_weight`` doublings of the arithmetic, and 0 counts arithmetic alone. The SQNR is that of
    the block's output for white input when all weights, BatchNorms merged in, are rounded to int8
    per output channel: rounding adds step²/12 to each weight, where the step follows from the
    range of the kernel (:mod:`edge_sdk.int8`), and what comes out of a convolution in a
    chain passes through the ones behind it. A branch with an outlier raises the step of all
    weights it is merged with; a small one loses nothing.

    Args:
        block: block of at most 8 branches; running statistics are used; it is left untouched.
        bit_weight: 0 or more.

    Returns:
        All candidates by ascending objective; fewer MACs, then more branches, break ties. A set of
        one is a candidate where the branch is not a single convolution already.

    Raises:
        InputError: for more than 8 branches, or a negative or infinite ``bit_weight``.

    Example:
        >>> from edge_sdk.reparam import MultiBranchConv2d, five_branches, select_by_cost
        >>> block = MultiBranchConv2d(4, 4, five_branches(8)).eval()
        >>> best = select_by_cost(block, bit_weight=0)[0]
        >>> best.branches
        (0, 1, 2, 3, 4)
    """
    count = len(block.branches)
    if count > MAX_BRANCHES:
        raise InputError(
            f"{count} branches have too many subsets to try; select by a rule, or give a block of "
            f"at most {MAX_BRANCHES}"
        )
    if not 0 <= bit_weight < math.inf:
        raise InputError(f"bit_weight {bit_weight} must be a number of 0 or more")
    exact = deepcopy(block).double().eval()
    candidates = [
        _cost(exact, chosen, bit_weight)
        for size in range(1, count + 1)
        for chosen in combinations(range(count), size)
        if changes(chosen, block.configs)
    ]
    return tuple(
        sorted(candidates, key=lambda cost: (cost.objective, cost.macs, -len(cost.branches)))
    )


def _cost(block: MultiBranchConv2d, chosen: tuple[int, ...], bit_weight: float) -> MergeCost:
    merged = block.sum_of(chosen)
    chains: list[tuple[LinearOperator, ...]] = [block.on_input((merged,))]
    like = merged.bias
    for index, branch in enumerate(block.branches):
        assert isinstance(branch, Branch)
        if index not in chosen:
            chains.append(block.on_input(branch.operators(like)))
    macs = sum(kernel_macs(step) for chain in chains for step in chain)
    scale = torch.ones_like(like)
    if block.norm is not None:
        scale = batch_norm(identity(block.out_channels, like), block.norm).kernel.sum((1, 2, 3))
    noise = torch.zeros_like(like)
    for chain in chains:
        noise = noise + _noise_power(chain)
    signal = block.operator().kernel.square().sum()
    ratio = float(signal / (noise * scale.square()).sum().clamp_min(1e-300))
    sqnr_db = 10 * math.log10(max(ratio, 1e-300))
    objective = math.log2(max(macs, 1)) - bit_weight * sqnr_db / DECIBELS_PER_BIT
    return MergeCost(chosen, macs, float(merged.kernel.abs().max()), sqnr_db, objective)


def _noise_power(chain: tuple[LinearOperator, ...]) -> Tensor | float:
    """Noise variance [out] behind a chain of rounded kernels, for white input of variance 1."""
    noise: Tensor | None = None
    signal: Tensor | None = None
    for step in chain:
        power = step.kernel.square().sum((2, 3))
        taps = (step.kernel != 0).sum((2, 3)).to(power)
        before = power.new_ones(step.in_channels) if signal is None else signal
        own = rounding_noise(step.kernel) * (taps @ before)
        noise = own if noise is None else own + power @ noise
        signal = power @ before
    return 0.0 if noise is None else noise

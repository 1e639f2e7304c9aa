"""Partial fusion: some branches of a block, or of every block of a model, become one each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.reparam.findings import Refusal, Region
from edge_sdk.reparam.graph.fusion import copy_of
from edge_sdk.reparam.graph.preparation import (
    checked_copy,
    checked_inputs,
    preserved_state,
    with_branches,
)
from edge_sdk.reparam.graph.replacement import names_of_blocks, replaced, unmergeable_blocks
from edge_sdk.reparam.plans.cost import select_by_cost
from edge_sdk.reparam.plans.plan import COST, FusionPlan, groups_at
from edge_sdk.reparam.proof.certificate import Certificate, certify
from edge_sdk.reparam.proof.comparison import Inputs, check_runs, compare, in_dtype

Groups = tuple[tuple[int, ...], ...]


def merge_branches(
    block: MultiBranchConv2d, groups: Sequence[Sequence[int]]
) -> MultiBranchConv2d | nn.Conv2d:
    """Merge groups of branches of a block, exactly (specification 1, "Which branches merge").

    Args:
        block: block whose BatchNorms are in evaluation mode; it is left untouched.
        groups: indices of branches, two or more in each group, no branch in two groups.

    Returns:
        A new block in which each group is one convolution, at the place of its first branch; a
        plain convolution if that leaves one branch.

    Raises:
        InputError: if there is no group, one has fewer than two branches, or an index is unknown
            or given twice.
        FusionError: if a BatchNorm of the block is in training mode.

    Example:
        >>> from edge_sdk.reparam import MultiBranchConv2d, five_branches, merge_branches
        >>> block = MultiBranchConv2d(8, 8, five_branches(16)).eval()
        >>> merged = merge_branches(block, [(2, 3, 4)])
        >>> len(merged.configs)
        3
    """
    count = len(block.branches)
    members = [index for group in groups for index in group]
    if not groups or any(len(group) < 2 for group in groups):
        raise InputError(
            f"groups {_listed(groups)} merge nothing; give at least one group of two branches"
        )
    if len(set(members)) < len(members) or not set(members) <= set(range(count)):
        raise InputError(
            f"groups {_listed(groups)} must name different branches of 0 … {count - 1}"
        )
    if len(groups) == 1 and len(members) == count:
        return block.fused()
    return block.merged(groups)


def fuse_partially(
    model: nn.Module, plan: FusionPlan, example: Tensor, seed: int = 0
) -> tuple[nn.Module, Certificate]:
    """Return a copy of ``model`` with the branches merged that ``plan`` chooses, proved equal.

    Original and copy are compared on impulse, border, constant and random inputs in float64 and
    float32, with the tolerances of full fusion.

    Args:
        model: float32 module on the CPU with multi-branch blocks, from one tensor to one tensor; it
            is left untouched, training mode included.
        plan: what merges where.
        example: float tensor of the model's input shape, N×C×H×W.
        seed: seed of the random probes.

    Returns:
        The copy in evaluation mode, and the certificate: a region per merged group, and a refusal
        with its reason per block that the plan, or a hook, leaves as it is.

    Raises:
        InputError: if the model has no multi-branch block, is not float32 or not on the CPU, does
            not take ``example``, or the plan merges nothing in any block.
        FusionError: if the two models differ by more than the tolerances, or the model calls a
            block that is no submodule.

    Example:
        >>> import torch
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig
        >>> from edge_sdk.reparam import five_branches, fuse_partially, parse_plan
        >>> network = EnhanceNet(EnhanceNetConfig(widths=(8,), branches=five_branches(8), skips=()))
        >>> luma = torch.rand(1, 1, 16, 16)
        >>> partly, certificate = fuse_partially(network, parse_plan("uniform:2"), luma)
        >>> [region.branches for region in certificate.regions]
        [2, 2]
    """
    if not isinstance(example, Tensor):
        raise InputError(f"the example must be one tensor, not a {type(example).__name__}")
    with preserved_state():
        return _fuse_partially(model, plan, checked_inputs(example), seed)


def _fuse_partially(
    model: nn.Module, plan: FusionPlan, given: Inputs, seed: int
) -> tuple[nn.Module, Certificate]:
    inputs = in_dtype(given, torch.float32)
    original = checked_copy(model)
    blocks = multi_branch_blocks(original)
    if not blocks:
        raise InputError(f"the {type(model).__name__} has no multi-branch block to merge")
    before = with_branches(original)
    check_runs(before, inputs)
    unmergeable = unmergeable_blocks(original, inputs)
    chosen, reasons = _planned(plan, blocks, unmergeable)
    if not chosen:
        raise InputError(f"the plan merges nothing in any of {len(blocks)} blocks: {reasons[0]}")
    result = _merged(original, chosen, inputs)
    after = with_branches(result)
    # In float64 the branches are merged again, so that rounding to float32 has no part in it.
    exact: nn.Module = copy_of(before).double()
    pairs = (
        (torch.float64, exact, _merged(exact, chosen, in_dtype(inputs, torch.float64))),
        (torch.float32, before, after),
    )
    evidence = compare(pairs, inputs, seed, None)
    places = list(names_of_blocks(original).values())
    regions = tuple(
        _region(places[position], blocks[position], group)
        for position, groups in chosen.items()
        for group in groups
    )
    refusals = tuple(Refusal(places[at] or "(model)", reason) for at, reason in reasons.items())
    certificate = certify(evidence, before, after, inputs, regions, refusals)
    return result, certificate


def _planned(
    plan: FusionPlan,
    blocks: Sequence[MultiBranchConv2d],
    unmergeable: Mapping[MultiBranchConv2d, str],
) -> tuple[dict[int, Groups], dict[int, str]]:
    chosen: dict[int, Groups] = {}
    reasons: dict[int, str] = {}
    for index, block in enumerate(blocks):
        if block in unmergeable:
            reasons[index] = unmergeable[block]
            continue
        try:
            if plan.rule.kind == COST and isinstance(plan.rule.value, int | float):
                chosen[index] = (select_by_cost(block, plan.rule.value)[0].branches,)
            else:
                chosen[index] = groups_at(plan, index + 1, block.configs)
        except InputError as error:
            reasons[index] = str(error)
    return chosen, reasons


def _merged(model: nn.Module, chosen: dict[int, Groups], inputs: Inputs) -> nn.Module:
    blocks = multi_branch_blocks(model)
    merged = {
        blocks[index]: merge_branches(blocks[index], groups) for index, groups in chosen.items()
    }
    return replaced(model, merged, inputs)


def _region(place: str, block: MultiBranchConv2d, group: tuple[int, ...]) -> Region:
    prefix = f"{place}." if place else ""
    members = tuple(f"{prefix}branches.{index}" for index in group)
    kernel = block.sum_of(group).kernel.shape
    return Region(place, len(group), (int(kernel[2]), int(kernel[3])), members)


def _listed(groups: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(group) for group in groups]

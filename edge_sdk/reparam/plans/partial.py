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
from edge_sdk.reparam.plans.plan import COST, FusionPlan, changes, groups_at
from edge_sdk.reparam.proof.certificate import Certificate, certify
from edge_sdk.reparam.proof.comparison import Inputs, check_runs, compare, in_dtype

Groups = tuple[tuple[int, ...], ...]


def merge_branches(
    block: MultiBranchConv2d, groups: Sequence[Sequence[int]]
) -> MultiBranchConv2d | nn.Conv2d:
    """Merge groups of branches of a block, exactly (specification 1, "Which branches merge").

    Args:
        block: block whose BatchNorms are in evaluation mode; it is left untouched.
        groups: indices of branches, one or more in each group, no branch in two groups.

    Returns:
        A new block in which each group is one convolution, at the place of its first branch; a
        plain convolution if that leaves one branch.

    Raises:
        InputError: if there is no group, one is empty or a branch that is one convolution already,
            or an index is unknown or given twice.
        FusionError: if a BatchNorm of the block is in training mode.

    Example:
        >>> from edge_sdk.reparam import MultiBranchConv2d, five_branches, merge_branches
        >>> block = MultiBranchConv2d(8, 8, five_branches(16)).eval()
        >>> merged = merge_branches(block, [(2, 3, 4)])
        >>> len(merged.configs)
        3
        >>> merge_branches(block, [(0,)]).configs[0].kernels  # BatchNorms and two kernels before
        ((3, 3),)
    """
    count = len(block.branches)
    members = [index for group in groups for index in group]
    if not groups or not all(groups):
        raise InputError(
            f"groups {_listed(groups)} merge nothing; give at least one group, and none empty"
        )
    if len(set(members)) < len(members) or not set(members) <= set(range(count)):
        raise InputError(
            f"groups {_listed(groups)} must name different branches of 0 … {count - 1}"
        )
    idle = next((group for group in groups if not changes(group, block.configs)), None)
    if idle is not None:
        raise InputError(
            f"groups {_listed(groups)}: branch {idle[0]} is one convolution already, so that "
            "nothing would change; add a branch to merge with it, or leave it out"
        )
    if len(groups) == 1 and len(members) == count:
        return block.fused()
    return block.merged(groups)


def fuse_partially(
    model: nn.Module, plan: FusionPlan, example: Tensor, seed: int = 0
) -> tuple[nn.Module, Certificate]:
    """Return a copy of ``model`` with the branches merged that ``plan`` chooses, proved equal.

    A model, or a part of it, may name its first and last convolution by an attribute ``ends``, a
    tuple of modules, as an EnhanceNet does: blocks there are no modules of the plan. They become
    plain convolutions, and positions count the other blocks alone.

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
        InputError: if the model has no multi-branch block besides its ends, is not float32 or not
            on the CPU, does not take ``example``, or the plan changes nothing in any block.
        FusionError: if the two models differ by more than the tolerances, or the model calls a
            block that is no submodule.

    Example:
        >>> import torch
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig
        >>> from edge_sdk.reparam import five_branches, fuse_partially, parse_plan
        >>> config = EnhanceNetConfig(widths=(8, 8), branches=five_branches(8), skips=())
        >>> luma = torch.rand(1, 1, 16, 16)
        >>> partly, certificate = fuse_partially(EnhanceNet(config), parse_plan("uniform:2"), luma)
        >>> [region.branches for region in certificate.regions]  # conv1, the module, conv2
        [5, 2, 5]
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
    ends = _blocks_at_ends(original).intersection(blocks)
    modules = [block for block in blocks if block not in ends]
    if not modules:
        besides = " besides its ends, which no plan concerns" if blocks else ""
        raise InputError(f"the {type(model).__name__} has no multi-branch block to merge{besides}")
    before = with_branches(original)
    check_runs(before, inputs)
    unmergeable = unmergeable_blocks(original, inputs)
    chosen, reasons = _planned(plan, modules, unmergeable)
    if not chosen:
        reason = next(iter(reasons.values()))
        where = "the block" if len(modules) == 1 else f"any of {len(modules)} blocks"
        between = " between the ends" if ends else ""
        raise InputError(f"the plan merges nothing in {where}{between}: {reason}")
    for block in ends:
        if block in unmergeable:
            reasons[block] = unmergeable[block]
        else:
            chosen[block] = (tuple(range(len(block.branches))),)
    chosen = {block: chosen[block] for block in blocks if block in chosen}
    by_position = {blocks.index(block): groups for block, groups in chosen.items()}
    result = _merged(original, by_position, inputs)
    after = with_branches(result)
    # In float64 the branches are merged again, so that rounding to float32 has no part in it.
    exact: nn.Module = copy_of(before).double()
    pairs = (
        (torch.float64, exact, _merged(exact, by_position, in_dtype(inputs, torch.float64))),
        (torch.float32, before, after),
    )
    evidence = compare(pairs, inputs, seed, None)
    names = names_of_blocks(original)
    regions = tuple(
        _region(names[block], block, group) for block, groups in chosen.items() for group in groups
    )
    refusals = tuple(
        Refusal(names[block] or "(model)", reasons[block]) for block in blocks if block in reasons
    )
    certificate = certify(evidence, before, after, inputs, regions, refusals)
    return result, certificate


def _blocks_at_ends(model: nn.Module) -> set[MultiBranchConv2d]:
    """Blocks in what the model and its parts name as their ends; other attributes are no ends."""
    found: set[MultiBranchConv2d] = set()
    for part in model.modules():
        ends = getattr(part, "ends", ())
        if isinstance(ends, tuple) and all(isinstance(end, nn.Module) for end in ends):
            found.update(block for end in ends for block in multi_branch_blocks(end))
    return found


def _planned(
    plan: FusionPlan,
    blocks: Sequence[MultiBranchConv2d],
    unmergeable: Mapping[MultiBranchConv2d, str],
) -> tuple[dict[MultiBranchConv2d, Groups], dict[MultiBranchConv2d, str]]:
    chosen: dict[MultiBranchConv2d, Groups] = {}
    reasons: dict[MultiBranchConv2d, str] = {}
    for position, block in enumerate(blocks, 1):
        if block in unmergeable:
            reasons[block] = unmergeable[block]
            continue
        try:
            if plan.rule.kind == COST and isinstance(plan.rule.value, int | float):
                chosen[block] = (select_by_cost(block, plan.rule.value)[0].branches,)
            else:
                chosen[block] = groups_at(plan, position, block.configs)
        except InputError as error:
            reasons[block] = str(error)
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

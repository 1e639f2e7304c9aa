"""A model whose branches stay: merged in part or not at all, it deploys as it is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.branch_sum import BranchSum
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.reparam.findings import Refusal
from edge_sdk.reparam.graph.fusion import copy_of
from edge_sdk.reparam.graph.preparation import (
    checked_copy,
    checked_inputs,
    preserved_state,
    with_branches,
)
from edge_sdk.reparam.graph.replacement import names_of_blocks, replaced, unmergeable_blocks
from edge_sdk.reparam.proof.certificate import Certificate, certify
from edge_sdk.reparam.proof.comparison import Inputs, check_runs, compare, in_dtype

KEPT = "its branches stay, as requested"
NO_BRANCHES = (
    "{} has no multi-branch block whose branches could stay; it is plain already, so use it "
    "without keeping branches"
)


def keep_branches(
    model: nn.Module, example: Tensor | Sequence[Tensor], seed: int = 0
) -> tuple[nn.Module, Certificate]:
    """Return a copy of ``model`` in which every block runs its branches, proved equal.

    Nothing merges but BatchNorms, into the convolution before them: this is how a partly merged
    model deploys (specification 1, "The image model"). A collapsed block would compose its kernel
    on every run.

    Args:
        model: float32 module on the CPU with multi-branch blocks; it is left untouched.
        example: float tensor of the model's input shape, or one for each argument.
        seed: seed of the random probes.

    Returns:
        The copy in evaluation mode, and the certificate, with a refusal per block.

    Raises:
        InputError: if the model has no multi-branch block, is not float32 or not on the CPU, or
            does not take ``example``.
        FusionError: if the two models differ by more than the tolerances of full fusion.

    Example:
        >>> import torch
        >>> from edge_sdk import load_model
        >>> from edge_sdk.reparam import keep_branches
        >>> kept, certificate = keep_branches(load_model("sr_x2_y"), torch.rand(1, 1, 16, 16))
        >>> certificate.macs_after == certificate.macs_before, len(certificate.regions)
        (True, 0)
    """
    with preserved_state():
        return _keep(model, checked_inputs(example), seed)


def _keep(model: nn.Module, given: Inputs, seed: int) -> tuple[nn.Module, Certificate]:
    inputs = in_dtype(given, torch.float32)
    original = with_branches(checked_copy(model))
    if not multi_branch_blocks(original):
        raise InputError(NO_BRANCHES.format(f"the {type(model).__name__}"))
    check_runs(original, inputs)
    names = names_of_blocks(original)
    kept = _with_sums(original, inputs)
    exact: nn.Module = copy_of(original).double()
    pairs = (
        (torch.float64, exact, _with_sums(exact, in_dtype(inputs, torch.float64))),
        (torch.float32, original, kept),
    )
    resting = unmergeable_blocks(original, inputs)
    refusals = tuple(
        Refusal(name or "(model)", resting.get(block, KEPT)) for block, name in names.items()
    )
    return kept, certify(compare(pairs, inputs, seed, None), original, kept, inputs, (), refusals)


def _with_sums(model: nn.Module, inputs: Inputs) -> nn.Module:
    resting = unmergeable_blocks(model, inputs)
    sums = {block: BranchSum(block) for block in names_of_blocks(model) if block not in resting}
    return replaced(model, sums, inputs)

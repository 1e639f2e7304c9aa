"""Collapsed training in two phases: statistics first, then frozen BatchNorms and one kernel.

While the BatchNorms of a block gather statistics, its branches must run. Once they are frozen, the
merged kernel gives the same outputs and gradients, so training goes on at about the cost of the
plain network; frozen statistics are also what super-resolution wants (RepSR, Wang et al., 2022).
"""

from __future__ import annotations

from torch import nn

from edge_sdk.reparam.blocks.block import MultiBranchConv2d


def freeze_batch_norm(model: nn.Module) -> int:
    """End the statistics phase of all multi-branch blocks of a model, in place.

    Their BatchNorms use the running statistics from now on, in training mode too, and the blocks
    run collapsed. Scale and shift of the BatchNorms go on learning.

    Args:
        model: a model with multi-branch blocks; other layers are not changed.

    Returns:
        Number of BatchNorms frozen.

    Example:
        >>> from edge_sdk.reparam import MultiBranchConv2d, five_branches, freeze_batch_norm
        >>> block = MultiBranchConv2d(8, 8, five_branches(16)).train()
        >>> freeze_batch_norm(block), block.collapsed
        (5, True)
    """
    count = 0
    for block in multi_branch_blocks(model):
        block.statistics_frozen = True
        block.collapsed = True
        block.train(block.training)
        count += sum(isinstance(part, nn.BatchNorm2d) for part in block.modules())
    return count


def thaw_batch_norm(model: nn.Module) -> None:
    """Take :func:`freeze_batch_norm` back: BatchNorms follow ``train()`` and ``eval()`` again.

    The frozen blocks run their branches again, those that were collapsed before freezing too.

    Example:
        >>> from edge_sdk.reparam import MultiBranchConv2d, five_branches
        >>> from edge_sdk.reparam import freeze_batch_norm, thaw_batch_norm
        >>> block = MultiBranchConv2d(8, 8, five_branches(16)).train()
        >>> count = freeze_batch_norm(block)
        >>> thaw_batch_norm(block)
        >>> block.collapsed
        False
    """
    for block in multi_branch_blocks(model):
        if block.statistics_frozen:
            block.collapsed = False
        block.statistics_frozen = False
        block.train(block.training)


def multi_branch_blocks(model: nn.Module) -> list[MultiBranchConv2d]:
    """The multi-branch blocks of a model in the order of its modules, each once."""
    return [module for module in model.modules() if isinstance(module, MultiBranchConv2d)]

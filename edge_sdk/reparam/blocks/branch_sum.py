"""BranchSum: a multi-branch block as it deploys when its branches stay."""

from __future__ import annotations

from copy import deepcopy

from torch import Tensor, nn

from edge_sdk.errors import FusionError
from edge_sdk.exported import sum_tensors
from edge_sdk.reparam.blocks.block import MultiBranchConv2d, same_padding
from edge_sdk.reparam.blocks.branches import Branch
from edge_sdk.reparam.linear.algebra import batch_norm, pad_first
from edge_sdk.reparam.linear.compact import conv_layer
from edge_sdk.reparam.linear.operator import identity


class BranchSum(nn.Module):
    """The branches of a block side by side, each step one convolution, and their sum.

    BatchNorms are part of the convolution before them; the first step of a branch pads for all of
    it, so that the output equals the block's on every pixel.

    Args:
        block: block in evaluation mode; it is left untouched.

    Raises:
        FusionError: if a BatchNorm of the block is in training mode.
    """

    def __init__(self, block: MultiBranchConv2d) -> None:
        super().__init__()
        if block.gathers_statistics:
            raise FusionError(
                "a BatchNorm in training mode depends on the batch; call eval() first"
            )
        dtype = next(block.parameters()).dtype
        exact = deepcopy(block).double()
        like = next(exact.parameters())
        self.branches = nn.ModuleList()
        for branch in exact.branches:
            assert isinstance(branch, Branch)
            steps = list(exact.on_input(branch.operators(like)))
            if steps:
                steps[0] = pad_first(steps[0], same_padding(branch.kernel))
            self.branches.append(nn.Sequential(*(conv_layer(step, dtype) for step in steps)))
        self.norm: nn.Module | None = None
        if exact.norm is not None:
            scaled = batch_norm(identity(block.out_channels, like), exact.norm)
            self.norm = conv_layer(scaled, dtype)
        self.train(block.training)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in, H, W] to [N, out, H, W]."""
        total = sum_tensors([branch(x) for branch in self.branches])
        result: Tensor = total if self.norm is None else self.norm(total)
        return result

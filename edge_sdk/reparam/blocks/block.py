"""MultiBranchConv2d: trained as a sum of linear branches, deployed as one convolution."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import FusionError, InputError
from edge_sdk.exported import sum_tensors
from edge_sdk.int8 import fake_quantize
from edge_sdk.reparam.blocks.branches import (
    Branch,
    BranchConfig,
    IdentityBranchConfig,
    build_branch,
    conv_branch,
)
from edge_sdk.reparam.blocks.configs import common_kernel
from edge_sdk.reparam.blocks.initialization import (
    SMALL,
    Initialization,
    checked_initialization,
    initialize,
    vanish,
)
from edge_sdk.reparam.linear.algebra import add, batch_norm, pad_first
from edge_sdk.reparam.linear.operator import LinearOperator, Padding


class MultiBranchConv2d(nn.Module):
    """Sum of N ≥ 2 linear branches on the same input (specification 1, "The idea").

    The input is padded once with zeros, for the largest branch: (k − 1)//2 pixels in front and k//2
    behind, so that the output has the input's size. Branches run on the padded input without
    padding, so the merged convolution is equal at the border too.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        branches: at least two branch configs; identity branches need equal channel counts.
        collapsed: compute the merged kernel on every forward pass and run that one convolution.
            Outputs and gradients are those of the branches at a fraction of the cost. While a
            BatchNorm inside is in training mode its statistics need the branches, so they run.
        norm: a BatchNorm after the sum, as in QARepVGG.
        fake_quantized: round the merged kernel to int8 (symmetric, per output channel, gradients
            straight through) on every forward pass that is collapsed. Merging itself never rounds.
        initialization: the kernel that the branches compose at first, see
            :mod:`edge_sdk.reparam.blocks.initialization`.

    Attributes:
        kernel: height and width of the merged kernel, in pixels.
        size: the longer of the two.

    Raises:
        InputError: for fewer than two branches, an identity between unequal channel counts, no
            channels, branches that hold no parameter to train (bare identities alone), or an
            initialization that is unknown or that the branches or channels do not allow.

    Example:
        >>> import torch
        >>> from edge_sdk.reparam import ConvBranchConfig, IdentityBranchConfig, MultiBranchConv2d
        >>> branches = (ConvBranchConfig((3, 1), widths=(32,)), IdentityBranchConfig())
        >>> block = MultiBranchConv2d(8, 8, branches).eval().requires_grad_(False)
        >>> conv = block.fused()
        >>> tuple(conv.weight.shape)
        (8, 8, 3, 3)
        >>> features = torch.rand(1, 8, 12, 16)
        >>> torch.allclose(conv(features), block(features), atol=1e-5)
        True
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        branches: Sequence[BranchConfig],
        *,
        collapsed: bool = False,
        norm: bool = False,
        fake_quantized: bool = False,
        initialization: Initialization = "auto",
    ) -> None:
        super().__init__()
        if len(branches) < 2:
            raise InputError(
                f"a multi-branch block needs two branches or more, not {len(branches)}"
            )
        if min(in_channels, out_channels) < 1:
            raise InputError(
                f"{in_channels} channels in and {out_channels} out; a block needs one or more"
            )
        same = in_channels == out_channels
        if not same and any(isinstance(config, IdentityBranchConfig) for config in branches):
            raise InputError(
                f"an identity branch cannot turn {in_channels} channels into {out_channels}; "
                "use it only where both are equal"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.collapsed = collapsed
        self.fake_quantized = fake_quantized
        self.statistics_frozen = False
        self.kernel = common_kernel(branches)
        self.size = max(self.kernel)
        self.branches = nn.ModuleList(
            build_branch(in_channels, out_channels, config) for config in branches
        )
        self.norm = nn.BatchNorm2d(out_channels) if norm else None
        if next(self.parameters(), None) is None:
            raise InputError("branches of bare identities train nothing; add a convolution")
        self._start = checked_initialization(initialization, in_channels, out_channels, branches)
        initialize(self._branches(), self._start)

    @property
    def configs(self) -> tuple[BranchConfig, ...]:
        """Descriptions of the branches, in order."""
        return tuple(branch.config for branch in self._branches())

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in, H, W] to [N, out, H, W]."""
        if self.collapsed and not self.gathers_statistics:
            merged = self._merged_exactly()
            kernel = fake_quantize(merged.kernel) if self.fake_quantized else merged.kernel
            return _apply(x, kernel, merged.bias, merged.padding)
        outer = same_padding(self.kernel)
        total = self.total(functional.pad(x, (outer.left, outer.right, outer.top, outer.bottom)))
        return total if self.norm is None else self.norm(total)

    def total(self, padded: Tensor) -> Tensor:
        """Sum of the branches on an input that is padded for the largest of them."""
        outer = same_padding(self.kernel)
        return sum_tensors(
            [branch(_cropped(padded, outer, branch.kernel)) for branch in self._branches()]
        )

    def operator(self) -> LinearOperator:
        """The whole block as one operator; differentiable."""
        merged = self.sum_of(range(len(self.branches)))
        return merged if self.norm is None else batch_norm(merged, self.norm)

    def on_input(self, steps: Sequence[LinearOperator]) -> tuple[LinearOperator, ...]:
        """What a chain of operators within the block is on the block's own input, padding and all.

        Args:
            steps: what a branch does, or some of them together; none for an identity.
        """
        return tuple(steps)

    def sum_of(self, indices: Sequence[int]) -> LinearOperator:
        """Some branches, padding included, as one operator; differentiable."""
        like = next(self.parameters())
        branches = self._branches()
        return add(
            *(
                pad_first(branches[index].operator(like), same_padding(branches[index].kernel))
                for index in indices
            )
        )

    def fused(self) -> nn.Conv2d:
        """New plain convolution equal to this block in evaluation mode, merged in float64.

        An even kernel comes with ``padding="same"``, which pads one pixel more behind.

        Raises:
            FusionError: if a BatchNorm of the block is in training mode.
        """
        self._check_statistics()
        parameter = next(self.parameters())
        exact = deepcopy(self).double().operator()
        height, width = self.kernel
        even = height % 2 == 0 or width % 2 == 0
        conv = nn.Conv2d(
            self.in_channels,
            self.out_channels,
            self.kernel,
            padding="same" if even else (height // 2, width // 2),
        )
        conv.weight.data = exact.kernel.detach().to(parameter.dtype).contiguous()
        conv.bias = nn.Parameter(exact.bias.detach().to(parameter.dtype))
        return conv.train(self.training)

    def merged(self, groups: Sequence[Sequence[int]]) -> MultiBranchConv2d:
        """New block in which each group of branches is one convolution, merged in float64.

        A merged branch stands where the first of its group stood; the others are copied.

        Args:
            groups: indices of branches, one or more each, none twice, leaving two branches or more.

        Raises:
            FusionError: if a BatchNorm of the block is in training mode.
        """
        self._check_statistics()
        dtype = next(self.parameters()).dtype
        exact = deepcopy(self).double()
        result = deepcopy(self)
        heads = {min(group): tuple(sorted(group)) for group in groups}
        gone = {index for group in groups for index in group} - set(heads)
        result.branches = nn.ModuleList(
            conv_branch(exact.sum_of(heads[index]), dtype) if index in heads else branch
            for index, branch in enumerate(result._branches())
            if index not in gone
        )
        return result.train(self.training)

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """Multiply what the block returns, in place, but for what a bare identity passes on."""
        if self.norm is None:
            for branch in self._branches():
                branch.rescale(factor)
            return
        for parameter in self.norm.parameters():
            parameter.mul_(factor)

    def vanish(self) -> None:
        """Let a block that has just been made return next to nothing, in place."""
        if self.norm is None:
            vanish(self._branches(), self._start)
        else:
            self.rescale(SMALL)

    @property
    def gathers_statistics(self) -> bool:
        """Whether a BatchNorm of the block is in training mode."""
        return any(isinstance(part, nn.BatchNorm2d) and part.training for part in self.modules())

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; frozen statistics stay as they are."""
        super().train(mode)
        if self.statistics_frozen:
            for part in self.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.eval()
        return self

    def _merged_exactly(self) -> LinearOperator:
        device = next(self.parameters()).device.type
        if not torch.is_autocast_enabled(device):
            return self.operator()
        # Under autocast the convolution runs in half precision; the kernel that it is given need
        # not have gone through several roundings.
        with torch.autocast(device, enabled=False):
            return self.operator()

    def _branches(self) -> list[Branch]:
        branches = []
        for branch in self.branches:
            assert isinstance(branch, Branch)
            branches.append(branch)
        return branches

    def _check_statistics(self) -> None:
        if self.gathers_statistics:
            raise FusionError(
                "a BatchNorm in training mode depends on the batch; call eval() before fusing"
            )


def same_padding(kernel: tuple[int, int]) -> Padding:
    """Padding that keeps the size: (k − 1)//2 in front, k//2 behind."""
    height, width = kernel
    return Padding((height - 1) // 2, height // 2, (width - 1) // 2, width // 2)


def _cropped(padded: Tensor, outer: Padding, kernel: tuple[int, int]) -> Tensor:
    inner = same_padding(kernel)
    if inner == outer:
        return padded
    height, width = padded.shape[2:]
    rows = slice(outer.top - inner.top, height - (outer.bottom - inner.bottom))
    columns = slice(outer.left - inner.left, width - (outer.right - inner.right))
    return padded[:, :, rows, columns]


def _apply(x: Tensor, kernel: Tensor, bias: Tensor, padding: Padding) -> Tensor:
    if padding.top == padding.bottom and padding.left == padding.right:
        # The convolution pads by itself, without a padded copy of the input.
        return functional.conv2d(x, kernel, bias, padding=(padding.top, padding.left))
    around = (padding.left, padding.right, padding.top, padding.bottom)
    return functional.conv2d(functional.pad(x, around), kernel, bias)

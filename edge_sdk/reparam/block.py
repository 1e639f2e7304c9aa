"""MultiBranchConv2d: trained as a sum of linear branches, deployed as one convolution."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import FusionError, InputError
from edge_sdk.reparam.algebra import add, pad_first
from edge_sdk.reparam.branches import (
    BranchConfig,
    ConvBranch,
    ConvBranchConfig,
    IdentityBranch,
    IdentityBranchConfig,
)
from edge_sdk.reparam.operator import LinearOperator, Padding


class MultiBranchConv2d(nn.Module):
    """Sum of N ≥ 2 linear branches on the same input (specification 1, "The idea").

    The input is padded once with zeros, by half the largest branch; branches run on the padded
    input without padding, so the merged convolution is equal at the border too.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        branches: at least two branch configs; identity branches need equal channel counts.
        collapsed: compute the merged kernel on every forward pass and run that one convolution.
            Outputs and gradients are those of the branches at a fraction of the cost. While a
            BatchNorm inside is in training mode its statistics need the branches, so they run.

    Raises:
        InputError: for fewer than two branches, an identity between unequal channel counts, no
            channels, or branches that hold no parameter to train (bare identities alone).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        branches: Sequence[BranchConfig],
        *,
        collapsed: bool = False,
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
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.collapsed = collapsed
        self.size = max(config.size for config in branches)
        modules: list[ConvBranch | IdentityBranch] = []
        for config in branches:
            if isinstance(config, ConvBranchConfig):
                modules.append(ConvBranch(in_channels, out_channels, config))
            elif in_channels == out_channels:
                modules.append(IdentityBranch(in_channels, config))
            else:
                raise InputError(
                    f"an identity branch cannot turn {in_channels} channels into {out_channels}; "
                    "use it only where both are equal"
                )
        self.branches = nn.ModuleList(modules)
        if next(self.parameters(), None) is None:
            raise InputError("branches of bare identities train nothing; add a convolution")

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in, H, W] to [N, out, H, W]."""
        if self.collapsed and not self._gathers_statistics():
            return self.operator()(x)
        margin = self.size // 2
        padded = functional.pad(x, (margin, margin, margin, margin))
        return sum_tensors([branch(_crop(padded, self._inset(branch))) for branch in self.branches])

    def operator(self) -> LinearOperator:
        """The whole block as one operator; differentiable."""
        like = next(self.parameters())
        operators = []
        for branch in self.branches:
            if isinstance(branch, IdentityBranch):
                operator = branch.operator(like)
            else:
                assert isinstance(branch, ConvBranch)
                operator = branch.operator()
            half = branch.size // 2
            operators.append(pad_first(operator, Padding(half, half, half, half)))
        return add(*operators)

    def fused(self) -> nn.Conv2d:
        """New plain convolution equal to this block in evaluation mode, merged in float64.

        Raises:
            FusionError: if a BatchNorm of the block is in training mode.
        """
        if self._gathers_statistics():
            raise FusionError(
                "a BatchNorm in training mode depends on the batch; call eval() before fusing"
            )
        parameter = next(self.parameters())
        exact = deepcopy(self).double().operator()
        conv = nn.Conv2d(self.in_channels, self.out_channels, self.size, padding=self.size // 2)
        conv.weight.data = exact.kernel.detach().to(parameter.dtype)
        conv.bias = nn.Parameter(exact.bias.detach().to(parameter.dtype))
        return conv.train(self.training)

    def _gathers_statistics(self) -> bool:
        return any(isinstance(part, nn.BatchNorm2d) and part.training for part in self.modules())

    def _inset(self, branch: nn.Module) -> int:
        assert isinstance(branch, ConvBranch | IdentityBranch)
        return (self.size - branch.size) // 2


def sesr_branches(width: int) -> tuple[BranchConfig, ...]:
    """Preset after SESR: a 3×3 convolution to ``width`` channels, a 1×1 one back, and identity."""
    return (ConvBranchConfig((3, 1), (width,)), IdentityBranchConfig())


def five_branches(width: int) -> tuple[BranchConfig, ...]:
    """Preset after the document's figure: five branches around 3×3, BatchNorm, 1×1 and identity."""
    return (
        ConvBranchConfig((3, 1), (width,), "each"),
        ConvBranchConfig((1, 3), (width,), "last"),
        ConvBranchConfig((3,), (), "last"),
        ConvBranchConfig((1,), (), "last"),
        IdentityBranchConfig(),
    )


def sum_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """Sum of one tensor or more, without a zero to start from (which exporters would keep)."""
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total


def _crop(x: Tensor, inset: int) -> Tensor:
    return x if inset == 0 else x[..., inset:-inset, inset:-inset]

"""The branches of a multi-branch block as modules.

A branch runs on an input that its block has already padded, with inner steps that do not pad. That
is what makes the merge exact on every pixel (specification 1, "Merge rules").
"""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.reparam.blocks.configs import (
    BatchNormPlace,
    BranchConfig,
    ConvBranchConfig,
    FixedBranchConfig,
    FixedFilter,
    IdentityBranchConfig,
    KernelSize,
    PoolBranchConfig,
    normalized_steps,
)
from edge_sdk.reparam.linear.algebra import batch_norm
from edge_sdk.reparam.linear.operator import (
    LinearOperator,
    Padding,
    average_pool,
    from_conv,
    from_kernel,
    identity,
)
from edge_sdk.reparam.linear.pointwise import compose

__all__ = [
    "BatchNormPlace",
    "Branch",
    "BranchConfig",
    "ConvBranch",
    "ConvBranchConfig",
    "FixedBranch",
    "FixedBranchConfig",
    "FixedFilter",
    "IdentityBranch",
    "IdentityBranchConfig",
    "KernelSize",
    "PoolBranch",
    "PoolBranchConfig",
    "build_branch",
    "conv_branch",
]

FILTERS: dict[FixedFilter, tuple[tuple[float, ...], ...]] = {
    "sobel_x": ((1, 0, -1), (2, 0, -2), (1, 0, -1)),
    "sobel_y": ((1, 2, 1), (0, 0, 0), (-1, -2, -1)),
    "laplacian": ((0, 1, 0), (1, -4, 1), (0, 1, 0)),
}
EDGE_START_STD = 1e-3
"""Standard deviation that scale and shift behind a fixed filter start with, as in ECB."""


class Branch(nn.Module):
    """A linear map without padding.

    Attributes:
        config: what the branch is.
        kernel: height and width of the one kernel it merges into.
        size: the longer of the two.
    """

    def __init__(self, config: BranchConfig) -> None:
        super().__init__()
        self.config = config
        self.kernel = config.kernel
        self.size = config.size

    def operators(self, like: Tensor) -> tuple[LinearOperator, ...]:
        """The steps of the branch in order, BatchNorms merged in; dtype as ``like``.

        A bare identity has no steps. Running statistics are used; differentiable.
        """
        raise NotImplementedError

    def operator(self, like: Tensor) -> LinearOperator:
        """The branch as one operator; arguments and result as in :meth:`operators`."""
        return reduce(compose, self.operators(like))

    @torch.no_grad()
    def rescale(self, factor: float) -> None:
        """Multiply what the branch returns by its last learned step; a bare identity has none."""
        for parameter in self._last_step():
            parameter.mul_(factor)

    def _last_step(self) -> tuple[nn.Parameter, ...]:
        raise NotImplementedError


class ConvBranch(Branch):
    """Convolutions in sequence; see :class:`ConvBranchConfig`.

    The convolutions start with the default initialization of ``nn.Conv2d``. Where a BatchNorm
    follows, the convolution has no bias of its own.
    """

    def __init__(self, in_channels: int, out_channels: int, config: ConvBranchConfig) -> None:
        super().__init__(config)
        channels = (in_channels, *config.widths, out_channels)
        normalized = normalized_steps(config.batch_norm, len(config.steps))
        layers: list[nn.Module] = []
        for index, kernel in enumerate(config.steps):
            bn = normalized[index]
            layers.append(nn.Conv2d(channels[index], channels[index + 1], kernel, bias=not bn))
            if bn:
                layers.append(nn.BatchNorm2d(channels[index + 1]))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in, H, W] to [N, out, H − kh + 1, W − kw + 1]."""
        result: Tensor = self.layers(x)
        return result

    def operators(self, like: Tensor) -> tuple[LinearOperator, ...]:
        """One operator per convolution."""
        steps: list[LinearOperator] = []
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                steps.append(from_conv(layer))
            else:
                assert isinstance(layer, nn.BatchNorm2d)
                steps[-1] = batch_norm(steps[-1], layer)
        return tuple(steps)

    def _last_step(self) -> tuple[nn.Parameter, ...]:
        return tuple(self.layers[-1].parameters())


class IdentityBranch(Branch):
    """The input itself, with a BatchNorm if requested; see :class:`IdentityBranchConfig`."""

    def __init__(self, channels: int, config: IdentityBranchConfig) -> None:
        super().__init__(config)
        self.channels = channels
        (normalized,) = normalized_steps(config.batch_norm, 1)
        self.bn = nn.BatchNorm2d(channels) if normalized else None

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to the same shape."""
        if self.bn is None:
            return x
        result: Tensor = self.bn(x)
        return result

    def operators(self, like: Tensor) -> tuple[LinearOperator, ...]:
        """The BatchNorm, if there is one."""
        if self.bn is None:
            return ()
        return (batch_norm(identity(self.channels, like), self.bn),)

    def operator(self, like: Tensor) -> LinearOperator:
        """The branch as a 1×1 operator (specification 1, merge rule 3)."""
        return identity(self.channels, like) if self.bn is None else super().operator(like)

    def _last_step(self) -> tuple[nn.Parameter, ...]:
        return () if self.bn is None else tuple(self.bn.parameters())


class PoolBranch(Branch):
    """A 1×1 convolution, then the mean over a window; see :class:`PoolBranchConfig`."""

    def __init__(self, in_channels: int, out_channels: int, config: PoolBranchConfig) -> None:
        super().__init__(config)
        self.channels = out_channels
        inner, outer = normalized_steps(config.batch_norm, 2)
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=not inner)
        self.inner_bn = nn.BatchNorm2d(out_channels) if inner else None
        self.bn = nn.BatchNorm2d(out_channels) if outer else None

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in, H, W] to [N, out, H − kh + 1, W − kw + 1]."""
        y: Tensor = self.conv(x)
        if self.inner_bn is not None:
            y = self.inner_bn(y)
        y = functional.avg_pool2d(y, self.kernel, stride=1)
        if self.bn is not None:
            y = self.bn(y)
        return y

    def operators(self, like: Tensor) -> tuple[LinearOperator, ...]:
        """The convolution and the mean."""
        conv = from_conv(self.conv)
        if self.inner_bn is not None:
            conv = batch_norm(conv, self.inner_bn)
        mean = average_pool(self.channels, self.kernel, (1, 1), Padding(), like)
        if self.bn is not None:
            mean = batch_norm(mean, self.bn)
        return (conv, mean)

    def _last_step(self) -> tuple[nn.Parameter, ...]:
        return tuple((self.bn or self.inner_bn or self.conv).parameters())


class FixedBranch(Branch):
    """A 1×1 convolution, then scale · filter + shift per channel; see :class:`FixedBranchConfig`.

    The input is padded before the convolution, so its bias meets filters that sum to zero and has
    no effect; ECB pads behind it with that very bias, which is the same.
    """

    taps: Tensor

    def __init__(self, in_channels: int, out_channels: int, config: FixedBranchConfig) -> None:
        super().__init__(config)
        self.channels = out_channels
        self.conv = nn.Conv2d(in_channels, out_channels, 1)
        self.scale = nn.Parameter(torch.randn(out_channels) * EDGE_START_STD)
        self.shift = nn.Parameter(torch.randn(out_channels) * EDGE_START_STD)
        self.register_buffer("taps", torch.tensor(FILTERS[config.filter]).float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in, H, W] to [N, out, H − 2, W − 2]."""
        return functional.conv2d(self.conv(x), self._weight(), self.shift, groups=self.channels)

    def operators(self, like: Tensor) -> tuple[LinearOperator, ...]:
        """The convolution and the scaled filter."""
        edges = from_kernel(self._weight(), self.shift, (1, 1), "valid", (1, 1), self.channels)
        return (from_conv(self.conv), edges)

    def _last_step(self) -> tuple[nn.Parameter, ...]:
        return (self.scale, self.shift)

    def _weight(self) -> Tensor:
        return self.scale[:, None, None, None] * self.taps


def build_branch(in_channels: int, out_channels: int, config: BranchConfig) -> Branch:
    """Branch of a description, freshly initialized; an identity needs ``in_channels`` only."""
    if isinstance(config, ConvBranchConfig):
        return ConvBranch(in_channels, out_channels, config)
    if isinstance(config, PoolBranchConfig):
        return PoolBranch(in_channels, out_channels, config)
    if isinstance(config, FixedBranchConfig):
        return FixedBranch(in_channels, out_channels, config)
    return IdentityBranch(in_channels, config)


def conv_branch(operator: LinearOperator, dtype: torch.dtype) -> ConvBranch:
    """Branch of one convolution with the kernel and bias of ``operator``, rounded to ``dtype``."""
    out_channels, in_channels, height, width = operator.kernel.shape
    branch = ConvBranch(in_channels, out_channels, ConvBranchConfig(((height, width),)))
    (conv,) = branch.layers
    assert isinstance(conv, nn.Conv2d)
    conv.weight = nn.Parameter(operator.kernel.detach().to(dtype).contiguous())
    conv.bias = nn.Parameter(operator.bias.detach().to(dtype))
    return branch

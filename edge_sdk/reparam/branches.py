"""The branches of a multi-branch block: what they are (configs) and the modules they become.

A branch runs on an input that its block has already padded, with inner convolutions that do not
pad. That is what makes the merge exact on every pixel (specification 1, "Merge rules").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict
from torch import Tensor, nn

from edge_sdk.errors import InputError
from edge_sdk.reparam.algebra import batch_norm, compose
from edge_sdk.reparam.operator import LinearOperator, from_conv, identity

BatchNormPlace = Literal["none", "each", "last"]


@dataclass(frozen=True)
class ConvBranchConfig:
    """A first-type branch: convolutions in sequence.

    Attributes:
        kernels: odd size of each square kernel, in order, such as ``(3, 1)``.
        widths: channels between the convolutions, one fewer than ``kernels``.
        batch_norm: BatchNorm after no convolution, after each, or after the last one only.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kernels: tuple[int, ...]
    widths: tuple[int, ...] = ()
    batch_norm: BatchNormPlace = "none"
    kind: Literal["conv"] = "conv"

    def __post_init__(self) -> None:
        if not self.kernels or any(size < 1 or size % 2 == 0 for size in self.kernels):
            raise InputError(f"kernels {self.kernels} of a branch must be odd sizes, at least one")
        if len(self.widths) != len(self.kernels) - 1 or any(width < 1 for width in self.widths):
            raise InputError(
                f"{len(self.kernels)} kernels need {len(self.kernels) - 1} positive widths between "
                f"them, not {self.widths}"
            )
        _check_place(self.batch_norm)

    @property
    def size(self) -> int:
        """Size of the one kernel that the branch merges into: Σ(k − 1) + 1."""
        return sum(size - 1 for size in self.kernels) + 1


@dataclass(frozen=True)
class IdentityBranchConfig:
    """A second-type branch: the input itself, with a BatchNorm if asked for."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    batch_norm: BatchNormPlace = "none"
    kind: Literal["identity"] = "identity"

    def __post_init__(self) -> None:
        _check_place(self.batch_norm)

    @property
    def size(self) -> int:
        """Size of the kernel that the branch merges into."""
        return 1


BranchConfig = ConvBranchConfig | IdentityBranchConfig


def _check_place(place: str) -> None:
    places = get_args(BatchNormPlace)
    if place not in places:
        raise InputError(f"batch_norm '{place}' is unknown; choose one of: {', '.join(places)}")


class ConvBranch(nn.Module):
    """Convolutions in sequence, each without padding; see :class:`ConvBranchConfig`.

    The convolutions start with the default initialisation of ``nn.Conv2d``. Where a BatchNorm
    follows, the convolution has no bias of its own.
    """

    def __init__(self, in_channels: int, out_channels: int, config: ConvBranchConfig) -> None:
        super().__init__()
        self.size = config.size
        channels = (in_channels, *config.widths, out_channels)
        last = len(config.kernels) - 1
        layers: list[nn.Module] = []
        for index, kernel in enumerate(config.kernels):
            normalise = config.batch_norm == "each" or (
                config.batch_norm == "last" and index == last
            )
            layers.append(
                nn.Conv2d(channels[index], channels[index + 1], kernel, bias=not normalise)
            )
            if normalise:
                layers.append(nn.BatchNorm2d(channels[index + 1]))
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, in, H, W] to [N, out, H − size + 1, W − size + 1]."""
        result: Tensor = self.layers(x)
        return result

    def operator(self) -> LinearOperator:
        """The branch as one operator, BatchNorms by their running statistics; differentiable."""
        merged: LinearOperator | None = None
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                step = from_conv(layer)
                merged = step if merged is None else compose(merged, step)
            else:
                assert isinstance(layer, nn.BatchNorm2d)
                assert merged is not None
                merged = batch_norm(merged, layer)
        assert merged is not None
        return merged


class IdentityBranch(nn.Module):
    """The input itself, with a BatchNorm if asked for; see :class:`IdentityBranchConfig`."""

    def __init__(self, channels: int, config: IdentityBranchConfig) -> None:
        super().__init__()
        self.size = 1
        self.channels = channels
        self.bn = None if config.batch_norm == "none" else nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to the same shape."""
        if self.bn is None:
            return x
        result: Tensor = self.bn(x)
        return result

    def operator(self, like: Tensor) -> LinearOperator:
        """The branch as a 1×1 operator in the dtype of ``like``; differentiable."""
        merged = identity(self.channels, like)
        return merged if self.bn is None else batch_norm(merged, self.bn)

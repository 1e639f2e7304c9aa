"""What the branches of a multi-branch block are: short descriptions that go into files.

Every description names its ``kind``, refuses keys that it does not know, and
is complete enough to rebuild the branch (:mod:`edge_sdk.reparam.blocks.branches`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from pydantic import ConfigDict

from edge_sdk.errors import InputError

BatchNormPlace = Literal["none", "each", "last", "between"]
"""After no step of a branch, after each, after the last one only, or after all but the last."""

KernelSize = int | tuple[int, int]
"""Side of a square kernel, or height and width, in pixels."""

FixedFilter = Literal["sobel_x", "sobel_y", "laplacian"]
"""Filters of 3×3 that are not learned: horizontal and vertical gradient, second derivative."""


@dataclass(frozen=True)
class ConvBranchConfig:
    """A first-type branch: convolutions in sequence.

    Attributes:
        kernels: size of each kernel, in order, such as ``(3, 1)`` or ``((1, 3), (3, 1))``; even
            sizes pad one pixel more behind than in front.
        widths: channels between the convolutions, one fewer than ``kernels``.
        batch_norm: which convolutions a BatchNorm follows.

    Example:
        >>> from edge_sdk.reparam import ConvBranchConfig
        >>> ConvBranchConfig((1, 3), widths=(32,), batch_norm="last").kernel
        (3, 3)
        >>> ConvBranchConfig(((1, 3), (3, 1)), widths=(8,)).kernel
        (3, 3)
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kernels: tuple[KernelSize, ...]
    widths: tuple[int, ...] = ()
    batch_norm: BatchNormPlace = "none"
    kind: Literal["conv"] = "conv"

    def __post_init__(self) -> None:
        if not self.kernels or any(not _is_size(size) for size in self.kernels):
            raise InputError(
                f"kernels {self.kernels} of a branch must be sizes of 1 or more, or pairs (height, "
                "width) of such, at least one"
            )
        if len(self.widths) != len(self.kernels) - 1 or any(width < 1 for width in self.widths):
            raise InputError(
                f"{len(self.kernels)} kernels need {len(self.kernels) - 1} positive widths between "
                f"them, not {self.widths}"
            )
        _check_place(self.batch_norm)

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """Height and width of each kernel, in order."""
        return tuple(size_pair(size) for size in self.kernels)

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the one kernel that the branch merges into: Σ(k − 1) + 1."""
        return _joined(self.steps)

    @property
    def size(self) -> int:
        """Longer side of ``kernel``."""
        return max(self.kernel)


@dataclass(frozen=True)
class IdentityBranchConfig:
    """A second-type branch: the input itself, with a BatchNorm if requested.

    Example:
        >>> from edge_sdk.reparam import IdentityBranchConfig
        >>> IdentityBranchConfig("last").kernel
        (1, 1)
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    batch_norm: BatchNormPlace = "none"
    kind: Literal["identity"] = "identity"

    def __post_init__(self) -> None:
        _check_place(self.batch_norm)

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """No kernels."""
        return ()

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the kernel that the branch merges into."""
        return (1, 1)

    @property
    def size(self) -> int:
        """Side of ``kernel``."""
        return 1


@dataclass(frozen=True)
class PoolBranchConfig:
    """A first-type branch of DBB: a 1×1 convolution, then the mean over a window.

    Attributes:
        window: height and width of the window.
        batch_norm: which of the two steps a BatchNorm follows.

    Example:
        >>> from edge_sdk.reparam import PoolBranchConfig
        >>> PoolBranchConfig(3, "each").kernel
        (3, 3)
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    window: KernelSize
    batch_norm: BatchNormPlace = "none"
    kind: Literal["pool"] = "pool"

    def __post_init__(self) -> None:
        if not _is_size(self.window):
            raise InputError(
                f"window {self.window} of a pooling branch must be a size of 1 or more, or a pair "
                "(height, width) of such"
            )
        _check_place(self.batch_norm)

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """Sizes of the convolution and of the window."""
        return ((1, 1), size_pair(self.window))

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the kernel that the branch merges into."""
        return size_pair(self.window)

    @property
    def size(self) -> int:
        """Longer side of ``kernel``."""
        return max(self.kernel)


@dataclass(frozen=True)
class FixedBranchConfig:
    """A first-type branch of ECB: a 1×1 convolution, then an edge filter on each channel.

    The filter is not learned; a scale and a shift per channel behind it are.

    Attributes:
        filter: which filter.

    Example:
        >>> from edge_sdk.reparam import FixedBranchConfig
        >>> FixedBranchConfig("sobel_x").kernel
        (3, 3)
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    filter: FixedFilter
    kind: Literal["fixed"] = "fixed"

    def __post_init__(self) -> None:
        if self.filter not in get_args(FixedFilter):
            raise InputError(
                f"filter '{self.filter}' is unknown; choose one of: "
                f"{', '.join(get_args(FixedFilter))}"
            )

    @property
    def steps(self) -> tuple[tuple[int, int], ...]:
        """Sizes of the convolution and of the filter."""
        return ((1, 1), (3, 3))

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the kernel that the branch merges into."""
        return (3, 3)

    @property
    def size(self) -> int:
        """Side of ``kernel``."""
        return 3


BranchConfig = ConvBranchConfig | IdentityBranchConfig | PoolBranchConfig | FixedBranchConfig


def size_pair(size: KernelSize) -> tuple[int, int]:
    """Height and width of a kernel size."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def common_kernel(configs: Iterable[BranchConfig]) -> tuple[int, int]:
    """Height and width of the smallest kernel that holds those of all branches, centered."""
    heights, widths = zip(*(config.kernel for config in configs), strict=True)
    return (max(heights), max(widths))


def is_one_convolution(config: BranchConfig) -> bool:
    """Whether a branch is a single convolution and nothing else."""
    return (
        isinstance(config, ConvBranchConfig)
        and len(config.steps) == 1
        and config.batch_norm in ("none", "between")
    )


def normalized_steps(place: BatchNormPlace, count: int) -> tuple[bool, ...]:
    """For each of ``count`` steps of a branch, whether a BatchNorm follows it."""
    if place == "between":
        return (*[True] * (count - 1), False)
    if place == "last":
        return (*[False] * (count - 1), True)
    return (place == "each",) * count


def _is_size(size: object) -> bool:
    if isinstance(size, int):
        return size >= 1
    return (
        isinstance(size, tuple)
        and len(size) == 2
        and all(isinstance(side, int) and side >= 1 for side in size)
    )


def _joined(steps: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    height, width = (sum(side - 1 for side in sides) + 1 for sides in zip(*steps, strict=True))
    return (height, width)


def _check_place(place: str) -> None:
    places = get_args(BatchNormPlace)
    if place not in places:
        raise InputError(f"batch_norm '{place}' is unknown; choose one of: {', '.join(places)}")

"""Blocks that the literature and the specification describe, by name.

Each function returns the branches of a block and whether a BatchNorm follows their sum; ``width``
is the number of channels between the convolutions of a branch. All merge into one 3×3 kernel.
Blocks with an identity need as many channels out as in, unless ``identity=False`` leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.configs import (
    BranchConfig,
    ConvBranchConfig,
    FixedBranchConfig,
    IdentityBranchConfig,
    PoolBranchConfig,
)


@dataclass(frozen=True)
class BlockConfig:
    """What a multi-branch block is made from.

    Attributes:
        branches: its branches, two or more.
        norm: whether a BatchNorm follows their sum.

    Example:
        >>> from edge_sdk.reparam import BlockConfig, ConvBranchConfig, IdentityBranchConfig
        >>> block = BlockConfig((ConvBranchConfig((3,)), IdentityBranchConfig()), norm=True)
        >>> [branch.kind for branch in block.branches]
        ['conv', 'identity']
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    branches: tuple[BranchConfig, ...]
    norm: bool = False

    def __post_init__(self) -> None:
        if len(self.branches) < 2:
            raise InputError(
                f"a multi-branch block needs two branches or more, not {len(self.branches)}"
            )


def sesr_branches(width: int) -> tuple[BranchConfig, ...]:
    """After SESR: a 3×3 convolution to ``width`` channels, a 1×1 one back, and identity.

    Args:
        width: channels between the two convolutions.

    Example:
        >>> from edge_sdk.reparam import sesr_branches
        >>> [branch.kind for branch in sesr_branches(64)]
        ['conv', 'identity']
    """
    return (ConvBranchConfig((3, 1), (width,)), IdentityBranchConfig())


def five_branches(width: int) -> tuple[BranchConfig, ...]:
    """The document's figure: five branches around 3×3, BatchNorm, 1×1 and identity.

    Args:
        width: channels between the convolutions of a branch that has two.

    Example:
        >>> from edge_sdk.reparam import five_branches
        >>> len(five_branches(64))
        5
    """
    return (
        ConvBranchConfig((3, 1), (width,), "each"),
        ConvBranchConfig((1, 3), (width,), "last"),
        ConvBranchConfig((3,), (), "last"),
        ConvBranchConfig((1,), (), "last"),
        IdentityBranchConfig(),
    )


def figure(width: int, *, identity: bool = True) -> BlockConfig:
    """The document's five-branch block (specification 1, "Branches")."""
    return BlockConfig(_chosen(five_branches(width), identity))


def sesr(width: int) -> BlockConfig:
    """SESR's collapsible linear block with its residual (Bhardwaj et al., 2022)."""
    return BlockConfig(sesr_branches(width))


def ecb(width: int, *, identity: bool = True) -> BlockConfig:
    """ECBSR's edge-oriented block (Zhang et al., 2021): 3×3, 1×1→3×3, Sobel and Laplacian."""
    branches = (
        ConvBranchConfig((3,)),
        ConvBranchConfig((1, 3), (width,)),
        FixedBranchConfig("sobel_x"),
        FixedBranchConfig("sobel_y"),
        FixedBranchConfig("laplacian"),
        IdentityBranchConfig(),
    )
    return BlockConfig(_chosen(branches, identity))


def dbb(width: int) -> BlockConfig:
    """The diverse branch block (Ding et al., 2021): 1×1, 1×1→3×3, 1×1→mean, 3×3, BatchNorms."""
    return BlockConfig(
        (
            ConvBranchConfig((3,), (), "each"),
            ConvBranchConfig((1,), (), "each"),
            ConvBranchConfig((1, 3), (width,), "each"),
            PoolBranchConfig(3, "each"),
        )
    )


def repvgg(*, identity: bool = True) -> BlockConfig:
    """RepVGG's block (Ding et al., 2021): 3×3, 1×1 and identity, each with a BatchNorm."""
    branches = (
        ConvBranchConfig((3,), (), "last"),
        ConvBranchConfig((1,), (), "last"),
        IdentityBranchConfig("last"),
    )
    return BlockConfig(_chosen(branches, identity))


def qarepvgg(*, identity: bool = True) -> BlockConfig:
    """QARepVGG's block (Chu et al., 2022): BatchNorm on the 3×3 branch and after the sum only.

    Without BatchNorms of their own the 1×1 and identity branches do not inflate the range of the
    merged kernel, which is what RepVGG loses in int8.
    """
    branches = (
        ConvBranchConfig((3,), (), "last"),
        ConvBranchConfig((1,)),
        IdentityBranchConfig(),
    )
    return BlockConfig(_chosen(branches, identity), norm=True)


def acnet() -> BlockConfig:
    """ACNet's block (Ding et al., 2019): 3×3, 1×3 and 3×1, each with a BatchNorm."""
    return BlockConfig(
        (
            ConvBranchConfig((3,), (), "last"),
            ConvBranchConfig(((1, 3),), (), "last"),
            ConvBranchConfig(((3, 1),), (), "last"),
        )
    )


def preset(name: str, width: int) -> BlockConfig:
    """Block by name: ``figure``, ``sesr``, ``ecb``, ``dbb``, ``repvgg``, ``qarepvgg``, ``acnet``.

    Args:
        name: name of the preset.
        width: channels between the convolutions of a branch, for the blocks that have such.

    Raises:
        InputError: if no block has that name.

    Example:
        >>> from edge_sdk.reparam import MultiBranchConv2d, preset
        >>> config = preset("qarepvgg", width=32)
        >>> block = MultiBranchConv2d(8, 8, config.branches, norm=config.norm)
        >>> len(block.configs), block.kernel
        (3, (3, 3))
    """
    builders: dict[str, Callable[[], BlockConfig]] = {
        "figure": lambda: figure(width),
        "sesr": lambda: sesr(width),
        "ecb": lambda: ecb(width),
        "dbb": lambda: dbb(width),
        "repvgg": repvgg,
        "qarepvgg": qarepvgg,
        "acnet": acnet,
    }
    if name not in builders:
        raise InputError(f"block '{name}' is unknown; choose one of: {', '.join(builders)}")
    return builders[name]()


def _chosen(branches: tuple[BranchConfig, ...], identity: bool) -> tuple[BranchConfig, ...]:
    if identity:
        return branches
    return tuple(branch for branch in branches if not isinstance(branch, IdentityBranchConfig))

"""Which branches of a block merge (specification 1, "Which branches merge"): rules as data.

A rule picks from the branches that it is offered; ``all_of`` offers each of its rules what the
ones before have left, ``any_of`` offers all of them everything. Indices count from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import ConfigDict, Field

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.configs import (
    BranchConfig,
    IdentityBranchConfig,
    KernelSize,
    size_pair,
)


@dataclass(frozen=True)
class SelectAll:
    """Every branch."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["all"] = "all"


@dataclass(frozen=True)
class SelectRandom:
    """Some branches at random.

    Attributes:
        count: how many, two or more.
        seed: seed of the draw; the same seed draws the same branches.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    count: int
    seed: int = 0
    kind: Literal["random"] = "random"

    def __post_init__(self) -> None:
        if self.count < 2:
            raise InputError(
                f"merging {self.count} of the branches reduces nothing; give a count of 2 or more"
            )


@dataclass(frozen=True)
class SelectKernelSize:
    """The first-type branches that hold a kernel of one size; identities never match.

    Attributes:
        size: side in pixels, or height and width.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    size: KernelSize
    kind: Literal["kernel_size"] = "kernel_size"


@dataclass(frozen=True)
class SelectKernelCount:
    """The first-type branches of one number of kernels in sequence; identities never match.

    Attributes:
        count: number of kernels, 1 or more.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    count: int
    kind: Literal["kernel_count"] = "kernel_count"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"a branch of {self.count} kernels does not exist; give 1 or more")


@dataclass(frozen=True)
class SelectAllOf:
    """The branches that pass every rule, in the order of the rules.

    Attributes:
        rules: two rules or more; each picks from what the ones before have left.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    rules: tuple[Selection, ...]
    kind: Literal["all_of"] = "all_of"

    def __post_init__(self) -> None:
        _check_rules(self.rules)


@dataclass(frozen=True)
class SelectAnyOf:
    """The branches that any of the rules picks.

    Attributes:
        rules: two rules or more.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    rules: tuple[Selection, ...]
    kind: Literal["any_of"] = "any_of"

    def __post_init__(self) -> None:
        _check_rules(self.rules)


Selection = Annotated[
    SelectAll | SelectRandom | SelectKernelSize | SelectKernelCount | SelectAllOf | SelectAnyOf,
    Field(discriminator="kind"),
]


def select(rule: Selection, branches: Sequence[BranchConfig]) -> tuple[int, ...]:
    """Indices of the branches that a rule picks, ascending, 2 to N of them.

    Args:
        rule: the rule.
        branches: descriptions of the N branches of a block, in order.

    Raises:
        InputError: if the rule picks no branch or one only, which reduces nothing, or needs
            more than there are.
    """
    chosen = _pick(rule, branches, tuple(range(len(branches))))
    if len(chosen) < 2:
        found = "no branch" if not chosen else "one branch only"
        raise InputError(
            f"the selection picks {found} of {len(branches)}; merging needs two or more, so loosen "
            "the rules or drop those that exclude each other"
        )
    return chosen


def holds_kernel(branch: BranchConfig, size: KernelSize) -> bool:
    """Whether one of the branch's kernels in sequence has that size."""
    return size_pair(size) in branch.steps


def _pick(
    rule: Selection, branches: Sequence[BranchConfig], offered: tuple[int, ...]
) -> tuple[int, ...]:
    if isinstance(rule, SelectAll):
        return offered
    if isinstance(rule, SelectRandom):
        if rule.count > len(offered):
            raise InputError(
                f"{rule.count} branches to merge, but there are {len(offered)} to choose from; "
                "give a smaller count"
            )
        generator = torch.Generator().manual_seed(rule.seed)
        order = torch.randperm(len(offered), generator=generator).tolist()
        return tuple(sorted(offered[place] for place in order[: rule.count]))
    if isinstance(rule, SelectAllOf):
        for part in rule.rules:
            offered = _pick(part, branches, offered)
        return offered
    if isinstance(rule, SelectAnyOf):
        union = {index for part in rule.rules for index in _pick(part, branches, offered)}
        return tuple(sorted(union))
    return tuple(index for index in offered if _matches(rule, branches[index]))


def _matches(rule: SelectKernelSize | SelectKernelCount, branch: BranchConfig) -> bool:
    if isinstance(branch, IdentityBranchConfig):
        return False
    if isinstance(rule, SelectKernelSize):
        return holds_kernel(branch, rule.size)
    return len(branch.steps) == rule.count


def _check_rules(rules: Sequence[object]) -> None:
    if len(rules) < 2:
        raise InputError(f"a combination needs two rules or more, not {len(rules)}")

"""Which of the chosen branches merge with which (specification 1): groupings as data.

A group of one reduces nothing: its branch is left as it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.configs import BranchConfig, IdentityBranchConfig


@dataclass(frozen=True)
class GroupTogether:
    """All chosen branches into one."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["together"] = "together"


@dataclass(frozen=True)
class GroupEvery:
    """Every few of the chosen branches, in order, into one.

    Attributes:
        count: branches per group, two or more; the last group may be smaller.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    count: int
    kind: Literal["every"] = "every"

    def __post_init__(self) -> None:
        if self.count < 2:
            raise InputError(f"groups of {self.count} merge nothing; give a count of 2 or more")


@dataclass(frozen=True)
class GroupEqualSizes:
    """Branches that merge into kernels of equal size together."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["equal_sizes"] = "equal_sizes"


@dataclass(frozen=True)
class GroupByType:
    """First-type branches into one and identities into another."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: Literal["by_type"] = "by_type"


Grouping = Annotated[
    GroupTogether | GroupEvery | GroupEqualSizes | GroupByType, Field(discriminator="kind")
]


def group(
    grouping: Grouping, chosen: Sequence[int], branches: Sequence[BranchConfig]
) -> tuple[tuple[int, ...], ...]:
    """Groups of indices, two or more in each, in the order of their first branches.

    Args:
        grouping: the rule.
        chosen: indices into ``branches``, from :func:`edge_sdk.reparam.plans.selection.select`.
        branches: descriptions of all branches of the block.

    Raises:
        InputError: if no group holds two branches.
    """
    groups: dict[Hashable, list[int]] = {}
    for place, index in enumerate(chosen):
        groups.setdefault(_key(grouping, place, branches[index]), []).append(index)
    kept = tuple(tuple(members) for members in groups.values() if len(members) > 1)
    if not kept:
        raise InputError(
            f"the grouping '{grouping.kind}' puts each of the {len(chosen)} chosen branches into a "
            "group of its own, which merges nothing; choose more branches or another grouping"
        )
    return kept


def _key(grouping: Grouping, place: int, branch: BranchConfig) -> Hashable:
    if isinstance(grouping, GroupEvery):
        return place // grouping.count
    if isinstance(grouping, GroupEqualSizes):
        return branch.kernel
    if isinstance(grouping, GroupByType):
        return isinstance(branch, IdentityBranchConfig)
    return None

"""Which branches merge in each module of a model (specification 1): plans as data.

A plan gives a selection for the block at each position, counted from 1 in the order of the model's
modules. Where a rule gives a count M of branches, those are drawn at random by its seed and the
position; M is at most the number of branches, and a block with M < 2 is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.configs import BranchConfig, IdentityBranchConfig, KernelSize
from edge_sdk.reparam.plans.grouping import Grouping, GroupTogether, group
from edge_sdk.reparam.plans.selection import (
    SelectAll,
    SelectAllOf,
    SelectAnyOf,
    SelectKernelCount,
    SelectKernelSize,
    SelectRandom,
    holds_kernel,
    select,
)


@dataclass(frozen=True)
class UniformCount:
    """The same number of branches in every block.

    Attributes:
        count: M, two or more; a block with fewer branches is an error.
        seed: seed of the draw.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    count: int
    seed: int = 0
    kind: Literal["uniform"] = "uniform"

    def __post_init__(self) -> None:
        if self.count < 2:
            raise InputError(
                f"merging {self.count} of the branches reduces nothing; give a count of 2 or more"
            )


@dataclass(frozen=True)
class ProportionalCount:
    """A number of branches that grows with the position: M = round(factor · position).

    Attributes:
        factor: branches per position, above 0.
        seed: seed of the draw.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    factor: float = 1.0
    seed: int = 0
    kind: Literal["proportional"] = "proportional"

    def __post_init__(self) -> None:
        _check_factor(self.factor)


@dataclass(frozen=True)
class InverseCount:
    """A number of branches that falls with the position: M = round(factor / position).

    Attributes:
        factor: branches at position 1, above 0.
        seed: seed of the draw.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    factor: float
    seed: int = 0
    kind: Literal["inverse"] = "inverse"

    def __post_init__(self) -> None:
        _check_factor(self.factor)


@dataclass(frozen=True)
class KernelSizeCount:
    """As many branches as hold a kernel of the target size.

    Attributes:
        size: side in pixels, or height and width.
        seed: seed of the draw.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    size: KernelSize
    seed: int = 0
    kind: Literal["count_of_size"] = "count_of_size"


@dataclass(frozen=True)
class KernelCountCount:
    """As many branches as hold the target number of kernels in sequence.

    Attributes:
        count: target number of kernels, 1 or more.
        seed: seed of the draw.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    count: int
    seed: int = 0
    kind: Literal["count_of_kernels"] = "count_of_kernels"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"a branch of {self.count} kernels does not exist; give 1 or more")


@dataclass(frozen=True)
class CheapestSubset:
    """In every block the branches that :func:`edge_sdk.reparam.select_by_cost` ranks first.

    Attributes:
        bit_weight: doublings of the arithmetic that a bit of precision is worth, 0 or more.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    bit_weight: float = 1.0
    kind: Literal["cost"] = "cost"

    def __post_init__(self) -> None:
        if not 0 <= self.bit_weight < float("inf"):
            raise InputError(f"bit_weight {self.bit_weight} must be a number of 0 or more")


CountRule = UniformCount | ProportionalCount | InverseCount | KernelSizeCount | KernelCountCount

PlanRule = Annotated[
    SelectAll
    | SelectRandom
    | SelectKernelSize
    | SelectKernelCount
    | SelectAllOf
    | SelectAnyOf
    | CountRule
    | CheapestSubset,
    Field(discriminator="kind"),
]


TOGETHER = GroupTogether()


@dataclass(frozen=True)
class FusionPlan:
    """What merges in every block of a model.

    Attributes:
        rule: a selection that is applied to each block, or a rule that gives the count for each.
        grouping: which of the chosen branches merge with which.

    Raises:
        InputError: if the rule chooses by cost, which is that of merging into one, and the grouping
            gives several.

    Example:
        >>> from edge_sdk.reparam import FusionPlan, parse_plan
        >>> plan = parse_plan("uniform:2", seed=1)
        >>> isinstance(plan, FusionPlan), plan.grouping.kind
        (True, 'together')
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    rule: PlanRule
    grouping: Grouping = TOGETHER

    def __post_init__(self) -> None:
        if isinstance(self.rule, CheapestSubset) and self.grouping != TOGETHER:
            raise InputError(
                "choosing by cost weighs branches that merge into one; it contradicts the grouping "
                f"'{self.grouping.kind}', so leave that out"
            )


def groups_at(
    plan: FusionPlan, position: int, branches: Sequence[BranchConfig]
) -> tuple[tuple[int, ...], ...]:
    """Groups of branches that a plan merges in one block, two or more indices in each.

    Args:
        plan: the plan.
        position: place of the block in the model, 1 or more.
        branches: descriptions of its branches.

    Raises:
        InputError: if nothing merges in this block, with the reason, or the rule chooses by cost,
            which needs the weights (:func:`edge_sdk.reparam.fuse_partially`).
    """
    rule = plan.rule
    if isinstance(rule, CheapestSubset):
        raise InputError("choosing by cost needs the weights of a block, not its description alone")
    if isinstance(rule, CountRule):
        count = branch_count(rule, position, branches)
        if count < 2:
            raise InputError(
                f"the rule '{rule.kind}' gives {count} of {len(branches)} branches at position "
                f"{position}, which merges nothing"
            )
        rule = SelectRandom(count, rule.seed + position)
    return group(plan.grouping, select(rule, branches), branches)


def branch_count(rule: CountRule, position: int, branches: Sequence[BranchConfig]) -> int:
    """Number M of branches that a rule merges in one block; below 2 for none.

    Args:
        rule: the rule.
        position: place of the block in the model, 1 or more.
        branches: descriptions of its branches.
    """
    if isinstance(rule, UniformCount):
        return rule.count
    if isinstance(rule, ProportionalCount):
        return min(len(branches), _rounded(rule.factor * position))
    if isinstance(rule, InverseCount):
        return min(len(branches), _rounded(rule.factor / position))
    first_type = [branch for branch in branches if not isinstance(branch, IdentityBranchConfig)]
    if isinstance(rule, KernelSizeCount):
        return sum(holds_kernel(branch, rule.size) for branch in first_type)
    return sum(len(branch.steps) == rule.count for branch in first_type)


def _rounded(value: float) -> int:
    """Nearest whole number, halves upwards."""
    return int(value + 0.5)


def _check_factor(factor: float) -> None:
    if not 0 < factor < float("inf"):
        raise InputError(f"factor {factor} must be a number above 0")

"""Which branches merge in each module of a model (specification 1).

A plan gives a selection for the block at each position, counted from 1 in the order of the model's
modules. Where a rule gives a count M of branches, those are drawn at random by its seed and the
position; M is at most the number of branches, and a block with M < 2 is left as it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from edge_sdk.errors import InputError
from edge_sdk.reparam.plans.rules import KINDS, Branches, Indices, Rule, pick

TOGETHER = Rule("together")
COST = "cost"
"""Kind of the rule that chooses by the weights of a block, of which a plan knows nothing."""


@dataclass(frozen=True)
class FusionPlan:
    """What merges in every block of a model.

    Attributes:
        rule: picks the branches of each block, or gives their number.
        grouping: which of the chosen branches merge with which.

    Raises:
        InputError: if the rule groups, or the grouping does not, or the rule chooses by cost, which
            is that of merging into one, and the grouping gives several.

    Example:
        >>> from edge_sdk.reparam import FusionPlan, Rule, parse_plan
        >>> parse_plan("uniform:2", seed=1) == FusionPlan(Rule("uniform", 2, seed=1))
        True
        >>> FusionPlan(Rule("all"), Rule("every", 2)).grouping.kind
        'every'
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    rule: Rule
    grouping: Rule = TOGETHER

    def __post_init__(self) -> None:
        if KINDS[self.rule.kind].key is not None:
            raise InputError(f"the rule '{self.rule.kind}' groups branches and picks none")
        if KINDS[self.grouping.kind].key is None:
            raise InputError(f"the rule '{self.grouping.kind}' picks branches and groups none")
        if self.rule.kind == COST and self.grouping != TOGETHER:
            raise InputError(
                "choosing by cost weighs branches that merge into one; it contradicts the grouping "
                f"'{self.grouping.kind}', so leave that out"
            )


def groups_at(plan: FusionPlan, position: int, branches: Branches) -> tuple[Indices, ...]:
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
    if rule.kind == COST:
        raise InputError("choosing by cost needs the weights of a block, not its description alone")
    count_of = KINDS[rule.kind].count
    if count_of is not None:
        count = count_of(rule.value, position, branches)
        if count < 2:
            raise InputError(
                f"the rule '{rule.kind}' gives {count} of {len(branches)} branches at position "
                f"{position}, which merges nothing"
            )
        rule = Rule("random", count, rule.seed + position)
    return group(plan.grouping, select(rule, branches), branches)


def select(rule: Rule, branches: Branches) -> Indices:
    """Indices of the branches that a rule picks, ascending, 2 to N of them, from 0.

    Args:
        rule: a rule that picks.
        branches: descriptions of the N branches of a block, in order.

    Raises:
        InputError: if the rule picks no branch or one only, which reduces nothing, or needs
            more than there are.
    """
    chosen = pick(rule, branches, tuple(range(len(branches))))
    if len(chosen) < 2:
        found = "no branch" if not chosen else "one branch only"
        raise InputError(
            f"the selection picks {found} of {len(branches)}; merging needs two or more, so loosen "
            "the rules or drop those that exclude each other"
        )
    return chosen


def group(grouping: Rule, chosen: Sequence[int], branches: Branches) -> tuple[Indices, ...]:
    """Groups of indices, two or more in each, in the order of their first branches.

    A group of one reduces nothing: its branch is left as it is.

    Args:
        grouping: a rule that groups.
        chosen: indices into ``branches``, from :func:`select`.
        branches: descriptions of all branches of the block.

    Raises:
        InputError: if no group holds two branches.
    """
    key = KINDS[grouping.kind].key
    assert key is not None
    groups: dict[Hashable, list[int]] = {}
    for place, index in enumerate(chosen):
        groups.setdefault(key(grouping.value, place, branches[index]), []).append(index)
    kept = tuple(tuple(members) for members in groups.values() if len(members) > 1)
    if not kept:
        raise InputError(
            f"the grouping '{grouping.kind}' puts each of the {len(chosen)} chosen branches into a "
            "group of its own, which merges nothing; choose more branches or another grouping"
        )
    return kept

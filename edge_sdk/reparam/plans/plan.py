"""Which branches merge in each module of a model (specification 1).

A plan gives a selection for the block at each position, counted from 1 in the order of the model's
modules. The chosen branches each become one convolution first, and those of a group then become
one together; so that one branch alone may be chosen, unless it is a single convolution already.
What is drawn at random is drawn in each block anew, by the seed and the position. Where a rule
gives a count M of branches, M is at most their number, and a block with M < 1 is left as it is.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import ConfigDict

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.configs import is_one_convolution
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
    """Groups of branches that a plan merges in one block, each into one convolution.

    Args:
        plan: the plan.
        position: place of the block among the modules of the model, 1 or more.
        branches: descriptions of its branches.

    Raises:
        InputError: if nothing changes in this block, with the reason, or the rule chooses by cost,
            which needs the weights (:func:`edge_sdk.reparam.fuse_partially`).
    """
    rule = plan.rule
    if rule.kind == COST:
        raise InputError("choosing by cost needs the weights of a block, not its description alone")
    count_of = KINDS[rule.kind].count
    if count_of is not None:
        count = count_of(rule.value, position, branches)
        if count < 1:
            raise InputError(
                f"the rule '{rule.kind}' gives {count} of {len(branches)} branches at position "
                f"{position}, which merges nothing"
            )
        rule = Rule("random", count, rule.seed)
    return group(plan.grouping, select(_drawn_at(rule, position), branches), branches)


def select(rule: Rule, branches: Branches) -> Indices:
    """Indices of the branches that a rule picks, ascending, 1 to N of them, from 0.

    Args:
        rule: a rule that picks.
        branches: descriptions of the N branches of a block, in order.

    Raises:
        InputError: if the rule picks no branch, or needs more than there are.
    """
    chosen = pick(rule, branches, tuple(range(len(branches))))
    if not chosen:
        kernels = ", ".join("{}×{}".format(*branch.kernel) for branch in branches)
        raise InputError(
            f"the selection picks no branch of {len(branches)}, whose kernels are {kernels}; "
            "loosen it, or drop rules that exclude each other"
        )
    return chosen


def group(grouping: Rule, chosen: Sequence[int], branches: Branches) -> tuple[Indices, ...]:
    """Groups of indices, in the order of their first branches.

    A group of one is there too, since its branch becomes one convolution: a chain of kernels, a
    BatchNorm and an identity do. A branch that is one convolution already, and alone in its group,
    is left out.

    Args:
        grouping: a rule that groups.
        chosen: indices into ``branches``, from :func:`select`.
        branches: descriptions of all branches of the block.

    Raises:
        InputError: if no group changes anything.
    """
    key = KINDS[grouping.kind].key
    assert key is not None
    groups: dict[Hashable, list[int]] = {}
    for place, index in enumerate(chosen):
        groups.setdefault(key(grouping.value, place, branches[index]), []).append(index)
    kept = tuple(tuple(members) for members in groups.values() if changes(members, branches))
    if not kept:
        each = "the chosen branch is" if len(chosen) == 1 else "each chosen branch is alone and"
        raise InputError(
            f"nothing would change: {each} one convolution already; choose more branches to merge "
            "with it, or another grouping"
        )
    return kept


def changes(group: Sequence[int], branches: Branches) -> bool:
    """Whether a block becomes another when a group of its branches becomes one convolution."""
    return len(group) > 1 or not is_one_convolution(branches[group[0]])


def _drawn_at(rule: Rule, position: int, place: int = 0) -> Rule:
    """The rule as it draws in the block at a position: anew in each, by its seed.

    Rules that are joined draw each for itself, by their place among them.
    """
    parts = tuple(
        _drawn_at(part, position, 31 * place + index) for index, part in enumerate(rule.rules)
    )
    # Far apart, so that the draws of one seed are not those of the next a block later.
    drawn = (rule.seed * 1_000_003 + position + 7_919 * place) % 2**63
    seed = drawn if rule.kind == "random" else rule.seed
    return replace(rule, seed=seed, rules=parts)

"""Fusion plans as one line of text, for people who type them: ``kernel:3+count:2``.

==================  ========================================================================
rule                merges, in every block
==================  ========================================================================
``all``             all branches
``random:M``        M branches, drawn by the seed
``kernel:K``        branches that hold a K×K kernel; ``kernel:1x3`` for height × width
``count:J``         branches of J kernels in sequence
``RULE+RULE``       branches that pass all of the rules above
``RULE,RULE``       branches that any of the rules above picks; + binds closer
``uniform:M``       M branches, drawn again for each block
``proportional:F``  round(F · position) branches; the first block has position 1
``inverse:F``       round(F / position) branches
``per-size:K``      as many branches as hold a K×K kernel, drawn
``per-count:J``     as many branches as have J kernels, drawn
``cost``            the set with the best trade of arithmetic for precision in int8
==================  ========================================================================

Groupings: ``together``, ``every:J``, ``equal-sizes``, ``by-type``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.configs import KernelSize
from edge_sdk.reparam.plans.grouping import (
    GroupByType,
    GroupEqualSizes,
    GroupEvery,
    Grouping,
    GroupTogether,
)
from edge_sdk.reparam.plans.plan import (
    CheapestSubset,
    FusionPlan,
    InverseCount,
    KernelCountCount,
    KernelSizeCount,
    PlanRule,
    ProportionalCount,
    UniformCount,
)
from edge_sdk.reparam.plans.selection import (
    SelectAll,
    SelectAllOf,
    SelectAnyOf,
    Selection,
    SelectKernelCount,
    SelectKernelSize,
    SelectRandom,
)

SELECTIONS = ("all", "random", "kernel", "count")
"""Rules that can be combined."""
LARGEST_KERNEL = 99


def parse_plan(
    select: str, group: str = "together", seed: int = 0, bit_weight: float | None = None
) -> FusionPlan:
    """Plan that a line of text describes; see the table of this module.

    Args:
        select: rules.
        group: grouping.
        seed: seed of all draws.
        bit_weight: for ``cost``, as in :func:`edge_sdk.reparam.select_by_cost`; ``None`` for 1.

    Raises:
        InputError: if a rule or grouping is unknown, lacks its number or has a wrong one, or rules
            contradict each other.

    Example:
        >>> from edge_sdk.reparam import parse_plan
        >>> parse_plan("uniform:1")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.InputError: merging 1 of the branches reduces nothing; ...
    """
    alternatives = [
        [_Term(text) for text in part.split("+")] for part in select.strip().lower().split(",")
    ]
    terms = [term for part in alternatives for term in part]
    for term in terms:
        term.check_known((*SELECTIONS, *_COUNTS, "cost"))
    alone = [term for term in terms if term.name not in SELECTIONS]
    if alone and len(terms) > 1:
        raise InputError(
            f"'{alone[0].text}' fixes what merges in every block by itself and contradicts other "
            f"rules; give it alone, or combine {', '.join(SELECTIONS)} only"
        )
    if bit_weight is not None and terms[0].name != "cost":
        raise InputError(f"--bit-weight belongs to --select cost, not to '{select}'")
    return FusionPlan(_rule(alternatives, seed, bit_weight), _grouping(group))


def _rule(alternatives: list[list[_Term]], seed: int, bit_weight: float | None) -> PlanRule:
    first = alternatives[0][0]
    if first.name == "cost":
        first.no_value()
        return CheapestSubset(1.0 if bit_weight is None else bit_weight)
    if first.name in _COUNTS:
        return _COUNTS[first.name](first, seed)
    parts = tuple(_all_of(terms, seed) for terms in alternatives)
    return parts[0] if len(parts) == 1 else SelectAnyOf(parts)


def _all_of(terms: list[_Term], seed: int) -> Selection:
    for name in ("random", "count"):
        same = [term for term in terms if term.name == name]
        if len({term.value for term in same}) > 1:
            raise InputError(
                f"'{'+'.join(term.text for term in same)}' contradict each other: no branch passes "
                "both; join them by a comma, or drop one"
            )
    # What is drawn at random is drawn from what the other rules have left.
    ordered = sorted(terms, key=lambda term: term.name == "random")
    rules = tuple(_selection(term, seed) for term in ordered)
    return rules[0] if len(rules) == 1 else SelectAllOf(rules)


def _selection(term: _Term, seed: int) -> Selection:
    if term.name == "all":
        term.no_value()
        return SelectAll()
    if term.name == "random":
        return SelectRandom(term.whole(), seed)
    return (
        SelectKernelSize(term.size()) if term.name == "kernel" else SelectKernelCount(term.whole())
    )


def _grouping(text: str) -> Grouping:
    term = _Term(text.strip().lower())
    known: Mapping[str, Grouping] = {
        "together": GroupTogether(),
        "equal-sizes": GroupEqualSizes(),
        "by-type": GroupByType(),
    }
    term.check_known((*known, "every"), "grouping")
    if term.name == "every":
        return GroupEvery(term.whole())
    term.no_value()
    return known[term.name]


class _Term:
    """``name:value`` as it was typed."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        name, colon, value = self.text.partition(":")
        self.name = name.strip()
        self.value = value.strip() if colon else None

    def check_known(self, known: tuple[str, ...], kind: str = "rule") -> None:
        if self.name in known:
            return
        near = get_close_matches(self.name, known, 1)
        hint = f"did you mean '{near[0]}'" if near else f"choose one of: {', '.join(known)}"
        raise InputError(f"unknown {kind} '{self.text}'; {hint}")

    def no_value(self) -> None:
        if self.value is not None:
            raise InputError(f"'{self.text}': {self.name} takes no number; write {self.name}")

    def whole(self) -> int:
        if self.value is None or not re.fullmatch(r"-?\d{1,6}", self.value):
            raise InputError(f"'{self.text}' needs a whole number, such as {self.name}:2")
        return int(self.value)

    def real(self) -> float:
        try:
            return float(self.value or "")
        except ValueError as error:
            raise InputError(f"'{self.text}' needs a number, such as {self.name}:1.5") from error

    def size(self) -> KernelSize:
        sides = re.fullmatch(r"(\d{1,3})(?:[x×](\d{1,3}))?", self.value or "")
        if sides is None:
            raise InputError(f"'{self.text}' needs a kernel size, such as {self.name}:3 or 1x3")
        height, width = int(sides[1]), int(sides[2] or sides[1])
        if not (1 <= height <= LARGEST_KERNEL and 1 <= width <= LARGEST_KERNEL):
            raise InputError(f"'{self.text}': kernels have sides of 1 to {LARGEST_KERNEL} px")
        return height if height == width else (height, width)


_COUNTS: Mapping[str, Callable[[_Term, int], PlanRule]] = {
    "uniform": lambda term, seed: UniformCount(term.whole(), seed),
    "proportional": lambda term, seed: ProportionalCount(term.real(), seed),
    "inverse": lambda term, seed: InverseCount(term.real(), seed),
    "per-size": lambda term, seed: KernelSizeCount(term.size(), seed),
    "per-count": lambda term, seed: KernelCountCount(term.whole(), seed),
}

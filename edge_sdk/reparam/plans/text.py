"""Fusion plans as one line of text, for people who type them: ``kernel:3+count:2``.

==================  ========================================================================
rule                merges, in every block
==================  ========================================================================
``all``             all branches
``random:M``        M branches, drawn anew in each block
``kernel:K``        branches that hold a K×K kernel; ``kernel:1x3`` for height × width
``count:J``         branches of J kernels in sequence
``RULE+RULE``       branches that pass all of the rules above
``RULE,RULE``       branches that any of the rules above picks; + binds closer
``uniform:M``       M branches, drawn anew in each block
``proportional:F``  round(F · position) branches, drawn; the first module has position 1
``inverse:F``       round(F / position) branches, drawn
``per-size:K``      as many branches as hold a K×K kernel, drawn
``per-count:J``     as many branches as have J kernels, drawn
``cost``            the set with the best trade of arithmetic for precision in int8
==================  ========================================================================

A branch that is chosen alone becomes one convolution, if it is not one already.

Groupings: ``together``, ``every:J``, ``equal-sizes``, ``by-type``.
"""

from __future__ import annotations

from difflib import get_close_matches

from edge_sdk.errors import InputError
from edge_sdk.reparam.plans.plan import COST, FusionPlan
from edge_sdk.reparam.plans.rules import KINDS, Rule

SELECTIONS = ("all", "random", "kernel", "count")
"""Rules that can be combined."""
COUNTS = tuple(word for word, kind in KINDS.items() if kind.count is not None)
GROUPINGS = tuple(word for word, kind in KINDS.items() if kind.key is not None)


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
        >>> parse_plan("uniform:0")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.InputError: 0 branches cannot be chosen; give a count of 1 or more
    """
    alternatives = [
        [_Term(text) for text in part.split("+")] for part in select.strip().lower().split(",")
    ]
    terms = [term for part in alternatives for term in part]
    for term in terms:
        term.check_known((*SELECTIONS, *COUNTS, COST))
    alone = [term for term in terms if term.name not in SELECTIONS]
    if alone and len(terms) > 1:
        raise InputError(
            f"'{alone[0].text}' fixes what merges in every block by itself and contradicts other "
            f"rules; give it alone, or combine {', '.join(SELECTIONS)} only"
        )
    if bit_weight is not None and terms[0].name != COST:
        raise InputError(f"--bit-weight belongs to --select cost, not to '{select}'")
    grouping = _Term(group.strip().lower())
    grouping.check_known(GROUPINGS, "grouping")
    if terms[0].name == COST:
        terms[0].no_value()
        rule = Rule(COST, 1.0 if bit_weight is None else bit_weight)
    elif alone:
        rule = terms[0].rule(seed)
    else:
        rule = _joined("any_of", [_all_of(part, seed) for part in alternatives])
    return FusionPlan(rule, grouping.rule())


def _all_of(terms: list[_Term], seed: int) -> Rule:
    for name in ("random", "count"):
        same = [term for term in terms if term.name == name]
        if len({term.value for term in same}) > 1:
            raise InputError(
                f"'{'+'.join(term.text for term in same)}' contradict each other: no branch passes "
                "both; join them by a comma, or drop one"
            )
    # What is drawn at random is drawn from what the other rules have left.
    ordered = sorted(terms, key=lambda term: term.name == "random")
    return _joined("all_of", [term.rule(seed) for term in ordered])


def _joined(kind: str, rules: list[Rule]) -> Rule:
    return rules[0] if len(rules) == 1 else Rule(kind, rules=tuple(rules))


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

    def rule(self, seed: int = 0) -> Rule:
        number = KINDS[self.name].number
        if number is None:
            self.no_value()
            return Rule(self.name)
        try:
            value = number.read(self.value or "")
        except ValueError as error:
            raise InputError(f"'{self.text}' needs {number.what.format(self.name)}") from error
        return Rule(self.name, value, seed if self.name in ("random", *COUNTS) else 0)

"""Rules of a plan as data: a kind, its number, its seed (specification 1).

:data:`KINDS` has an entry for each kind, by the word that people type. A kind does one of four
things: it picks branches ("which branches merge"), it gives the number of branches to draw in a
block, it puts chosen branches into groups, or, ``cost``, it leaves the choice to the weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import ConfigDict

from edge_sdk.errors import InputError
from edge_sdk.reparam.blocks.configs import (
    BranchConfig,
    IdentityBranchConfig,
    KernelSize,
    size_pair,
)

LARGEST_KERNEL = 99
Indices = tuple[int, ...]
Branches = Sequence[BranchConfig]


@dataclass(frozen=True)
class Rule:
    """One rule of a plan.

    Attributes:
        kind: a key of :data:`KINDS`.
        value: the number that the kind takes; a kernel size is a side, or height and width.
        seed: seed of the draw, where branches are drawn at random.
        rules: of ``all_of``, each of which picks from what the ones before have left, and of
            ``any_of``, which all pick from all: two or more.

    Raises:
        InputError: if the kind is unknown, or its number is missing or out of range.

    Example:
        >>> from edge_sdk.reparam import Rule
        >>> Rule("all_of", rules=(Rule("kernel", 3), Rule("random", 2, seed=1))).rules[0].value
        3
        >>> Rule("uniform", 0)
        Traceback (most recent call last):
            ...
        edge_sdk.errors.InputError: 0 branches cannot be chosen; give a count of 1 or more
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    kind: str
    value: int | float | tuple[int, int] | None = None
    seed: int = 0
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"unknown rule '{self.kind}'; known are: {', '.join(KINDS)}")
        does, number = KINDS[self.kind], KINDS[self.kind].number
        if number is None and self.value is not None:
            raise InputError(f"the rule '{self.kind}' takes no number; leave {self.value} out")
        if number is not None and not number.is_one(self.value):
            what = number.what.format(self.kind)
            raise InputError(f"the rule '{self.kind}' needs {what}, not {self.value}")
        if number is not None and not number.fits(self.value):
            raise InputError(number.otherwise.format(self.value))
        if does.combines and len(self.rules) < 2:
            raise InputError(f"a combination needs two rules or more, not {len(self.rules)}")
        for rule in self.rules:
            if not does.combines or KINDS[rule.kind].pick is None:
                raise InputError(f"the rule '{rule.kind}' cannot be a part of '{self.kind}'")


@dataclass(frozen=True)
class Number:
    """What a kind of rule takes.

    Attributes:
        what: it is, with an example; ``{}`` stands for the kind.
        read: reads it from text; raises ``ValueError`` for anything else.
        is_one: whether a value is of this type.
        fits: whether it is in its range.
        otherwise: what is wrong if not; ``{}`` stands for the number.
    """

    what: str
    read: Callable[[str], Any]
    is_one: Callable[[Any], bool]
    fits: Callable[[Any], bool]
    otherwise: str


@dataclass(frozen=True)
class Kind:
    """What a kind of rule does; one of ``pick``, ``count`` and ``key``, or none for ``cost``.

    Attributes:
        number: what it takes; ``None`` for nothing.
        pick: indices of branches among those offered.
        count: number of branches to draw in the block at a position, which counts from 1; 0 for
            none.
        key: what the chosen branches of a group have in common, of each its place among them.
        combines: whether it is made of other rules.
    """

    number: Number | None = None
    pick: Callable[[Rule, Branches, Indices], Indices] | None = None
    count: Callable[[Any, int, Branches], int] | None = None
    key: Callable[[Any, int, BranchConfig], Hashable] | None = None
    combines: bool = False


def _whole(least: int, otherwise: str) -> Number:
    def read(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,6}", text):
            raise ValueError(text)
        return int(text)

    return Number(
        "a whole number, such as {}:2",
        read,
        lambda value: isinstance(value, int) and not isinstance(value, bool),
        lambda value: value >= least,
        otherwise,
    )


def _real(fits: Callable[[float], bool], otherwise: str) -> Number:
    return Number(
        "a number, such as {}:1.5",
        float,
        lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        fits,
        otherwise,
    )


def _read_size(text: str) -> KernelSize:
    sides = re.fullmatch(r"(\d{1,3})(?:[x×](\d{1,3}))?", text)
    if sides is None:
        raise ValueError(text)
    height, width = int(sides[1]), int(sides[2] or sides[1])
    return height if height == width else (height, width)


def _is_size(value: object) -> bool:
    sides = value if isinstance(value, tuple) and len(value) == 2 else (value,)
    return all(isinstance(side, int) and not isinstance(side, bool) for side in sides)


_MERGED = _whole(1, "{} branches cannot be chosen; give a count of 1 or more")
_KERNELS = _whole(1, "a branch of {} kernels does not exist; give 1 or more")
_MEMBERS = _whole(1, "groups of {} branches do not exist; give a count of 1 or more")
_FACTOR = _real(lambda value: 0 < value < math.inf, "factor {} must be a number above 0")
_BIT_WEIGHT = _real(
    lambda value: 0 <= value < math.inf, "bit_weight {} must be a number of 0 or more"
)
_SIZE = Number(
    "a kernel size, such as {}:3 or 1x3",
    _read_size,
    _is_size,
    lambda value: all(1 <= side <= LARGEST_KERNEL for side in size_pair(value)),
    f"kernels have sides of 1 to {LARGEST_KERNEL} px, not {{}}",
)


def pick(rule: Rule, branches: Branches, offered: Indices) -> Indices:
    """Indices of the branches, among those offered, that a rule picks, ascending."""
    picked = KINDS[rule.kind].pick
    assert picked is not None
    return picked(rule, branches, offered)


def _draw(rule: Rule, branches: Branches, offered: Indices) -> Indices:
    assert isinstance(rule.value, int)
    if rule.value > len(offered):
        raise InputError(
            f"{rule.value} branches to merge, but there are {len(offered)} to choose from; "
            "give a smaller count"
        )
    generator = torch.Generator().manual_seed(rule.seed)
    order = torch.randperm(len(offered), generator=generator).tolist()
    return tuple(sorted(offered[place] for place in order[: rule.value]))


def _pick_all_of(rule: Rule, branches: Branches, offered: Indices) -> Indices:
    for part in rule.rules:
        offered = pick(part, branches, offered)
    return offered


def _pick_any_of(rule: Rule, branches: Branches, offered: Indices) -> Indices:
    return tuple(sorted({index for part in rule.rules for index in pick(part, branches, offered)}))


def _has_size(branch: BranchConfig, size: Any) -> bool:
    return size_pair(size) in branch.steps


def _has_count(branch: BranchConfig, count: Any) -> bool:
    return bool(len(branch.steps) == count)


def _like(fits: Callable[[BranchConfig, Any], bool], number: Number) -> Kind:
    """Picks the first-type branches that fit; identities never do."""

    def alike(rule: Rule, branches: Branches, offered: Indices) -> Indices:
        return tuple(index for index in offered if _fits(branches[index], rule.value, fits))

    return Kind(number, alike)


def _as_many(fits: Callable[[BranchConfig, Any], bool], number: Number) -> Kind:
    return Kind(
        number, count=lambda value, _, branches: sum(_fits(each, value, fits) for each in branches)
    )


def _fits(branch: BranchConfig, value: Any, fits: Callable[[BranchConfig, Any], bool]) -> bool:
    return not isinstance(branch, IdentityBranchConfig) and fits(branch, value)


def _share(number: float, branches: Branches) -> int:
    """Nearest whole number, halves upwards, of at most all branches."""
    return min(len(branches), int(number + 0.5))


KINDS: Mapping[str, Kind] = {
    "all": Kind(pick=lambda rule, branches, offered: offered),
    "random": Kind(_MERGED, _draw),
    "kernel": _like(_has_size, _SIZE),
    "count": _like(_has_count, _KERNELS),
    "all_of": Kind(pick=_pick_all_of, combines=True),
    "any_of": Kind(pick=_pick_any_of, combines=True),
    "uniform": Kind(_MERGED, count=lambda value, at, branches: int(value)),
    "proportional": Kind(_FACTOR, count=lambda value, at, branches: _share(value * at, branches)),
    "inverse": Kind(_FACTOR, count=lambda value, at, branches: _share(value / at, branches)),
    "per-size": _as_many(_has_size, _SIZE),
    "per-count": _as_many(_has_count, _KERNELS),
    "cost": Kind(_BIT_WEIGHT),
    "together": Kind(key=lambda value, place, branch: None),
    "every": Kind(_MEMBERS, key=lambda value, place, branch: place // value),
    "equal-sizes": Kind(key=lambda value, place, branch: branch.kernel),
    "by-type": Kind(key=lambda value, place, branch: isinstance(branch, IdentityBranchConfig)),
}
"""What each kind of rule does."""

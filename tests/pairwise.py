"""Parameters of a test that is about combinations: pairs in the full tier, all in the nightly one.

Most faults that a combination shows, a pair of its values shows already (Kuhn, Wallace and Gallo,
"Software fault interactions and implications for software testing", 2004).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import pytest


def pairwise(*axes: Sequence[Any]) -> list[Any]:
    """Every combination of one value from each axis; those that meet no new pair are nightly."""
    chosen = _chosen(tuple(len(axis) for axis in axes))
    return [
        pytest.param(
            *(axis[index] for axis, index in zip(axes, place, strict=True)),
            marks=() if place in chosen else pytest.mark.nightly,
        )
        for place in product(*(range(len(axis)) for axis in axes))
    ]


def _chosen(sizes: tuple[int, ...]) -> set[tuple[int, ...]]:
    """Places, greedily the one that meets most new pairs, until every two values have met."""
    places = list(product(*map(range, sizes)))
    missing = {pair for place in places for pair in _pairs(place)}
    chosen = set()
    while missing:
        best = max(places, key=lambda place: len(missing & _pairs(place)))
        chosen.add(best)
        missing -= _pairs(best)
    return chosen


def _pairs(place: tuple[int, ...]) -> set[tuple[tuple[int, int], ...]]:
    return set(combinations(enumerate(place), 2))

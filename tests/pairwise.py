"""Parameters of a test that is about combinations: pairs in the full tier, all in the nightly one.

Most faults that a combination shows, a pair of its values shows already (Kuhn, Wallace and Gallo,
"Software fault interactions and implications for software testing", 2004).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, product
from typing import Any

import pytest


def pairwise(*axes: Sequence[Any], valid: Callable[..., bool] = lambda *values: True) -> list[Any]:
    """Every combination of one value from each axis; those that meet no new pair are nightly.

    Args:
        axes: values of each parameter.
        valid: whether a combination exists.
    """
    combined = product(*(tuple(enumerate(axis)) for axis in axes))
    places = {tuple(index for index, _ in each): [value for _, value in each] for each in combined}
    places = {place: values for place, values in places.items() if valid(*values)}
    chosen = _chosen(list(places))
    return [
        pytest.param(*values, marks=() if place in chosen else pytest.mark.nightly)
        for place, values in places.items()
    ]


def _chosen(places: list[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """Places, greedily the one that meets most new pairs, until all that can meet have met."""
    missing = {pair for place in places for pair in _pairs(place)}
    chosen = set()
    while missing:
        best = max(places, key=lambda place: len(missing & _pairs(place)))
        chosen.add(best)
        missing -= _pairs(best)
    return chosen


def _pairs(place: tuple[int, ...]) -> set[tuple[tuple[int, int], ...]]:
    return set(combinations(enumerate(place), 2))

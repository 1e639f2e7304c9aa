"""Mutants of bundles: a thousand in every run, two hundred thousand at night."""

from __future__ import annotations

import pytest

from tests.builders.bundles import KINDS
from tests.bundle.fuzzing import run


def test_a_thousand_mutants_are_refused_in_one_line_or_whole() -> None:
    found = run(1000, seed=1)
    assert found.total() == 1000
    assert set(found) == {"taken", *KINDS}


@pytest.mark.nightly
def test_two_hundred_thousand_mutants() -> None:
    assert run(200_000, seed=2).total() == 200_000

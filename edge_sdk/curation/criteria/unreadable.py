"""Files that cannot be read: named, and the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_sdk.curation.criteria.criterion import Criterion, Finding, Measured


@dataclass(frozen=True)
class Unreadable(Criterion):
    """A picture must be read; every curation begins with this, unasked."""

    name = "unreadable"

    def judge(self, pictures: Sequence[Measured]) -> list[Finding | None]:
        """Leave out what failed."""
        return [None if one.failure is None else Finding(one.failure) for one in pictures]

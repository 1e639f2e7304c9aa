"""By what a collection is curated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_sdk.curation.criteria.background import Background
from edge_sdk.curation.criteria.criterion import Criterion
from edge_sdk.curation.criteria.near_duplicates import NearDuplicates
from edge_sdk.curation.criteria.size import Size
from edge_sdk.curation.criteria.unreadable import Unreadable
from edge_sdk.errors import InputError

STANDARD: tuple[Criterion, ...] = (Size(), Background(), NearDuplicates())
"""What is asked for by default; near-duplicates last, so that of two the one that stays is kept."""


@dataclass(frozen=True)
class CurationConfig:
    """What pictures of a collection must keep to.

    Attributes:
        criteria: in their order: a picture is left out for the first that it fails, and later ones
            do not see it. That a picture can be read comes before all of them.

    Raises:
        InputError: if two have one name.

    Example:
        >>> from edge_sdk.curation import Background, CurationConfig, NearDuplicates, Size
        >>> config = CurationConfig((Size(640), Background(0.1), NearDuplicates()))
        >>> config.settings()
        {'size': {'least_px': 640}, 'background': {'most_share': 0.1}, ...}
    """

    criteria: tuple[Criterion, ...] = STANDARD

    def __post_init__(self) -> None:
        names = [criterion.name for criterion in self.in_order]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InputError(f"criterion {twice[0]} is there twice; leave one of them out")

    @property
    def in_order(self) -> Sequence[Criterion]:
        """All criteria, the one that is there unasked too."""
        return (Unreadable(), *self.criteria)

    @property
    def measured_as(self) -> tuple[str, ...]:
        """What is measured of each picture; limits are no part of it."""
        return tuple(criterion.measured_as for criterion in self.in_order)

    def settings(self) -> dict[str, dict[str, Any]]:
        """Limits by criterion, as JSON holds them."""
        return {criterion.name: criterion.settings() for criterion in self.criteria}

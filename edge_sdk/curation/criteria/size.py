"""Pictures that are too small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_sdk.curation.criteria.criterion import Criterion, Finding, Measured
from edge_sdk.errors import InputError


@dataclass(frozen=True)
class Size(Criterion):
    """Width and height must have ``least_px`` pixels or more each.

    Attributes:
        least_px: pixels of the shorter side, at least 1; 500 is specification 4's example.

    Raises:
        InputError: if it is less than 1.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.curation import Measured, Size
        >>> Size(500).judge([Measured(Path("a.png"), 640, 480)])
        [Finding(detail='640×480 px, a side is below 500 px', like=None)]
    """

    name = "size"
    least_px: int = 500

    def __post_init__(self) -> None:
        if self.least_px < 1:
            raise InputError(f"least width and height must be 1 px or more, not {self.least_px}")

    def judge(self, pictures: Sequence[Measured]) -> list[Finding | None]:
        """Leave out what is smaller."""
        return [
            Finding(f"{one.width}×{one.height} px, a side is below {self.least_px} px")
            if min(one.width, one.height) < self.least_px
            else None
            for one in pictures
        ]

"""What a criterion is, what it is given, and what it answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from edge_sdk.curation.opened import OpenedPicture

Number = float | str
"""What is measured, as JSON holds it: integers, floats, and hexadecimal digits."""


@dataclass(frozen=True)
class Measured:
    """What is known of a picture before it is judged.

    Attributes:
        path: of the file.
        width: columns, upright; 0 where it could not be read.
        height: rows.
        numbers: what the criteria measured, by name.
        failure: why it could not be read; ``None`` if it could.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.curation import Measured
        >>> Measured(Path("photo.png"), 600, 400).pixels
        240000
    """

    path: Path
    width: int
    height: int
    numbers: Mapping[str, Number] = field(default_factory=dict)
    failure: str | None = None

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.width * self.height


@dataclass(frozen=True)
class Finding:
    """Why a picture is left out.

    Attributes:
        detail: one line with the figures that decided.
        like: the picture that is kept in its place, if there is one.

    Example:
        >>> from edge_sdk.curation import Finding
        >>> Finding("480×360 px, less than 500").like is None
        True
    """

    detail: str
    like: Path | None = None


class Criterion(ABC):
    """Something that pictures must keep to: a frozen dataclass of its limits.

    It must be picklable, since pictures are measured in several processes.

    Attributes:
        name: what a picture that fails is left out for; one word, or several with ``-``.

    Example:
        >>> from dataclasses import dataclass
        >>> from pathlib import Path
        >>> from edge_sdk.curation import Criterion, Finding, Measured
        >>> @dataclass(frozen=True)
        ... class Landscape(Criterion):
        ...     name = "upright"
        ...     def judge(self, pictures):
        ...         tall = (one.height > one.width for one in pictures)
        ...         return [Finding("taller than wide") if one else None for one in tall]
        >>> Landscape().judge([Measured(Path("a.png"), 300, 400)])
        [Finding(detail='taller than wide', like=None)]
    """

    name: ClassVar[str]

    @property
    def measured_as(self) -> str:
        """What :meth:`measure` gives, name and version: other numbers need another one.

        Limits are no part of it: a stopped run may go on with others.
        """
        return f"{self.name} 1"

    def measure(self, picture: OpenedPicture) -> Mapping[str, Number]:
        """Numbers of one picture, by names that no other criterion uses; by default none."""
        return {}

    @abstractmethod
    def judge(self, pictures: Sequence[Measured]) -> Sequence[Finding | None]:
        """Say of each picture why it is left out, or ``None``.

        Args:
            pictures: those that no earlier criterion left out, sorted by path.

        Returns:
            One for each picture, in their order.
        """

    def settings(self) -> dict[str, Any]:
        """Its limits by name, as JSON holds them: the fields that are in its repr."""
        own: Any = self
        return {each.name: getattr(self, each.name) for each in fields(own) if each.repr}

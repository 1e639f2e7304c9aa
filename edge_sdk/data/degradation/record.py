"""What was drawn for a picture, as JSON too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from edge_sdk.data.degradation.step import STEPS, Degradation
from edge_sdk.errors import InputError
from edge_sdk.json_records import from_json


@dataclass(frozen=True)
class DrawnStep:
    """A step that was applied.

    Attributes:
        step: its name in the table of steps.
        drawn: what was drawn of it.
    """

    step: str
    drawn: Degradation

    def as_json(self) -> dict[str, Any]:
        """Name and values, as :func:`drawn_steps` reads them."""
        return {"step": self.step, **asdict(self.drawn)}  # type: ignore[call-overload]


@dataclass(frozen=True)
class DegradationRecord:
    """What was drawn for a picture: all that is needed to degrade it alike again.

    Attributes:
        seed: of all draws.
        steps: what was applied, in this order; one at least.

    Example:
        >>> from edge_sdk.data.degradation.record import DegradationRecord, DrawnStep
        >>> from edge_sdk.data.degradation.steps.jpeg import Jpeg
        >>> DegradationRecord(7, (DrawnStep("jpeg", Jpeg(80)),)).as_json()
        {'seed': 7, 'steps': [{'step': 'jpeg', 'quality': 80}]}
    """

    seed: int
    steps: tuple[DrawnStep, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON holds it."""
        return {"seed": self.seed, "steps": [step.as_json() for step in self.steps]}


def drawn_steps(content: Sequence[Mapping[str, Any]]) -> tuple[DrawnStep, ...]:
    """Steps as a record in JSON has them.

    Raises:
        InputError: if a step is unknown, or a value missing, unknown or of another type.

    Example:
        >>> from edge_sdk.data.degradation.record import drawn_steps
        >>> drawn_steps([{"step": "jpeg", "quality": 80}])
        (DrawnStep(step='jpeg', drawn=Jpeg(quality=80)),)
    """
    found = []
    for place, entry in enumerate(content):
        values = dict(entry)
        name = str(values.pop("step", ""))
        kind: type[Any] = STEPS.find(name).drawn
        unknown = values.keys() - {field.name for field in fields(kind)}
        if unknown:
            raise InputError(f"steps.{place}: {name} has no '{min(unknown)}'; remove it")
        try:
            found.append(DrawnStep(name, from_json(kind, json.dumps(values))))
        except InputError as error:
            raise InputError(f"steps.{place}.{error}") from error
    return tuple(found)

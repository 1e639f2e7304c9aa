"""What pictures are degraded by: steps with their ranges, how often each, and in which order."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edge_sdk.data.degradation.step import STEPS, DegradationRange
from edge_sdk.errors import InputError

MOST_ROUNDS = 4


@dataclass(frozen=True)
class RecipeStep:
    """A step of a recipe.

    Attributes:
        step: its name in the table of steps.
        ranges: what it is drawn from.
        probability: part of the pictures that it is applied to, 0 to 1.

    Raises:
        InputError: if the name is unknown, the ranges are those of another step, or the
            probability is out of its range.

    Example:
        >>> from edge_sdk.data.degradation.recipe import RecipeStep
        >>> from edge_sdk.data.degradation.steps.jpeg import JpegRange
        >>> RecipeStep("jpeg", JpegRange(quality=(70, 90)), probability=0.5).ranges.quality
        (70, 90)
    """

    step: str
    ranges: DegradationRange
    probability: float = 1.0

    def __post_init__(self) -> None:
        wanted = STEPS.find(self.step).ranges
        if not isinstance(self.ranges, wanted):
            raise InputError(f"{self.step}: give it a {wanted.__name__}, not {self.ranges!r}")
        if not 0 <= self.probability <= 1:
            raise InputError(f"probability {self.probability:g}: give a number of 0 to 1")


@dataclass(frozen=True)
class DegradationRecipe:
    """Steps in their order.

    Attributes:
        steps: applied one after the other, each with its probability.
        rounds: how often all of them are gone through, 1 to 4; every round draws anew.
        shuffle: whether the order is drawn too, for every round of every picture.

    Raises:
        InputError: if no step has a probability above 0, or the rounds are out of their range.

    Example:
        >>> from edge_sdk.data import DegradationRecipe
        >>> from edge_sdk.data.degradation.presets import preset
        >>> document = preset("document")
        >>> [step.step for step in document.steps][:3]
        ['gaussian-blur', 'motion-blur', 'downsample']
        >>> DegradationRecipe(())
        Traceback (most recent call last):
            ...
        edge_sdk.errors.InputError: no step is ever on; give one a probability above 0
    """

    steps: tuple[RecipeStep, ...]
    rounds: int = 1
    shuffle: bool = False

    def __post_init__(self) -> None:
        if not any(step.probability > 0 for step in self.steps):
            raise InputError("no step is ever on; give one a probability above 0")
        if not 1 <= self.rounds <= MOST_ROUNDS:
            raise InputError(f"rounds {self.rounds}: give a number of 1 to {MOST_ROUNDS}")

    def as_json(self) -> dict[str, Any]:
        """What a file of this recipe holds."""
        steps = [
            {"step": step.step, "probability": step.probability, **asdict(step.ranges)}  # type: ignore[call-overload]
            for step in self.steps
        ]
        return {"steps": steps, "rounds": self.rounds, "shuffle": self.shuffle}

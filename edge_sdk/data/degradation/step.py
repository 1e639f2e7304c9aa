"""What a step is: ranges to draw from, and what was drawn, which changes a picture.

A step is one file in ``steps`` with two frozen dataclasses and a line that registers them. Their
fields are what a recipe gives and what a record keeps: numbers, words and tuples of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.registry import Registry

Bounds = tuple[float, float]
"""Least and greatest of what is drawn."""
WholeBounds = tuple[int, int]
"""The same of whole numbers, both among them."""


class Degradation(ABC):
    """What was drawn of a step, random places included: the same picture always becomes the same.

    A frozen dataclass.
    """

    @abstractmethod
    def applied(self, pixels: Tensor) -> Tensor:
        """A degraded picture.

        Args:
            pixels: float32 [3, H, W] in [0, 1], sRGB.

        Returns:
            Float32 of the same shape; whoever calls clips it to [0, 1].
        """


class DegradationRange(ABC):
    """What a step is drawn from: a frozen dataclass with a default for each field, which checks."""

    @abstractmethod
    def draw(self, generator: np.random.Generator) -> Degradation:
        """Draw one; the number of draws does not depend on what comes out."""


@dataclass(frozen=True)
class StepKind:
    """A step as the table has it.

    Attributes:
        ranges: what it is drawn from.
        drawn: what comes out.
    """

    ranges: type[DegradationRange]
    drawn: type[Degradation]


STEPS: Registry[StepKind] = Registry(
    "degradation",
    "edge_sdk.data.degradation.steps",
    "edge_sdk.degradations",
    lambda kind: kind.ranges,
)
"""All steps by name."""


def check_bounds(name: str, bounds: Bounds, least: float, greatest: float) -> None:
    """Make sure that a range is in order and within what can be computed.

    Raises:
        InputError: if it is not.
    """
    low, high = bounds
    if not least <= low <= high <= greatest:
        raise InputError(
            f"{name} {low:g}, {high:g}: give two numbers in order, {least:g} to {greatest:g}"
        )


def uniform(bounds: Bounds, generator: np.random.Generator) -> float:
    """A number of a range, each as likely as another."""
    return float(generator.uniform(*bounds))


def draw_seed(generator: np.random.Generator) -> int:
    """A seed for what a step draws at every pixel."""
    return int(generator.integers(2**32))

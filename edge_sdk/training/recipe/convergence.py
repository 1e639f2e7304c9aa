"""Section ``convergence`` of a recipe: when a run has learned what it can, and ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field

from edge_sdk.training.recipe.section import Section


class StopReason(StrEnum):
    """Why a run ended.

    Example:
        >>> from edge_sdk.training.recipe.convergence import StopReason
        >>> str(StopReason.CONVERGED)
        'converged'
    """

    CONVERGED = "converged"
    """The validation loss no longer changed."""
    STEPS = "steps"
    """The largest number of steps was taken."""


class ConvergenceConfig(Section):
    """A run ends where its validation loss no longer changes, and after ``optimizer.steps``."""

    window: int = Field(
        5, ge=1, description="validations whose mean loss is compared with that of as many before"
    )
    threshold: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="relative change of that mean below which the run ends",
    )

    def is_met(self, losses: Sequence[float]) -> bool:
        """Whether a run with these validation losses, in order, has converged."""
        return relative_change(losses, self.window) < self.threshold


def relative_change(losses: Sequence[float], window: int) -> float:
    """|m₂ − m₁| / m₁, of the mean m₂ of the last ``window`` losses and m₁ of as many before.

    Args:
        losses: of all validations, in order, each 0 or more.
        window: number of validations, 1 or more.

    Returns:
        Infinity where there are fewer than twice ``window``, and 0 where both means are 0.

    Example:
        >>> from edge_sdk.training.recipe.convergence import relative_change
        >>> relative_change([9.0, 2.0, 2.0, 1.0, 2.0], 2)
        0.25
    """
    if len(losses) < 2 * window:
        return math.inf
    before = sum(losses[-2 * window : -window]) / window
    now = sum(losses[-window:]) / window
    if before == 0:
        return 0.0 if now == 0 else math.inf
    return abs(now - before) / before

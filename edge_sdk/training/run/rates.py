"""The learning rate over the steps of a run: warm-up, level, and a cosine to zero."""

from __future__ import annotations

import math

from edge_sdk.training.recipe.sections import OptimizerConfig


def rate_factor(optimizer: OptimizerConfig, step: int) -> float:
    """What the step that follows ``step`` others multiplies the recipe's rate by, in [0, 1].

    It grows in equal steps to 1 over ``warmup_steps``, stays there until ``decay_steps`` are left,
    and goes down to 0 by half a cosine. Without ``decay_steps`` the cosine begins behind the
    warm-up.

    Example:
        >>> from edge_sdk.training.run.rates import rate_factor
        >>> from edge_sdk.training.recipe.sections import OptimizerConfig
        >>> optimizer = OptimizerConfig(steps=100, warmup_steps=10, decay_steps=40)
        >>> [round(rate_factor(optimizer, step), 2) for step in (4, 10, 59, 80, 100)]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    if step < optimizer.warmup_steps:
        return (step + 1) / optimizer.warmup_steps
    first = optimizer.warmup_steps
    if optimizer.decay_steps is not None:
        first = max(first, optimizer.steps - optimizer.decay_steps)
    done = (step - first) / max(1, optimizer.steps - first)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, done))))

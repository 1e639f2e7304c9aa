"""Poisson noise: a pixel of level x is counted, as light is, and the count divided back.

    x ← 255/λ · Poisson(x·λ/255)

The mean stays; the standard deviation is √(255·x/λ) levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edge_sdk.data.degradation.step import (
    STEPS,
    Bounds,
    Degradation,
    DegradationRange,
    StepKind,
    check_bounds,
    draw_seed,
    uniform,
)


@dataclass(frozen=True)
class PoissonNoise(Degradation):
    """Noise as it was drawn, independent in every pixel and color.

    Attributes:
        white_count: λ, the mean count of a white pixel; the fewer, the stronger the noise.
        seed: of the noise.
    """

    white_count: float
    seed: int

    def applied(self, pixels: Tensor) -> Tensor:
        """The picture, counted."""
        means = pixels.clamp(min=0).numpy().astype(np.float64) * self.white_count
        counts = np.random.default_rng(self.seed).poisson(means)
        return torch.from_numpy((counts / self.white_count).astype(np.float32))


@dataclass(frozen=True)
class PoissonNoiseRange(DegradationRange):
    """Noise to draw from; the document leaves the range open.

    Attributes:
        white_count: least and greatest λ, 1 to 1,000,000; evenly in its logarithm.

    Raises:
        InputError: if they are not in order or out of these bounds.
    """

    white_count: Bounds = (100.0, 2000.0)

    def __post_init__(self) -> None:
        check_bounds("white_count", self.white_count, 1, 1e6)

    def draw(self, generator: np.random.Generator) -> PoissonNoise:
        """Draw a noise."""
        low, high = self.white_count
        drawn = math.exp(uniform((math.log(low), math.log(high)), generator))
        # The exponential of a logarithm may miss its end by a rounding.
        return PoissonNoise(min(max(drawn, low), high), draw_seed(generator))


STEPS.register("poisson-noise", StepKind(PoissonNoiseRange, PoissonNoise))

"""Gaussian noise with a drawn mean and standard deviation."""

from __future__ import annotations

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
class GaussianNoise(Degradation):
    """Noise as it was drawn, independent in every pixel and color.

    What leaves [0, 1] is clipped: to scale a picture by its own extremes, as the document may be
    read, would change its brightness.

    Attributes:
        mean_levels: μ, in 8-bit levels.
        std_levels: σ, likewise.
        seed: of the noise.
    """

    mean_levels: float
    std_levels: float
    seed: int

    def applied(self, pixels: Tensor) -> Tensor:
        """The picture and the noise."""
        generator = np.random.default_rng(self.seed)
        noise = torch.from_numpy(generator.standard_normal(pixels.shape, dtype=np.float32))
        return pixels + (noise * self.std_levels + self.mean_levels) / 255


@dataclass(frozen=True)
class GaussianNoiseRange(DegradationRange):
    """Noise to draw from; the document leaves the ranges open.

    Attributes:
        mean_levels: least and greatest μ, −255 to 255.
        std_levels: least and greatest σ, 0 to 255.

    Raises:
        InputError: if a range is not in order or out of these bounds.
    """

    mean_levels: Bounds = (-4.0, 4.0)
    std_levels: Bounds = (0.0, 15.0)

    def __post_init__(self) -> None:
        check_bounds("mean_levels", self.mean_levels, -255, 255)
        check_bounds("std_levels", self.std_levels, 0, 255)

    def draw(self, generator: np.random.Generator) -> GaussianNoise:
        """Draw a noise."""
        return GaussianNoise(
            uniform(self.mean_levels, generator),
            uniform(self.std_levels, generator),
            draw_seed(generator),
        )


STEPS.register("gaussian-noise", StepKind(GaussianNoiseRange, GaussianNoise))

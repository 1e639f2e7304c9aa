"""Salt and pepper: pixels that are white or black, as many as a signal-to-noise ratio leaves."""

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
class SaltAndPepper(Degradation):
    """Noise as it was drawn: round((1 − SNR)·H·W) pixels, in all colors at once.

    Attributes:
        signal_share: SNR, the part of the pixels that stay.
        seed: of the places, and of which are white.
    """

    signal_share: float
    seed: int

    def applied(self, pixels: Tensor) -> Tensor:
        """The picture, some of its pixels white or black."""
        generator = np.random.default_rng(self.seed)
        every = pixels.shape[-2] * pixels.shape[-1]
        count = round((1 - self.signal_share) * every)
        places = torch.from_numpy(generator.choice(every, count, replace=False, shuffle=False))
        white = torch.from_numpy(generator.random(count) < 0.5).to(pixels)
        degraded = pixels.clone().reshape(len(pixels), every)
        degraded[:, places] = white
        return degraded.reshape(pixels.shape)


@dataclass(frozen=True)
class SaltAndPepperRange(DegradationRange):
    """Noise to draw from; the document leaves the range open.

    Attributes:
        signal_share: least and greatest part of the pixels that stay, 0 to 1.

    Raises:
        InputError: if they are not in order or out of these bounds.
    """

    signal_share: Bounds = (0.98, 1.0)

    def __post_init__(self) -> None:
        check_bounds("signal_share", self.signal_share, 0, 1)

    def draw(self, generator: np.random.Generator) -> SaltAndPepper:
        """Draw a noise."""
        return SaltAndPepper(uniform(self.signal_share, generator), draw_seed(generator))


STEPS.register("salt-and-pepper", StepKind(SaltAndPepperRange, SaltAndPepper))

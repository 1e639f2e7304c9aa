"""Fewer pixels, and back to the size before: what is lost is lost.

The document's steps 2 and 3 are one here, since a picture that stayed small would not fit its
sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from edge_sdk.data.degradation.grids import ENLARGEMENTS, enlarged, reduced
from edge_sdk.data.degradation.step import (
    STEPS,
    Bounds,
    Degradation,
    DegradationRange,
    StepKind,
    check_bounds,
    uniform,
)
from edge_sdk.errors import InputError

GREATEST = 16


@dataclass(frozen=True)
class Downsample(Degradation):
    """A reduction as it was drawn.

    Attributes:
        factor: s, by which each side has fewer pixels.
        antialiased: whether detail too fine for them was taken away before.
        enlargement: how it went back.
    """

    factor: float
    antialiased: bool
    enlargement: str

    def applied(self, pixels: Tensor) -> Tensor:
        """The picture, smaller and back."""
        small = reduced(pixels, self.factor, antialiased=self.antialiased).clamp(0, 1)
        return enlarged(small, (pixels.shape[-2], pixels.shape[-1]), self.enlargement)


@dataclass(frozen=True)
class DownsampleRange(DegradationRange):
    """Reductions to draw from.

    Attributes:
        factor: least and greatest s, 1 to 16; the document leaves them open.
        antialias_share: part of the pictures that are antialiased, 0 to 1.
        enlargements: one or more of bilinear, bicubic, nearest, each as likely as another.

    Raises:
        InputError: if a range is not in order or out of these bounds, or an enlargement unknown.
    """

    factor: Bounds = (1.0, 4.0)
    antialias_share: float = 0.5
    enlargements: tuple[str, ...] = ENLARGEMENTS

    def __post_init__(self) -> None:
        check_bounds("factor", self.factor, 1, GREATEST)
        if not 0 <= self.antialias_share <= 1:
            raise InputError(f"antialias_share {self.antialias_share:g}: give a part of 0 to 1")
        unknown = [name for name in self.enlargements if name not in ENLARGEMENTS]
        if unknown or not self.enlargements:
            what = f"unknown '{unknown[0]}'" if unknown else "none given"
            raise InputError(f"enlargements: {what}; give one or more of {', '.join(ENLARGEMENTS)}")

    def draw(self, generator: np.random.Generator) -> Downsample:
        """Draw a reduction."""
        factor = uniform(self.factor, generator)
        antialiased = bool(generator.random() < self.antialias_share)
        return Downsample(
            factor, antialiased, self.enlargements[int(generator.integers(len(self.enlargements)))]
        )


STEPS.register("downsample", StepKind(DownsampleRange, Downsample))

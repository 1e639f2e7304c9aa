"""How dark and dull pictures are stretched, so that half precision holds what they show."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from edge_sdk.registration.alignment.refining import Motions
from edge_sdk.registration.stages.expand import MIDDLE

CONTRAST = 0.2
"""Standard deviation of a picture that needs no stretching."""
MOST = 8.0
"""Largest factor: squares of lamps stay within half precision, ``(8·16)²`` of 65504."""


@dataclass(frozen=True)
class Stretch:
    """Values as ``expand`` and ``align`` see them: ½ + factor·(value − middle).

    Half precision keeps eleven bits of a number. Of 0.05 − ½ they go into the ½, and squares of
    small slopes fall under the least number: such a burst is stretched first.

    Attributes:
        factor: power of two from 1 to ``MOST``.
        middle: value that becomes ½.
    """

    factor: float = 1.0
    middle: float = MIDDLE

    @staticmethod
    def of(level: np.ndarray) -> Stretch:
        """What a reference [h, w] asks for: none from a standard deviation of ``CONTRAST``/2 on."""
        deviation = float(level.std(dtype=np.float64))
        if deviation > CONTRAST / 2:
            return Stretch()
        factor = min(2.0 ** np.floor(np.log2(CONTRAST / max(deviation, CONTRAST / MOST))), MOST)
        return Stretch(float(factor), float(np.float32(level.mean(dtype=np.float64))))

    def __call__(self, level: np.ndarray) -> np.ndarray:
        """Stretch a level, float32 of any shape."""
        if self.factor == 1.0:
            return level
        stretched: np.ndarray = (level - np.float32(self.middle)) * np.float32(self.factor)
        stretched += np.float32(MIDDLE)
        return stretched

    def undone(self, motions: Motions) -> Motions:
        """The same motions with the light and the spread that they have before stretching."""
        moved = (self.middle - MIDDLE) * (1.0 - motions.gains)
        return replace(
            motions,
            offsets=motions.offsets / self.factor + moved,
            spreads=motions.spreads / self.factor,
        )

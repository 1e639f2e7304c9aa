"""Whole shifts of a frame on the coarsest level: peaks of its correlation with the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.registration.alignment.levels import surrounded
from edge_sdk.registration.stages.search import COMPRESSION
from edge_sdk.registration.stages.stage_set import AlignStages

LEAST_OVERLAP = 0.25
"""Share of the level that both must show for a shift to be considered."""
PEAKS = 5
"""Shifts that are kept, at most."""
OTHER_PEAK, LEAST_PEAK = 0.7, 0.1
"""Evidence of another shift, over that of the best and at all, from which on it is kept."""
FLAT = 3e-3
"""Mean square of local contrast that counts as none."""
NOTHING = 0.02
"""Evidence under which nothing was seen: the frame stays at rest."""
TIE = 1e-5
"""Evidence, per pixel of shift, that counts as none: of equals the smallest shift wins."""


@dataclass(frozen=True)
class Peak:
    """A whole shift, reference to frame, and its evidence in [−1, 1]."""

    x: int
    y: int
    evidence: float


class ShiftSearch:
    """A level of the reference, prepared for the search of whole shifts.

    Args:
        level: float32 [1, 1, h, w], the coarsest level.
        stages: the stages.
        reach_px: largest shift in each direction.
    """

    def __init__(self, level: Tensor, stages: AlignStages, reach_px: int) -> None:
        height, width = level.shape[-2:]
        self.stages = stages
        self.reach_x, self.reach_y = min(reach_px, width - 1), min(reach_px, height - 1)
        self.search = stages.search(self.reach_x)
        self.high, self.bound = _high(level, stages)
        self.line = self._line(self.high)
        self.shown = self._line(torch.ones_like(level))
        y, x = np.mgrid[-self.reach_y : self.reach_y + 1, -self.reach_x : self.reach_x + 1]
        self.share = (1 - abs(y) / height) * (1 - abs(x) / width)
        self.tie = TIE * np.hypot(x, y)
        _, own = self._sums(self.high, self.bound)
        self.own = own[::-1, ::-1]

    def peaks(self, level: Tensor) -> tuple[Peak, ...]:
        """Best shifts of a frame's level, best first, none beside another.

        The evidence of a shift is ρ·√n, ρ the correlation and n the share in common: by chance ρ is
        of the order of 1/√n, so that few pixels must agree better than many.
        """
        evidence = self._correlation(level) * np.sqrt(self.share) - self.tie
        evidence[self.share < LEAST_OVERLAP] = -1.0
        if evidence.max() < NOTHING:
            return (Peak(0, 0, 0.0),)
        found: list[Peak] = []
        for place in _peaks(evidence):
            row, column = np.unravel_index(place, evidence.shape)
            peak = Peak(
                int(column) - self.reach_x, int(row) - self.reach_y, float(evidence[row, column])
            )
            if found and peak.evidence < max(OTHER_PEAK * found[0].evidence, LEAST_PEAK):
                break
            found.append(peak)
        return tuple(found)

    def _correlation(self, level: Tensor) -> np.ndarray:
        cross, other = self._sums(*_high(level, self.stages))
        correlation: np.ndarray = cross / np.sqrt(self.own * other + FLAT**2)
        return correlation

    def _sums(self, high: Tensor, bound: float) -> tuple[np.ndarray, np.ndarray]:
        """C and B of stage ``search``, float64 [D, 2R + 1] each."""
        numbers = torch.tensor([self.bound, bound]).view(1, 1, 1, 2)
        with torch.inference_mode():
            sums = self.search(self.line, self.shown, self._rows(high), numbers)[0, :, 0]
        shifts = 2 * self.reach_y + 1
        return sums[:shifts].double().numpy(), sums[shifts:].double().numpy()

    def _line(self, picture: Tensor) -> Tensor:
        """Rows one after the other, with zeros between them: [1, 1, 1, h·(w + 2R)]."""
        return functional.pad(picture, (0, 2 * self.reach_x)).view(1, 1, 1, -1)

    def _rows(self, picture: Tensor) -> Tensor:
        """The same once for each shift up and down: [1, D, 1, h·(w + 2R) + 2R]."""
        x, y = self.reach_x, self.reach_y
        height, width = picture.shape[-2:]
        line = functional.pad(picture, (x, x, y, y)).view(-1)
        line = functional.pad(line, (0, 2 * x))
        step = width + 2 * x
        return line.unfold(0, height * step + 2 * x, step)[None, :, None]


def _high(level: Tensor, stages: AlignStages) -> tuple[Tensor, float]:
    high = surrounded(level, stages)
    return high, COMPRESSION * float(high.square().mean().sqrt())


def _peaks(evidence: np.ndarray) -> np.ndarray:
    """Places that no neighbor exceeds, best first, none beside another."""
    padded = np.pad(evidence, 1, constant_values=-np.inf)
    height, width = evidence.shape
    highest = np.max(
        [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)], axis=0
    )
    places = np.flatnonzero((evidence >= highest) & (evidence > -1.0))
    order = places[np.argsort(-evidence.reshape(-1)[places], kind="stable")][:PEAKS]
    return order if len(order) else np.array([evidence.argmax()])

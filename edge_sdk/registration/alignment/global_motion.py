"""One motion for each frame: search, Gauss–Newton from level to level, choice between several."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from edge_sdk.registration.alignment.levels import finer_matrices
from edge_sdk.registration.alignment.peaks import ShiftSearch
from edge_sdk.registration.alignment.points import LevelPoints
from edge_sdk.registration.alignment.refining import LevelAlign, Motions
from edge_sdk.registration.alignment.rivals import settled
from edge_sdk.registration.alignment.stretch import Stretch
from edge_sdk.registration.models import MotionModel
from edge_sdk.registration.stages.stage_set import AlignStages

FINE_POINTS, COARSE_POINTS = 20_000, 2_500
"""Points of the finest level and of every other, at most about."""
STEPS = 12
"""Most steps on a level."""
COARSE_TOLERANCE_PX, TOLERANCE_PX = 0.1, 0.02
"""Movement in a step under which a coarse level, and the finest, count as done: what is left then
is a tenth of it."""
JUDGED_BLOCKS = 128
"""Blocks by which the correlation of a frame is told, at most."""
BELIEVED = 0.5
"""Squared correlation from which on another motion is more than chance."""
WORSE, WORSE_STILL = 3.0, 0.01
"""Unexplained share of the variance, by that of the best motion and beyond, up to which another
leaves a frame undecided: by chance a frame finds some place at which a sky fits a little."""


@dataclass(frozen=True, eq=False)
class FoundMotions:
    """What is known of N frames.

    Attributes:
        motions: one of each frame, in order, on the finest level.
        overlap: float [N], shares of the reference that frames show.
        explained: float [N], squared correlations there.
        undecided: bool [N], whether another motion fits as well.
    """

    motions: Motions
    overlap: np.ndarray
    explained: np.ndarray
    undecided: np.ndarray


class GlobalFinder:
    """A reference, prepared for the question how whole frames moved.

    Args:
        levels: its levels, float32 [1, 1, h, w] each, from the finest that is compared on.
        stages: the stages.
        model: the motion model.
        reach_px: largest shift that is searched, on the finest level.
    """

    def __init__(
        self, levels: list[Tensor], stages: AlignStages, model: MotionModel, reach_px: float
    ) -> None:
        self._sizes = [level.shape[-2:] for level in levels]
        self._stretch = Stretch.of(levels[0][0, 0].numpy())
        self._levels = [
            LevelAlign(
                LevelPoints.of(
                    torch.from_numpy(self._stretch(level.numpy())),
                    stages,
                    model,
                    COARSE_POINTS if index else FINE_POINTS,
                ),
                stages,
                model,
            )
            for index, level in enumerate(levels)
        ]
        fine = self._levels[0]
        self._judge = replace(fine, points=fine.points.some(JUDGED_BLOCKS))
        self._search = ShiftSearch(levels[-1], stages, math.ceil(reach_px / 2 ** (len(levels) - 1)))

    def find(
        self, levels: list[np.ndarray], coarsest: list[Tensor], away: np.ndarray | None = None
    ) -> FoundMotions:
        """Find the motions of frames.

        Args:
            levels: float32 [N, h, w] each, as those of the reference.
            coarsest: the last of them, a tensor [1, 1, h, w] for each frame.
            away: float64 [K, 3, 3], motions by which the reference lies on itself: a frame that
                the search has placed a period off is looked for there, too.
        """
        last = len(levels) - 1
        levels = [self._stretch(level) for level in levels]
        motions = self._levels[last].looked_at(levels[last], self._starts(coarsest))
        for index in range(last, -1, -1):
            if index < last:
                finer = finer_matrices(motions.matrices, *self._sizes[index])
                motions = replace(motions, matrices=finer)
            level = self._levels[index]
            tolerance_px = COARSE_TOLERANCE_PX if index else TOLERANCE_PX
            motions = level.refined(levels[index], motions, STEPS, tolerance_px)
            if index < last or not index:
                motions = settled(level, levels[index], motions)
        if away is not None:
            rivals = [replace(motions, matrices=motions.matrices @ period) for period in away]
            joined = Motions.joined([motions, *rivals])
            fine = self._levels[0]
            motions = settled(fine, levels[0], fine.refined(levels[0], joined, STEPS, TOLERANCE_PX))
        overlap, explained = self._judge.judged(levels[0], motions)
        _, first, owner = np.unique(motions.owners, return_index=True, return_inverse=True)
        best = explained[first[owner]]
        believed = 1.0 - explained <= WORSE * (1.0 - best) + WORSE_STILL
        believed &= explained >= BELIEVED
        believed[first] = False
        undecided = np.isin(motions.owners[first], motions.owners[believed])
        found = self._stretch.undone(motions.rows(first))
        return FoundMotions(found, overlap[first], explained[first], undecided)

    def _starts(self, coarsest: list[Tensor]) -> Motions:
        owners, shifts = [], []
        for owner, level in enumerate(coarsest):
            for peak in self._search.peaks(level):
                owners.append(owner)
                shifts.append((peak.x, peak.y))
        matrices = np.tile(np.eye(3), (len(owners), 1, 1))
        matrices[:, :2, 2] = shifts
        return Motions.starting(np.array(owners), matrices)

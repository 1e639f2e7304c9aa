"""Gauss–Newton on one level, through stage ``align``, for many motions at once."""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import torch

from edge_sdk.registration.alignment.equations import BlockSums, explained_by, solved, spreads_of
from edge_sdk.registration.alignment.points import LevelPoints
from edge_sdk.registration.alignment.samples import gathered
from edge_sdk.registration.frame_motions import FrameMotions
from edge_sdk.registration.models import MotionModel, generators
from edge_sdk.registration.stages.expand import MIDDLE, SCALE
from edge_sdk.registration.stages.stage_set import AlignStages

FIRST_SPREAD = 0.2
"""Robust standard deviation that the first step assumes: nearly all that is shown counts."""
LONGEST_STEP_PX = 6.0
"""No corner moves further in one step: beyond, the slopes say nothing."""
MIN_GAIN = 0.02
"""A frame that shows less of the reference's contrast does not move."""
NO_OUTLIERS = 100.0
"""Standard deviation with which every pixel has the weight of the mask."""
SERIES = 6
"""Terms of the exponential of a step: it is a small part of the radius."""
POINTS_AT_ONCE = 50_000
"""Points of motions that are computed together: more leave the processor's cache."""


@dataclass(frozen=True, eq=False)
class Motions:
    """What is known of N motions on a level, several of which may be of one frame.

    Attributes:
        owners: int [N], the frame that each is of.
        matrices: float64 [N, 3, 3], reference to frame.
        gains: float64 [N], contrast of the frame over that of the reference.
        offsets: float64 [N], what the frame differs by where the reference is ½.
        spreads: float64 [N], robust standard deviation of residuals.
        steps_px: float64 [N], largest movement of a corner in the last step.
    """

    owners: np.ndarray
    matrices: np.ndarray
    gains: np.ndarray
    offsets: np.ndarray
    spreads: np.ndarray
    steps_px: np.ndarray

    @staticmethod
    def starting(owners: np.ndarray, matrices: np.ndarray) -> Motions:
        """Motions of which nothing else is known."""
        ones = np.ones(len(owners))
        return Motions(owners, matrices, ones, 0 * ones, FIRST_SPREAD * ones, np.inf * ones)

    def rows(self, chosen: np.ndarray) -> Motions:
        """Some of them, by index or mask."""
        return Motions(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def lit(self) -> FrameMotions:
        """The same for tensors, with the offset where the reference is black."""
        black = self.offsets + MIDDLE * (1.0 - self.gains)
        values = (self.matrices, self.gains, black, self.spreads)
        return FrameMotions(*(torch.from_numpy(each) for each in values))

    @staticmethod
    def joined(parts: list[Motions]) -> Motions:
        """All of them, one after the other."""
        names = Motions.__dataclass_fields__
        return Motions(*(np.concatenate([getattr(x, name) for x in parts]) for name in names))


@dataclass(frozen=True, eq=False)
class LevelAlign:
    """A level of the reference, and the stages.

    Attributes:
        points: what speaks for a motion.
        stages: the stages.
        model: the motion model.
    """

    points: LevelPoints
    stages: AlignStages
    model: MotionModel

    def refined(
        self, frames: np.ndarray, start: Motions, steps: int, tolerance_px: float
    ) -> Motions:
        """Take up to so many steps for frames [F, h, w], fewer once all of them are small."""
        together = max(1, POINTS_AT_ONCE // self.points.real.size)
        parts = []
        for first in range(0, len(start.owners), together):
            part = start.rows(np.arange(first, min(first + together, len(start.owners))))
            parts.append(self._rested(frames, part, steps, tolerance_px))
        return Motions.joined(parts)

    def looked_at(self, frames: np.ndarray, at: Motions) -> Motions:
        """The same motions with the spread that they leave before any step.

        Of two things in a picture the one of more texture would else set the first light.
        """
        return replace(at, spreads=spreads_of(self.sums(frames, at), at.spreads))

    def _rested(
        self, frames: np.ndarray, start: Motions, steps: int, tolerance_px: float
    ) -> Motions:
        """Each takes steps until its own is small, whatever the others do."""
        done, moving = [], start
        places = np.arange(len(start.owners))
        order: list[np.ndarray] = []
        for _ in range(steps):
            moving = self._stepped(self.sums(frames, moving), moving)
            rests = moving.steps_px < tolerance_px
            done.append(moving.rows(rests))
            order.append(places[rests])
            moving, places = moving.rows(~rests), places[~rests]
            if not len(places):
                break
        ordered = np.argsort(np.concatenate((*order, places)))
        return Motions.joined([*done, moving]).rows(ordered)

    def sums(self, frames: np.ndarray, at: Motions) -> BlockSums:
        """Stage ``align`` over all blocks."""
        samples = gathered(self.points, frames, at.owners, at.matrices)
        numbers = np.stack((at.gains, at.offsets, at.spreads * SCALE), 1, dtype=np.float32)
        with torch.inference_mode():
            sums = self.stages.align(
                self.points.coefficients,
                torch.from_numpy(samples.values)[:, None],
                torch.from_numpy(samples.offsets_px),
                torch.from_numpy(samples.shown)[:, None],
                torch.from_numpy(numbers)[:, None, None],
            )
        return BlockSums.of(sums.numpy(), samples.shown)

    def judged(self, frames: np.ndarray, at: Motions) -> tuple[np.ndarray, np.ndarray]:
        """Shares of the reference that frames show, and squared correlations there, [N] both."""
        even = replace(at, spreads=np.full(len(at.owners), NO_OUTLIERS))
        sums = self.sums(frames, even)
        return sums.shares.mean(1) / self.points.real.mean(), explained_by(sums, at.gains)

    def _stepped(self, sums: BlockSums, at: Motions) -> Motions:
        points = self.points
        steps = solved(sums, points.moves)
        seen = np.where(at.gains > MIN_GAIN, 1 / np.maximum(at.gains, MIN_GAIN), 0.0)
        motions = np.nan_to_num(steps.motions * seen[:, None], posinf=0.0, neginf=0.0)
        steps_px = np.hypot(motions @ points.corners[0], motions @ points.corners[1]).max(1)
        motions *= (LONGEST_STEP_PX / np.maximum(steps_px, LONGEST_STEP_PX))[:, None]
        # The step moves the reference; the frame's motion takes its inverse.
        matrices = at.matrices @ step_matrices(self.model, -motions, points.radius)
        return Motions(
            at.owners,
            matrices,
            at.gains + steps.gains,
            at.offsets + steps.offsets,
            spreads_of(sums, at.spreads),
            steps_px,
        )


def step_matrices(model: MotionModel, steps: np.ndarray, radius: float) -> np.ndarray:
    """exp(Σ δ_k G_k) on pixels, [N, 3, 3], of steps δ [N, K] in pixels at the radius."""
    small = np.tensordot(steps / radius, _generators(model), 1)
    total = term = np.broadcast_to(np.eye(3), small.shape)
    for order in range(1, SERIES + 1):
        term = term @ small / order
        total = total + term
    scaling = np.array([radius, radius, 1.0])
    matrices: np.ndarray = scaling[:, None] * total / scaling
    return matrices


@functools.cache
def _generators(model: MotionModel) -> np.ndarray:
    made: np.ndarray = generators(model, torch.zeros((), dtype=torch.float64)).numpy()
    return made

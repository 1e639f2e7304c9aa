"""A reference that repeats: whether a frame's motion is the only one that fits, and which is.

A motion stands if it beats each of its rivals, the same motion a period further. Where it does not,
the frame is searched for what the reference shows only once, and a motion found that way stands or
falls by the same rule. If none stands, the frame's position is undecided.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.registration.frame_motions import FrameMotions
from edge_sdk.registration.models import MotionModel
from edge_sdk.registration.repetition.block_samples import ERRORS, MISFIT_STD, Samples, drift_px
from edge_sdk.registration.repetition.gauss_newton import Normals, Refined, refine
from edge_sdk.registration.repetition.landmarks import LandmarkSearch
from edge_sdk.registration.repetition.rivals import Blocks, Rival
from edge_sdk.registration.repetition.self_similarity import periods
from edge_sdk.registration.template import Template

ITERATIONS, TOLERANCE_PX = 10, 4e-3
"""Most steps of Gauss–Newton, and movement under which it is done."""
MIN_EXPLAINED = 0.25
"""Squared correlation of the reference with itself a period away."""
SAME_PX = 2.0
"""A period may turn out to be this far from the whole shift at which it was seen."""
LEAST_EVIDENCE = 20.0
"""Sum of misfits, beyond chance, that a rival must have more than the motion: 3 full blocks."""
CHANCE = ERRORS * MISFIT_STD
"""Difference of two misfits of a block that noise alone may cause."""
AGREED = 3.0
"""Evidence for a motion over that for its rival."""
FITS, FITTING = 4.5, 0.3
"""Misfit of a block that fits rather than not, and share of the telling blocks that must fit.

What moves by itself fits no motion of the whole frame.
"""
DRIFT_PX = 0.5
"""A block that by itself would lie further than this from the motion does not fit it either."""
TOGETHER_PX = 0.35
"""The same for all blocks that speak for a motion, together."""
NOISE_BLOCKS = 256
"""Blocks by which the noise of a frame is measured."""
LANDMARK_SHARE = 0.5
"""Share of the periods that a block must differ from to be one that the scene shows once."""


class Repetition:
    """A reference that repeats, prepared to tell apart the places at which a frame fits.

    Args:
        normals: of the smoothed reference.
        rivals: shifts by which it repeats, and their opposites.
        everywhere: blocks by which a frame's noise is measured.
        landmarks: search for what it shows only once.
    """

    def __init__(
        self,
        normals: Normals,
        rivals: list[Rival],
        everywhere: Samples,
        landmarks: LandmarkSearch,
    ) -> None:
        self._normals = normals
        self._rivals = rivals
        self._everywhere = everywhere
        self._landmarks = landmarks
        self.period_px = min(rival.period_px for rival in rivals)

    @property
    def away(self) -> Tensor:
        """Motions float64 [K, 3, 3] of the reference by which it lies on itself."""
        return torch.stack([rival.matrix for rival in self._rivals])

    @staticmethod
    def of(
        picture: Tensor, template: Template, model: MotionModel, reach_px: float
    ) -> Repetition | None:
        """Prepare a smoothed reference [1, 1, H, W]; ``None`` if it does not repeat.

        Args:
            picture: the reference.
            template: points of the same picture.
            model: motion of a frame.
            reach_px: largest shift at which frames are searched.
        """
        shifts = periods(picture)
        if not len(shifts):
            return None
        normals = Normals.of(template, model)
        start = torch.eye(3, dtype=torch.float64).repeat(len(shifts), 1, 1)
        start[:, :2, 2] = shifts.double()
        found = _refined(normals, picture.expand(len(shifts), -1, -1, -1), start)
        off = (found.matrices[:, :2, 2] - start[:, :2, 2]).norm(dim=1)
        repeats = (found.explained >= MIN_EXPLAINED) & (off <= SAME_PX)
        if not bool(repeats.any()):
            return None
        own = found.only(repeats)
        blocks = Blocks(picture)
        unlike = blocks.unlike(own)
        rivals = []
        for matrix, differs in zip(own.matrices, unlike, strict=True):
            telling = blocks.telling(differs, matrix)
            rivals += [Rival(matrix, telling), Rival(torch.linalg.inv(matrix), telling)]
        once = unlike.float().mean(0) > LANDMARK_SHARE
        landmarks = LandmarkSearch(blocks.landmarks(once), normals, reach_px)
        return Repetition(normals, rivals, blocks.everywhere(NOISE_BLOCKS), landmarks)

    def settled(self, frames: Tensor, motions: FrameMotions) -> tuple[FrameMotions, list[bool]]:
        """Motions of frames [N, 1, H, W] that stand, and for each frame whether there is one.

        Frames of which none stands keep the motion that they had.
        """
        decided = []
        for index in range(len(frames)):
            frame = frames[index : index + 1]
            stands = self._stands(frame, motions.only(slice(index, index + 1)))
            if not stands:
                start = self._landmarks.find(frame, motions.matrices[index])
                if start is not None:
                    other = _refined(self._normals, frame, start[None])
                    stands = self._stands(frame, other)
                    if stands:
                        motions = motions.with_one(index, other)
            decided.append(stands)
        return motions, decided

    def _stands(self, frame: Tensor, found: FrameMotions) -> bool:
        """Whether the motion of one frame beats each of its rivals."""
        if not found.finite():
            return False
        light = float(found.gain[0]), float(found.offset[0])
        noise = self._everywhere.noise(frame, found.matrices[0], light)
        for rival in self._rivals:
            both = torch.stack((found.matrices[0], found.matrices[0] @ rival.matrix))
            (own, other), shown = rival.telling.misfit(frame, both, light, noise)
            seen = shown.all(0)
            if not bool(seen.any()):
                return False
            normal, right = rival.telling.pull(frame, found.matrices[0], light, noise)
            fits = seen & (own < FITS) & (drift_px(normal, right) < DRIFT_PX)
            gained = (other - own).masked_fill(~seen, 0.0)
            speaks = gained > CHANCE
            evidence = float(gained[fits & speaks].sum())
            against = -float(gained[gained < -CHANCE].sum())
            share = float(fits.sum() / seen.sum())
            if evidence < LEAST_EVIDENCE or evidence < AGREED * against or share < FITTING:
                return False
            if float(drift_px(normal[speaks].sum(0), right[speaks].sum(0))) > TOGETHER_PX:
                return False
        return True


def _refined(normals: Normals, frames: Tensor, start: Tensor) -> Refined:
    return refine(normals, frames, start, iterations=ITERATIONS, tolerance_px=TOLERANCE_PX)

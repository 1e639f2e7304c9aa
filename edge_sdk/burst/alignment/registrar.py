"""A reference to which frames are aligned by stages."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from edge_sdk.burst.alignment.levels import finer_matrices, levels_of
from edge_sdk.burst.alignment.peaks import ShiftSearch
from edge_sdk.burst.alignment.points import LevelPoints
from edge_sdk.burst.alignment.refining import LevelAlign, Motions
from edge_sdk.burst.alignment.rivals import settled
from edge_sdk.burst.alignment.stage_set import AlignStages
from edge_sdk.errors import InputError
from edge_sdk.registration.field import MotionField
from edge_sdk.registration.models import MODELS, MotionModel
from edge_sdk.registration.registrar import check_frames
from edge_sdk.registration.result import Registration
from edge_sdk.registration.self_similarity import periods

FINE_POINTS, COARSE_POINTS = 20_000, 2_500
"""Points of the finest level and of every other, at most about."""
STEPS = 6
"""Most steps on a level."""
COARSE_TOLERANCE_PX, TOLERANCE_PX = 0.1, 0.02
"""Movement in a step under which a coarse level, and the finest, count as done: what is left then
is a tenth of it."""
MOST_PIXELS = 4_000_000
"""Levels of more pixels than this are not compared: the one above says enough."""
PIXELS_AT_ONCE = 1_000_000
"""Frames are aligned together as long as they have no more pixels than this."""
JUDGED_BLOCKS = 64
"""Blocks by which the correlation of a frame is told, at most."""
BEYOND_PX = 4.0
"""How much further than it is searched a frame may lie."""
SAME_PX = 2.0
"""A period may turn out to be this far from the whole shift at which it was seen."""


@dataclass(frozen=True)
class StageAlignConfig:
    """Settings of :class:`StageRegistrar`.

    Attributes:
        model: motion of a frame; gain and offset are always free.
        max_shift_px: largest shift that the search covers, in each direction.
        min_overlap: share of the reference that a frame must show to be used.
        min_explained: squared correlation with the reference that a frame must reach.
    """

    model: MotionModel = "euclidean"
    max_shift_px: float = 64.0
    min_overlap: float = 0.25
    min_explained: float = 0.25

    def __post_init__(self) -> None:
        checks = (
            (self.model in MODELS, f"motion model must be {' or '.join(MODELS)}, not {self.model}"),
            (self.max_shift_px >= 0, f"max shift must be 0 px or more, not {self.max_shift_px}"),
            (0 < self.min_overlap <= 1, f"overlap must be in (0, 1], not {self.min_overlap}"),
            (0 <= self.min_explained <= 1, f"explained must be 0 to 1, not {self.min_explained}"),
        )
        for holds, message in checks:
            if not holds:
                raise InputError(message)


class StageRegistrar:
    """A reference, prepared once, to which frames are aligned by stages ``search`` and ``align``.

    One motion for each frame; motion that varies over the picture is not looked for. A frame that
    does not match, and one that fits in several places, comes back not accepted.

    Args:
        reference: float32 [1, H, W] in [0, 1], one channel, such as luma.
        config: settings; the defaults suit hand-held bursts.
        stages: what runs the stages; PyTorch by default.

    Example:
        >>> import torch
        >>> from edge_sdk.burst.alignment.registrar import StageRegistrar
        >>> generator = torch.Generator().manual_seed(0)
        >>> luma = torch.rand(1, 100, 120, generator=generator)
        >>> luma = torch.nn.functional.avg_pool2d(luma, 5, 1)
        >>> registrar = StageRegistrar(luma[:, :80, :100])
        >>> (found,) = registrar.register(luma[None, :, 3:83, :100])
        >>> found.accepted, round(found.motion.shift_y_px)
        (True, -3)
    """

    def __init__(
        self,
        reference: Tensor,
        config: StageAlignConfig | None = None,
        stages: AlignStages | None = None,
    ) -> None:
        if reference.ndim != 3 or reference.shape[0] != 1 or min(reference.shape) < 1:
            raise InputError(
                f"a reference of shape {tuple(reference.shape)} cannot be aligned to; give one "
                "channel, [1, H, W]"
            )
        self.config = config or StageAlignConfig()
        self.stages = stages or AlignStages()
        self.shape = reference.shape
        levels = levels_of(reference[None], self.stages)
        sizes = [math.prod(level.shape) for level in levels]
        self._finest = next(
            (k for k, size in enumerate(sizes) if size <= MOST_PIXELS), len(sizes) - 1
        )
        self._sizes = [level.shape[-2:] for level in levels]
        model = self.config.model
        self._levels = {}
        for index in range(self._finest, len(levels)):
            most = COARSE_POINTS if index > self._finest else FINE_POINTS
            points = LevelPoints.of(levels[index], self.stages, model, most)
            self._levels[index] = LevelAlign(points, self.stages, model)
        fine = self._levels[self._finest]
        self._judge = replace(fine, points=fine.points.some(JUDGED_BLOCKS))
        reach = math.ceil(self.config.max_shift_px / 2 ** (len(levels) - 1))
        self._search = ShiftSearch(levels[-1], self.stages, reach)
        self._periods = self._repeating(levels[self._finest])

    def register(self, frames: Tensor) -> tuple[Registration, ...]:
        """Align frames to the reference.

        Args:
            frames: float32 [N, 1, H, W] in [0, 1], of the size of the reference.

        Returns:
            One result per frame, in order; its field has no offsets.

        Raises:
            InputError: if the sizes differ.
        """
        check_frames(frames, self.shape)
        together = max(1, PIXELS_AT_ONCE // frames[:1].numel()) if len(frames) else 1
        found: list[Registration] = []
        for start in range(0, len(frames), together):
            found += self._registered(frames[start : start + together])
        return tuple(found)

    def _registered(self, frames: Tensor) -> list[Registration]:
        of_frames = [levels_of(frame[None], self.stages) for frame in frames]
        by_level = zip(*of_frames, strict=True)
        levels = [np.concatenate([level[0] for level in each]) for each in by_level]
        motions = self._starts([each[-1] for each in of_frames])
        last = len(levels) - 1
        for index in range(last, self._finest - 1, -1):
            if index < last:
                motions = self._finer(motions, index)
            level, finest = self._levels[index], index == self._finest
            motions = level.refined(
                levels[index],
                motions,
                STEPS,
                TOLERANCE_PX if finest else COARSE_TOLERANCE_PX,
            )
            if index < last or finest:
                motions = settled(level, levels[index], motions)
        motions, undecided = self._against_rivals(levels[self._finest], motions)
        overlap, explained = self._judge.judged(levels[self._finest], motions)
        for index in range(self._finest - 1, -1, -1):
            motions = self._finer(motions, index)
        return [
            self._result(motions, row, float(overlap[row]), float(explained[row]), undecided[row])
            for row in range(len(frames))
        ]

    def _starts(self, coarsest: list[Tensor]) -> Motions:
        owners, shifts = [], []
        for owner, level in enumerate(coarsest):
            for peak in self._search.peaks(level):
                owners.append(owner)
                shifts.append((peak.x, peak.y))
        matrices = np.tile(np.eye(3), (len(owners), 1, 1))
        matrices[:, :2, 2] = shifts
        return Motions.starting(np.array(owners), matrices)

    def _finer(self, motions: Motions, index: int) -> Motions:
        return replace(motions, matrices=finer_matrices(motions.matrices, *self._sizes[index]))

    def _repeating(self, level: Tensor) -> np.ndarray:
        """Motions [K, 3, 3] of the reference by which it lies on itself, other than none."""
        shifts = periods(level).double().numpy()
        if not len(shifts):
            return np.empty((0, 3, 3))
        start = np.tile(np.eye(3), (len(shifts), 1, 1))
        start[:, :2, 2] = shifts
        picture, fine = level[0].numpy(), self._levels[self._finest]
        motions = Motions.starting(np.zeros(len(shifts), np.int64), start)
        motions = fine.refined(picture, motions, STEPS, TOLERANCE_PX)
        _, explained = self._judge.judged(picture, motions)
        off = np.linalg.norm(motions.matrices[:, :2, 2] - shifts, axis=1)
        repeats = (explained >= self.config.min_explained) & (off <= SAME_PX)
        found: np.ndarray = motions.matrices[repeats]
        return found

    def _against_rivals(self, level: np.ndarray, motions: Motions) -> tuple[Motions, np.ndarray]:
        """One motion a frame, and whether another fits as well, a period of the reference away."""
        fine = self._levels[self._finest]
        if len(self._periods):
            away = np.concatenate((self._periods, np.linalg.inv(self._periods)))
            rivals = [replace(motions, matrices=motions.matrices @ period) for period in away]
            motions = Motions.joined([motions, *rivals])
            motions = settled(fine, level, fine.refined(level, motions, STEPS, TOLERANCE_PX))
        _, first, count = np.unique(motions.owners, return_index=True, return_counts=True)
        return motions.rows(first), count > 1

    def _result(
        self, motions: Motions, row: int, overlap: float, explained: float, undecided: bool
    ) -> Registration:
        config = self.config
        matrix = torch.from_numpy(motions.matrices[row] / motions.matrices[row, 2, 2])
        reason = ""
        if not bool(torch.isfinite(matrix).all()):
            matrix, reason = torch.eye(3, dtype=torch.float64), "no motion could be found"
        elif float(matrix[:2, 2].abs().max()) > config.max_shift_px + BEYOND_PX:
            reason = "lies beyond what is searched"
        elif overlap < config.min_overlap:
            reason = f"shows only {overlap:.0%} of the reference"
        elif not explained >= config.min_explained:
            reason = f"does not match the reference (correlation² {explained:.2f})"
        elif undecided:
            reason = "fits in several places"
        height, width = self.shape[-2:]
        field = MotionField(matrix, height, width)
        spread = float(motions.spreads[row])
        return Registration(matrix, spread, overlap, explained, not reason, field, reason)

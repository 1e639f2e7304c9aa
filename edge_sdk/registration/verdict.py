"""Whether a frame may contribute under the motion that was found for it, and if not, why."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.imaging.separable import gaussian_taps
from edge_sdk.registration.config import RegistrationConfig
from edge_sdk.registration.field import MotionField
from edge_sdk.registration.fields.finder import FrameField
from edge_sdk.registration.result import Registration
from edge_sdk.registration.stages.levels import SMOOTH_PX

BEYOND_PX = 4.0
"""How much further than it is searched a frame may lie."""
QUANTIZATION = (1 / 255) ** 2 / 6
"""Variance of the difference of two values rounded to 8 bits."""
NOISE_MARGIN = 1.3
"""Variance of a difference, over that of the estimated noise, up to which it counts as noise."""


@dataclass(frozen=True, eq=False)
class Found:
    """What is known of a frame's motion.

    Attributes:
        matrix: float64 [3, 3], reference to frame.
        spread: robust standard deviation of what it does not explain.
        overlap: share of the reference that the frame shows.
        explained: squared correlation.
        undecided: whether another motion fits as well.
    """

    matrix: Tensor
    spread: float
    overlap: float
    explained: float
    undecided: bool


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a reference asks of its frames.

    Attributes:
        config: settings.
        smooth: float32 [1, 1, h, w], the level of the reference that frames are compared on.
        noise_std: noise of a frame.
        size: rows and columns of a frame.
        pixels: pixels of a frame, along each side, in one of the level.
        reach_px: largest shift that is searched.
        period_px: shortest way after which the reference looks like itself; ``None`` if there is
            none.
    """

    config: RegistrationConfig
    smooth: Tensor
    noise_std: float
    size: torch.Size
    pixels: int
    reach_px: float
    period_px: float | None

    def of(self, found: Found, field: FrameField | None, smooth: Tensor) -> Registration:
        """Judge a frame.

        Args:
            found: its motion.
            field: what was found on top of it.
            smooth: float32 [1, h, w], the frame on the level that is compared.
        """
        matrix, overlap, reason = found.matrix, found.overlap, self._reason(found)
        if not bool(torch.isfinite(matrix).all()):
            matrix = torch.eye(3, dtype=torch.float64)
        rests = bool(reason) and self.period_px is None and self._alike_at_rest(smooth)
        if rests:
            matrix, overlap, reason = torch.eye(3, dtype=torch.float64), 1.0, ""
        motion = self._motion(matrix, None if reason or rests else field)
        return Registration(
            matrix, found.spread, overlap, found.explained, not reason, motion, reason
        )

    def _reason(self, found: Found) -> str:
        if not bool(torch.isfinite(found.matrix).all()):
            return "no motion could be found"
        if float(found.matrix[:2, 2].abs().max()) > self.reach_px + BEYOND_PX:
            return "lies beyond what is searched"
        if found.overlap < self.config.min_overlap:
            return f"shows only {found.overlap:.0%} of the reference"
        # Little of a picture agrees more easily by chance than much.
        if not found.explained * math.sqrt(found.overlap) >= self.config.min_explained:
            return f"does not match the reference (correlation² {found.explained:.2f})"
        if not found.undecided:
            return ""
        if self.period_px is None:
            return "fits in several places"
        return f"fits in several places: the scene repeats every {self.period_px:.0f} px"

    def _alike_at_rest(self, smooth: Tensor) -> bool:
        """Whether a smoothed frame differs from the reference by noise and brightness only."""
        passed = float(gaussian_taps(SMOOTH_PX).square().sum()) ** 2
        expected = (2 * self.noise_std**2 * passed + QUANTIZATION) / self.pixels**2
        difference = smooth - self.smooth[0]
        alike: bool = float(difference.var(correction=0)) <= NOISE_MARGIN * expected
        return alike

    def _motion(self, matrix: Tensor, field: FrameField | None) -> MotionField:
        height, width = self.size
        if field is None:
            return MotionField(matrix, height, width)
        offsets = None if field.offsets_px is None else field.offsets_px * self.pixels
        return MotionField(matrix, height, width, offsets, field.confidence, field.support)

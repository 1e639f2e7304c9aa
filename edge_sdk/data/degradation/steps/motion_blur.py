"""Blur by a straight motion of the camera while it takes the picture, the same everywhere.

    z = y ∗ psf,    psf = 1/L on x₁ = x₂·tan β where √(x₁² + x₂²) ≤ L/2,    0 elsewhere

with x₁ down and x₂ to the right. A pixel of the kernel gets the length of the line that lies in it,
divided by L: the sum is 1, and whatever L is up to a pixel blurs nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge_sdk.data.degradation.step import (
    STEPS,
    Bounds,
    Degradation,
    DegradationRange,
    StepKind,
    check_bounds,
    uniform,
)

LONGEST_PX = 64
_LEVEL = 1e-12
"""Sine or cosine below which a line has no slope."""


def motion_psf(length_px: float, angle_deg: float) -> NDArray[np.float64]:
    """The kernel of a motion.

    Args:
        length_px: L, 0 or more.
        angle_deg: β; 0 is level, 90 upright, between them down to the right.

    Returns:
        Float64 [2r + 1, 2r + 1] with sum 1, r = ⌈(L − 1)/2⌉ or 0.

    Example:
        >>> from edge_sdk.data.degradation.steps.motion_blur import motion_psf
        >>> motion_psf(5, 0)[2].round(3).tolist()
        [0.2, 0.2, 0.2, 0.2, 0.2]
    """
    reach = max(0, math.ceil((length_px - 1) / 2))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    if reach == 0:
        kernel[0, 0] = 1
        return kernel
    angle, half = math.radians(angle_deg), length_px / 2
    down, right = math.sin(angle), math.cos(angle)
    # Where the line enters another pixel.
    borders = np.arange(-reach - 1, reach + 1) + 0.5
    cuts = [borders / part for part in (down, right) if abs(part) > _LEVEL]
    places = np.clip(np.concatenate([*cuts, [-half, half]]), -half, half)
    places.sort()
    middles = (places[1:] + places[:-1]) / 2
    rows = np.clip(np.rint(middles * down).astype(int) + reach, 0, 2 * reach)
    columns = np.clip(np.rint(middles * right).astype(int) + reach, 0, 2 * reach)
    np.add.at(kernel, (rows, columns), np.diff(places) / length_px)
    return kernel


@dataclass(frozen=True)
class MotionBlur(Degradation):
    """A motion as it was drawn; beyond its edge the picture goes on as it ends.

    Attributes:
        length_px: L.
        angle_deg: β.
    """

    length_px: float
    angle_deg: float

    def applied(self, pixels: Tensor) -> Tensor:
        """The picture, blurred."""
        kernel = motion_psf(self.length_px, self.angle_deg)
        reach, (height, width) = len(kernel) // 2, pixels.shape[-2:]
        if reach == 0:
            return pixels
        padded = functional.pad(pixels[None], (reach,) * 4, mode="replicate")[0]
        total = torch.zeros_like(pixels)
        for row, column in np.argwhere(kernel > 0).tolist():
            moved = padded[:, row : row + height, column : column + width]
            total.add_(moved, alpha=float(kernel[row, column]))
        return total


@dataclass(frozen=True)
class MotionBlurRange(DegradationRange):
    """Motions to draw from.

    Attributes:
        length_px: least and greatest L, 0 to 64.
        angle_deg: least and greatest β, 0 to 180. The document has the first quadrant; a flip of
            the picture, or a range up to 180, covers the other.

    Raises:
        InputError: if a range is not in order or out of these bounds.
    """

    length_px: Bounds = (0.0, 12.0)
    angle_deg: Bounds = (0.0, 90.0)

    def __post_init__(self) -> None:
        check_bounds("length_px", self.length_px, 0, LONGEST_PX)
        check_bounds("angle_deg", self.angle_deg, 0, 180)

    def draw(self, generator: np.random.Generator) -> MotionBlur:
        """Draw a motion."""
        return MotionBlur(uniform(self.length_px, generator), uniform(self.angle_deg, generator))


STEPS.register("motion-blur", StepKind(MotionBlurRange, MotionBlur))

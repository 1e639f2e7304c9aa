"""Blur by a Gaussian of a drawn kernel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.data.degradation.step import (
    STEPS,
    Degradation,
    DegradationRange,
    StepKind,
    WholeBounds,
    check_bounds,
)
from edge_sdk.errors import InputError
from edge_sdk.imaging.separable import separable

WIDEST_PX = 63


def std_of_side(side_px: int) -> float:
    """Standard deviation that a kernel of this side can hold: 0.3·((k − 1)/2 − 1) + 0.8.

    The document leaves it open; this is OpenCV's rule.
    """
    return 0.3 * ((side_px - 1) / 2 - 1) + 0.8


def gaussian_weights(side_px: int, std_px: float) -> Tensor:
    """G(u) ∝ exp(−u²/2σ²) on one axis, sum 1; float64 [side]. The kernel is its outer product."""
    away = torch.arange(side_px, dtype=torch.float64) - (side_px - 1) / 2
    weights = torch.exp(-(away**2) / (2 * std_px**2))
    return weights / weights.sum()


@dataclass(frozen=True)
class GaussianBlur(Degradation):
    """A blur as it was drawn; beyond its edge the picture goes on as it ends.

    Attributes:
        side_px: side of the kernel, odd.
        std_px: standard deviation σ.
    """

    side_px: int
    std_px: float

    def applied(self, pixels: Tensor) -> Tensor:
        """The picture, blurred."""
        reach = self.side_px // 2
        padded = functional.pad(pixels[None], (reach,) * 4, mode="replicate")[0]
        return separable(padded, gaussian_weights(self.side_px, self.std_px).tolist())


@dataclass(frozen=True)
class GaussianBlurRange(DegradationRange):
    """Kernels to draw from.

    Attributes:
        side_px: least and greatest side of the kernel, both odd, 1 to 63; each odd number between
            is as likely as another.

    Raises:
        InputError: if they are not.
    """

    side_px: WholeBounds = (3, 13)

    def __post_init__(self) -> None:
        check_bounds("side_px", self.side_px, 1, WIDEST_PX)
        if any(side % 2 != 1 for side in self.side_px):
            raise InputError(
                f"side_px {self.side_px[0]:g}, {self.side_px[1]:g}: a kernel has a middle; give "
                "odd numbers"
            )

    def draw(self, generator: np.random.Generator) -> GaussianBlur:
        """Draw a kernel."""
        least, most = self.side_px
        side = least + 2 * int(generator.integers((most - least) // 2 + 1))
        return GaussianBlur(side, std_of_side(side))


STEPS.register("gaussian-blur", StepKind(GaussianBlurRange, GaussianBlur))

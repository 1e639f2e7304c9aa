"""Compression by JPEG."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from edge_sdk.data.camera.developing import through_jpeg
from edge_sdk.data.degradation.step import (
    STEPS,
    Degradation,
    DegradationRange,
    StepKind,
    WholeBounds,
    check_bounds,
)
from edge_sdk.errors import PictureError
from edge_sdk.imaging import quantize
from edge_sdk.imaging.encoding import JPEG


@dataclass(frozen=True)
class Jpeg(Degradation):
    """A compression as it was drawn, with chroma of half the size in both directions (4:2:0).

    Attributes:
        quality: as libjpeg counts.
    """

    quality: int

    def applied(self, pixels: Tensor) -> Tensor:
        """The picture, rounded to 8 bits, written and read.

        Raises:
            PictureError: if a side is longer than a JPEG holds.
        """
        height, width = pixels.shape[-2:]
        if max(height, width) > JPEG.largest_side_px:
            raise PictureError(
                f"{width}×{height} px is more than the {JPEG.largest_side_px} px of a JPEG; cut "
                "the picture, or leave the step out"
            )
        return through_jpeg(quantize(pixels), self.quality)


@dataclass(frozen=True)
class JpegRange(DegradationRange):
    """Compressions to draw from.

    Attributes:
        quality: least and greatest quality, 1 to 100.

    Raises:
        InputError: if they are not in order or out of these bounds.
    """

    quality: WholeBounds = (50, 100)

    def __post_init__(self) -> None:
        check_bounds("quality", self.quality, 1, 100)

    def draw(self, generator: np.random.Generator) -> Jpeg:
        """Draw a quality."""
        return Jpeg(int(generator.integers(self.quality[0], self.quality[1] + 1)))


STEPS.register("jpeg", StepKind(JpegRange, Jpeg))

"""Frames in the light of the reference."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from edge_sdk.burst.frames.source import DerivedSource, FrameSource
from edge_sdk.burst.photometry.light import TOE, Light, means, measure_light
from edge_sdk.registration import MotionField

CLIPPED = 254.5 / 255
"""Values from which on a sample is as bright as it can be, and stays white in any light."""


class EvenedSource(DerivedSource):
    """Frames of another source, each brought to the light of the reference.

    Args:
        source: the frames.
        lights: by frame, what its light is of the reference's.
        motions: by frame, its motion against the reference.
    """

    def __init__(
        self, source: FrameSource, lights: Mapping[int, Light], motions: Mapping[int, MotionField]
    ) -> None:
        super().__init__(source)
        self._lights = lights
        self._motions = motions

    def rows(self, index: int, top: int, bottom: int) -> Tensor:
        """Rows of a frame in the light of the reference."""
        rows = self._source.rows(index, top, bottom)
        light = self._lights.get(index)
        if light is None or light.is_steady:
            return rows
        y = self._rows_of_reference(index, top, bottom)
        factors = light.factors(y).float()[:, :, None]
        evened = ((rows + TOE) / factors - TOE).clamp_(0, 1)
        return torch.where(rows >= CLIPPED, rows, evened)

    def _rows_of_reference(self, index: int, top: int, bottom: int) -> Tensor:
        """Where rows of a frame lie on the reference, from 0 to 1, in the middle of the frame."""
        y = torch.arange(top, bottom, dtype=torch.float64) - (self.height - 1) / 2
        points = torch.stack((torch.zeros_like(y), y, torch.ones_like(y)), -1)
        back = torch.linalg.solve(self._motions[index].matrix, points.T).T
        y_back: Tensor = back[:, 1] / back[:, 2]
        return (y_back + self.height / 2) / self.height


def measure_lights(
    source: FrameSource, reference: int, motions: Mapping[int, MotionField]
) -> dict[int, Light]:
    """The light of every frame that has a motion, where it differs from the reference's."""
    seen = means(source, reference)
    found = {index: measure_light(source, seen, index, field) for index, field in motions.items()}
    return {index: light for index, light in found.items() if not light.is_steady}

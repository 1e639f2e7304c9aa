"""From global motions to motion fields: whether motion varies over a frame, and how."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from edge_sdk.registration.fields.choice import PARTS, chosen_offsets
from edge_sdk.registration.fields.evidence import TileEvidence, View, certainty, evidence, match
from edge_sdk.registration.fields.grid import TileGrid
from edge_sdk.registration.fields.tile_offsets import tile_offsets, varying_px
from edge_sdk.registration.frame_motions import FrameMotions
from edge_sdk.registration.template import Template, make_template

VARIES_PX = 0.06
"""Motion of tiles, root mean square, from which on a frame gets a field.

Simulated rigid bursts show up to 0.056 px of it, from aliasing and noise.
"""
COARSEST_LEVEL = 2
"""Offsets are searched on this level of the pyramid, where there is one."""
POINTS_RATIO = 2
"""Points of the fields over those of the global motion."""
CELLS_PER_TILE = 64
"""Least number of points in a tile."""


@dataclass(frozen=True, eq=False)
class FrameField:
    """Field of one frame, on tiles or on quarters of them.

    Attributes:
        offsets_px: float64 [R, C, 2], in pixels of the finest level; ``None`` for 0.
        confidence: float64 [R, C].
        support: float64 [R, C].
    """

    offsets_px: Tensor | None
    confidence: Tensor
    support: Tensor


class FieldFinder:
    """A reference, prepared for motion that varies over the picture.

    Args:
        levels: smooth pyramid of the reference, [1, 1, h, w] each, finest first.
        template: of its finest level, for the question whether motion varies.
        max_points: points of the global motion.
        tile_px: side of a tile at least.
    """

    def __init__(
        self, levels: list[Tensor], template: Template, max_points: int, tile_px: int
    ) -> None:
        self._levels = levels[: COARSEST_LEVEL + 1]
        self._template = template
        self._most_points = POINTS_RATIO * max_points
        height, width = template.height, template.width
        pixels_per_point = max(1.0, height * width / self._most_points)
        side = max(float(tile_px), math.sqrt(CELLS_PER_TILE * pixels_per_point))
        self._rows, self._columns = max(1, round(height / side)), max(1, round(width / side))
        self._grid = TileGrid.over(template, self._rows, self._columns)
        self._prepared: list[Template] = []

    def find(self, levels: list[Tensor], motions: FrameMotions) -> list[FrameField]:
        """Fields of frames, given their pyramids and global motions."""
        view = View.of(self._template, levels[0], motions)
        at_rest = view.residuals()
        view = view.measured(*at_rest)
        rms_px, found = varying_px(view, self._grid, *at_rest)
        fields = _fields(None, found)
        varies = rms_px > VARIES_PX
        if bool(varies.any()):
            views, grids = self._views(view.only(varies), [level[varies] for level in levels])
            finest = views[-1]
            parts = TileGrid.over(finest.template, PARTS * self._rows, PARTS * self._columns)
            offsets = tile_offsets(views, grids)
            # Now that tiles lie where they belong, what is left is noise.
            finest = finest.measured(*finest.residuals(grids[-1].interpolated(offsets)))
            offsets = chosen_offsets(finest, grids[-1], offsets)
            (found,) = evidence(finest, parts, *finest.residuals(parts.interpolated(offsets)))
            varying = iter(_fields(offsets, found))
            fields = [
                next(varying) if bent else field
                for field, bent in zip(fields, varies.tolist(), strict=True)
            ]
        return fields

    def _views(self, view: View, levels: list[Tensor]) -> tuple[list[View], list[TileGrid]]:
        """Views and grids of all levels, coarsest first."""
        if not self._prepared:
            self._prepared = [make_template(level, self._most_points) for level in self._levels]
        views: list[View] = []
        for template, frames in zip(self._prepared, levels, strict=False):
            if not views:
                views.append(
                    View(template, frames, view.matrices, view.gain, view.offset, view.noise)
                )
            else:
                views.append(views[-1].coarser(template, frames))
        views.reverse()
        grids = [TileGrid.over(entry.template, self._rows, self._columns) for entry in views]
        return views, grids


def _fields(offsets: Tensor | None, found: TileEvidence) -> list[FrameField]:
    confidence = match(found)
    support = (confidence * certainty(found)).double().unbind(0)
    trusted = confidence.double().unbind(0)
    if offsets is None:
        return [FrameField(None, *pair) for pair in zip(trusted, support, strict=True)]
    places = offsets.movedim(1, -1).double().unbind(0)
    return [FrameField(*parts) for parts in zip(places, trusted, support, strict=True)]

"""Stages of a fixed size over pictures, lines and blocks of any."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.stages.frame_stages import FrameStages
from edge_sdk.burst.stages.score import BLOCK_PX
from edge_sdk.burst.stages.score import HALO_PX as SCORE_HALO_PX
from edge_sdk.registration.stages.align import SUMS
from edge_sdk.registration.stages.expand import HALO_PX as EXPAND_HALO_PX
from edge_sdk.registration.stages.levels import HALVE_HALO_PX, SMOOTH_HALO_PX, SURROUND_HALO_PX
from edge_sdk.registration.stages.stage_set import AlignStages

RunStage = Callable[[Tensor], Tensor]
"""Runs a graph on its one input, float32 [1, C, h, w]."""


@dataclass(frozen=True, eq=False)
class FixedStage:
    """A stage as one graph of a fixed size.

    Attributes:
        run: runs it.
        shape: of its input, [1, C, h, w].
    """

    run: RunStage
    shape: tuple[int, ...]


def frame_stages(stages: Mapping[str, FixedStage]) -> FrameStages:
    """The stages that ask how sharp a frame is and how it moved, by graphs of a fixed size.

    Args:
        stages: ``score``, ``smooth``, ``halve``, ``surround``, ``search``, ``expand``, ``align``.
    """
    search, align = FixedSearch(stages["search"]), FixedAlign(stages["align"])
    score = Tiled(stages["score"], SCORE_HALO_PX, BLOCK_PX)

    def scored(level: Tensor, shown: Tensor) -> Tensor:
        return score(torch.cat((level, functional.pad(shown, (SCORE_HALO_PX,) * 4)), 1))

    return FrameStages(
        scored,
        AlignStages(
            smooth=Tiled(stages["smooth"], SMOOTH_HALO_PX),
            halve=Tiled(stages["halve"], HALVE_HALO_PX, 2),
            surround=Tiled(stages["surround"], SURROUND_HALO_PX),
            expand=Tiled(stages["expand"], EXPAND_HALO_PX),
            search=lambda reach_px: search.of_reach(reach_px),
            align=align,
        ),
    )


class Tiled:
    """A stage over a picture, tile by tile.

    Args:
        stage: takes a tile with its margin.
        halo_px: the margin.
        reduction: rows of the picture for each row of the result.
    """

    def __init__(self, stage: FixedStage, halo_px: int, reduction: int = 1) -> None:
        self._stage = stage
        self._halo_px = halo_px
        self._reduction = reduction

    def __call__(self, picture: Tensor) -> Tensor:
        """Float32 [1, C, H, W] with the margin all around to what the stage makes of it."""
        made_px = [
            (side - 2 * self._halo_px) // self._reduction
            for side in (*self._stage.shape[-2:], *picture.shape[-2:])
        ]
        tile_height, tile_width, height, width = made_px
        rows = []
        for top in range(0, height, tile_height):
            row = [
                self._tile(picture, top, left)[..., : height - top, : width - left]
                for left in range(0, width, tile_width)
            ]
            rows.append(torch.cat(row, 3))
        return torch.cat(rows, 2)

    def _tile(self, picture: Tensor, top: int, left: int) -> Tensor:
        y, x = self._reduction * top, self._reduction * left
        height, width = self._stage.shape[-2:]
        crop = picture[..., y : y + height, x : x + width]
        # What is beyond the picture makes nothing that is kept.
        return self._stage.run(
            functional.pad(crop, (0, width - crop.shape[-1], 0, height - crop.shape[-2]))
        )


class FixedSearch:
    """Stage ``search`` for lines of any length and any reach.

    Args:
        stage: compares a part of a line at D shifts up and down and as many to the side.
    """

    def __init__(self, stage: FixedStage) -> None:
        self._stage = stage
        self._shifts = stage.shape[1] - 3
        self._length = stage.shape[3] - self._shifts + 1

    def of_reach(self, reach_px: int) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
        """Stage :class:`~edge_sdk.registration.stages.search.Search` for shifts up to a reach."""

        def searched(reference: Tensor, shown: Tensor, rows: Tensor, numbers: Tensor) -> Tensor:
            # Each part of a line gives the mean over as many pixels as the stage takes.
            length, down, side = reference.shape[-1], rows.shape[1], 2 * reach_px + 1
            found = torch.zeros(2, down, side)
            for first in range(0, length, self._length):
                line = slice(first, first + self._length)
                for top in range(0, down, self._shifts):
                    for left in range(0, side, self._shifts):
                        part = rows[0, top : top + self._shifts, 0, first + left :]
                        made = self._part(
                            reference[0, 0, 0, line], shown[0, 0, 0, line], part, numbers
                        )
                        place = found[:, top : top + self._shifts, left : left + self._shifts]
                        place += made[:, : place.shape[1], : place.shape[2]]
            return found.mul_(self._length / length).view(1, 2 * down, 1, side)

        return searched

    def _part(self, reference: Tensor, shown: Tensor, rows: Tensor, numbers: Tensor) -> Tensor:
        packed = torch.zeros(1, *self._stage.shape[1:])
        packed[0, 0, 0, : len(reference)] = reference
        packed[0, 1, 0, : len(shown)] = shown
        packed[0, 2, 0, :2] = numbers.flatten()
        rows = rows[:, : self._stage.shape[3]]
        packed[0, 3 : 3 + len(rows), 0, : rows.shape[1]] = rows
        return self._stage.run(packed).view(2, self._shifts, -1)


class FixedAlign:
    """Stage ``align`` for any number of blocks and frames.

    Args:
        stage: sums some blocks of one frame.
    """

    def __init__(self, stage: FixedStage) -> None:
        self._stage = stage

    def __call__(
        self, coefficients: Tensor, sample: Tensor, offset: Tensor, mask: Tensor, numbers: Tensor
    ) -> Tensor:
        """As :class:`~edge_sdk.registration.stages.align.Align`."""
        count, blocks, together = len(sample), sample.shape[2], self._stage.shape[2]
        planes = torch.cat((coefficients.expand(count, -1, -1, -1), sample, offset, mask), 1)
        sums = torch.empty(count, SUMS, blocks, 1)
        for row in range(count):
            for start in range(0, blocks, together):
                part = planes[row, :, start : start + together]
                packed = torch.zeros(1, *self._stage.shape[1:])
                packed[0, :-1, : part.shape[1]] = part
                packed[0, -1, 0, :3] = numbers[row, 0, 0]
                sums[row, :, start : start + together] = self._stage.run(packed)[
                    0, :, : part.shape[1]
                ]
        return sums

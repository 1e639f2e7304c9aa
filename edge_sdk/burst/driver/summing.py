"""Sums of all frames over one row of tiles: read, crop along the motion, encode, add."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from edge_sdk.burst.driver.contributions import Contributions
from edge_sdk.burst.driver.plan import MergePlan
from edge_sdk.burst.driver.stage_set import EncodeStage
from edge_sdk.burst.driver.tiles import FrameCrop, Strip, crop_frame, crop_reference, reach_rows
from edge_sdk.burst.frames.threads import Spread
from edge_sdk.burst.stages.encode import HALO_PX
from edge_sdk.imaging.rectangle import Rectangle

FRAMES_AT_ONCE = 10
"""Frames whose rows are in memory together."""


@dataclass(frozen=True, eq=False)
class Band:
    """Rows of the sums, with the reference beside them; c = scale².

    Attributes:
        sums: float32 [1, 3·c, h, w].
        weights: float32 [1, c, h, w].
        reference: float32 [1, 3, h, w].
    """

    sums: Tensor
    weights: Tensor
    reference: Tensor

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """What ``decode`` takes, in its order."""
        return self.sums, self.weights, self.reference

    @property
    def height(self) -> int:
        """Rows."""
        return self.sums.shape[-2]

    def below(self, above: Band | None) -> Band:
        """These rows under others."""
        if above is None:
            return self
        pairs = zip(above.parts, self.parts, strict=True)
        return Band(*(torch.cat(pair, -2) for pair in pairs))

    def last(self, rows: int) -> Band:
        """A copy of the last rows, so that the others can go."""
        start = max(self.height - rows, 0)
        return Band(*(part[..., start:, :].clone() for part in self.parts))


def summed(
    plan: MergePlan,
    encode: EncodeStage,
    row: list[Rectangle],
    contributions: Contributions,
    spread: Spread,
) -> Band:
    """Sums of all frames over one row of tiles."""
    strip = _reference_strip(plan, row)
    references = [crop_reference(strip, tile, HALO_PX) for tile in row]
    inner = [crop.pixels[None, :, HALO_PX:-HALO_PX, HALO_PX:-HALO_PX] for crop in references]
    totals: list[tuple[Tensor, Tensor]] = []
    for group in _groups([plan.reference, *plan.motions]):
        strips = {index: _strip(plan, index, row) for index in group if index in plan.motions}
        encoded = partial(_encoded, plan, encode, group, strips)
        places = list(zip(row, references, strict=True))
        for place, (sums, weights, trust) in enumerate(spread(encoded, places)):
            contributions.count(group, row[place], trust[:, 0])
            if place == len(totals):
                totals.append((sums, weights))
            else:
                for total, more in zip(totals[place], (sums, weights), strict=True):
                    total += more
    sums, weights = (torch.cat(parts, -1) for parts in zip(*totals, strict=True))
    return Band(sums, weights, torch.cat(inner, -1))


def _encoded(
    plan: MergePlan,
    encode: EncodeStage,
    group: list[int],
    strips: dict[int, Strip],
    place: tuple[Rectangle, FrameCrop],
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums, weights and trust of a group of frames for one tile."""
    tile, reference = place
    itself = FrameCrop(
        reference.pixels, reference.offset, reference.confidence * plan.reference_weight
    )
    crops = [
        crop_frame(strips[index], plan.motions[index], tile, HALO_PX) if index in strips else itself
        for index in group
    ]
    return encode(
        reference.pixels[None],
        torch.stack([crop.pixels for crop in crops]),
        torch.stack([crop.offset for crop in crops]),
        torch.stack([crop.confidence for crop in crops]),
        _light(plan, group, tile),
        plan.noise.tensor(),
    )


def _light(plan: MergePlan, group: list[int], tile: Rectangle) -> Tensor | None:
    """Gains and offsets of a group of frames on the rows of a tile and its halo, [N, 3, R, 2]."""
    if not any(index in plan.lights for index in group):
        return None
    rows = torch.arange(tile.height + 2 * HALO_PX, dtype=torch.float64) + (tile.top - HALO_PX)
    steady = torch.tensor([1.0, 0.0]).expand(3, len(rows), 2)
    y = (rows + 0.5) / plan.source.height
    return torch.stack(
        [
            plan.lights[index].undone(y).float() if index in plan.lights else steady
            for index in group
        ]
    )


def _reference_strip(plan: MergePlan, row: list[Rectangle]) -> Strip:
    height = plan.source.height
    # A row of tiles may lie beyond the frame as a whole: its nearest row stands in.
    top = min(max(row[0].top - HALO_PX, 0), height - 1)
    bottom = max(min(row[0].top + row[0].height + HALO_PX, height), top + 1)
    return Strip(plan.source.rows(plan.reference, top, bottom), top, height)


def _strip(plan: MergePlan, index: int, row: list[Rectangle]) -> Strip:
    top, bottom = reach_rows(plan.motions[index], row, HALO_PX)
    return Strip(plan.source.rows(index, top, bottom), top, plan.source.height)


def _groups(frames: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        yield frames[start : start + FRAMES_AT_ONCE]

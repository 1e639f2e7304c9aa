"""Merging aligned frames: crop, encode, add up, decode; one row of tiles after another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.burst import encode
from edge_sdk.burst.encode import Encode
from edge_sdk.burst.source import FrameSource
from edge_sdk.burst.threads import Spread, spreading
from edge_sdk.burst.tiles import (
    FrameCrop,
    Region,
    Strip,
    Tile,
    bands,
    crop_frame,
    crop_reference,
    reach_rows,
)
from edge_sdk.registration import MotionField

FRAMES_AT_ONCE = 10
"""Frames whose rows are in memory together."""
DECODED_PX = 96
"""Inside of what is decoded together, in pixels of a frame: its finer planes fit a cache."""
MAP_PX = 4
"""Side of the squares of reference pixels that the provenance maps average."""

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, steps done and steps in all."""


class Sink(Protocol):
    """Takes the enlarged picture by rows, from top to bottom."""

    def put(self, top: int, pixels: Tensor) -> None:
        """Take rows from ``top`` on: float32 [3, rows, scale·width], about [0, 1], not clipped."""
        ...


@dataclass(frozen=True, eq=False)
class MergePlan:
    """What is merged, and how.

    Attributes:
        source: the frames.
        reference: index of the reference.
        motions: motion from the reference to every other frame that takes part.
        region: what of the reference is enlarged.
        inside_px: side of a tile without its halo, in pixels of a frame; a multiple of 4.
        noise_std: noise of a frame on values in [0, 1].
        reference_weight: weight of the reference's samples; those of other frames weigh 1.
        provenance: whether to keep maps of what each frame contributed.
    """

    source: FrameSource
    reference: int
    motions: dict[int, MotionField]
    region: Region
    inside_px: int
    noise_std: float
    reference_weight: float
    provenance: bool = False


@dataclass(frozen=True, eq=False)
class Merged:
    """What a merge found out beside the picture.

    Attributes:
        shares: mean agreement of every frame but the reference, 0 to 1.
        maps: by frame, float16 [⌈h/4⌉, ⌈w/4⌉]: mean weight over 4×4 pixels of the region; empty
            unless the plan asks for it.
        merge_seconds: time spent on reading, crops and ``encode``.
        enhance_seconds: time spent on ``decode`` and output.
    """

    shares: dict[int, float]
    maps: dict[int, Tensor]
    merge_seconds: float
    enhance_seconds: float


@dataclass
class _Sums:
    """What ``encode`` has added up for one tile."""

    sums: Tensor
    weights: Tensor
    reference: Tensor


@dataclass
class _Tally:
    """What each frame contributed so far."""

    agreed: dict[int, float] = field(default_factory=dict)
    maps: dict[int, Tensor] = field(default_factory=dict)


def merge(
    plan: MergePlan, encoder: Encode, decoder: nn.Module, halo_px: int, sink: Sink, report: Progress
) -> Merged:
    """Run ``encode`` and ``decode`` over all tiles.

    Args:
        plan: what is merged.
        encoder: stage ``encode``.
        decoder: stage ``decode``: sums, weights, reference to picture.
        halo_px: margin that ``decoder`` consumes, in pixels of a frame.
        sink: takes the picture.
        report: told of every tile.
    """
    with spreading() as spread:
        return _merged(plan, encoder, decoder, halo_px, sink, report, spread)


def _merged(
    plan: MergePlan,
    encoder: Encode,
    decoder: nn.Module,
    halo_px: int,
    sink: Sink,
    report: Progress,
    spread: Spread,
) -> Merged:
    tally = _Tally()
    total = sum(len(row) for row in bands(plan.region, plan.inside_px))
    done, merge_seconds, enhance_seconds = 0, 0.0, 0.0
    for row in bands(plan.region, plan.inside_px):
        started = time.perf_counter()
        added = _added(plan, encoder, row, halo_px, tally, spread)
        merge_seconds += time.perf_counter() - started
        started = time.perf_counter()
        decoded = partial(
            _decoded, decoder, inside_px=plan.inside_px, halo_px=halo_px, scale=encoder.scale
        )
        lines = []
        for tile, output in zip(row, spread(decoded, added), strict=True):
            rows, columns = tile.height * encoder.scale, tile.width * encoder.scale
            lines.append(output[:, :rows, :columns])
            done += 1
            report("merge", done, total)
        sink.put((row[0].top - plan.region.top) * encoder.scale, torch.cat(lines, 2))
        enhance_seconds += time.perf_counter() - started
    area = plan.region.height * plan.region.width
    shares = {index: agreed / area for index, agreed in tally.agreed.items()}
    shares.pop(plan.reference, None)
    return Merged(shares, tally.maps, merge_seconds, enhance_seconds)


def _decoded(decoder: nn.Module, entry: _Sums, inside_px: int, halo_px: int, scale: int) -> Tensor:
    """Decode a tile in pieces that fit a processor's cache; float32 [3, scale·t, scale·t]."""
    output = torch.empty(3, inside_px * scale, inside_px * scale)
    for top in range(0, inside_px, DECODED_PX):
        for left in range(0, inside_px, DECODED_PX):
            down, across = (
                slice(start, min(start + DECODED_PX, inside_px) + 2 * halo_px)
                for start in (top, left)
            )
            whole = (entry.sums, entry.weights, entry.reference)
            piece = decoder(*(x[..., down, across] for x in whole))[0]
            rows, columns = (scale * start for start in (top, left))
            output[:, rows : rows + piece.shape[1], columns : columns + piece.shape[2]] = piece
    return output


def _added(
    plan: MergePlan,
    encoder: Encode,
    row: list[Tile],
    halo_px: int,
    tally: _Tally,
    spread: Spread,
) -> list[_Sums]:
    """Sums of all frames for one row of tiles."""
    margin = halo_px + encode.HALO_PX
    side = plan.inside_px + 2 * margin
    still = _reference_strip(plan, row, side, margin)
    references = [crop_reference(still, tile, side, margin) for tile in row]
    result: list[_Sums] = []
    for group in _groups([plan.reference, *plan.motions]):
        strips = {
            index: _strip(plan, index, row, side, margin)
            for index in group
            if index in plan.motions
        }
        encoded = partial(_encoded, plan, encoder, group, strips, side=side, margin=margin)
        places = list(zip(row, references, strict=True))
        for place, (sums, weights, trust) in enumerate(spread(encoded, places)):
            tile, reference = places[place]
            if place == len(result):
                result.append(_Sums(sums, weights, _inner(reference.pixels[None], encode.HALO_PX)))
            else:
                result[place].sums += sums
                result[place].weights += weights
            _count(plan, tally, group, tile, _inner(trust, halo_px)[:, 0])
    return result


def _encoded(
    plan: MergePlan,
    encoder: Encode,
    group: list[int],
    strips: dict[int, Strip],
    place: tuple[Tile, FrameCrop],
    side: int,
    margin: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Sums, weights and trust of a group of frames for one tile."""
    tile, reference = place
    crops = [
        crop_frame(strips[index], plan.motions[index], tile, side, margin)
        if index in plan.motions
        else FrameCrop(
            reference.pixels, reference.offset, reference.confidence * plan.reference_weight
        )
        for index in group
    ]
    found: tuple[Tensor, Tensor, Tensor] = encoder(
        reference.pixels[None],
        torch.stack([crop.pixels for crop in crops]),
        torch.stack([crop.offset for crop in crops]),
        torch.stack([crop.confidence for crop in crops]),
        torch.full((1, 1, 1, 1), plan.noise_std),
    )
    return found


def _count(plan: MergePlan, tally: _Tally, group: list[int], tile: Tile, trust: Tensor) -> None:
    trust = trust[:, : tile.height, : tile.width]
    for index, agreed in zip(group, trust.sum((1, 2)).tolist(), strict=True):
        tally.agreed[index] = tally.agreed.get(index, 0.0) + agreed
    if not plan.provenance:
        return
    squares = functional.avg_pool2d(trust[:, None], MAP_PX, ceil_mode=True)[:, 0]
    top, left = (tile.top - plan.region.top) // MAP_PX, (tile.left - plan.region.left) // MAP_PX
    rows, columns = squares.shape[-2:]
    for index, square in zip(group, squares, strict=True):
        if index not in tally.maps:
            size = (-(-plan.region.height // MAP_PX), -(-plan.region.width // MAP_PX))
            tally.maps[index] = torch.zeros(size, dtype=torch.float16)
        tally.maps[index][top : top + rows, left : left + columns] = square.half()


def _reference_strip(plan: MergePlan, row: list[Tile], side: int, margin: int) -> Strip:
    height = plan.source.height
    top = max(row[0].top - margin, 0)
    bottom = min(row[0].top - margin + side, height)
    return Strip(plan.source.rows(plan.reference, top, bottom), top, height)


def _strip(plan: MergePlan, index: int, row: list[Tile], side: int, margin: int) -> Strip:
    top, bottom = reach_rows(plan.motions[index], row, side, margin)
    return Strip(plan.source.rows(index, top, bottom), top, plan.source.height)


def _groups(frames: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        yield frames[start : start + FRAMES_AT_ONCE]


def _inner(x: Tensor, margin: int) -> Tensor:
    return x[..., margin:-margin, margin:-margin] if margin else x

"""Merging aligned frames: encode and add up one row of tiles after another, decode behind it."""

from __future__ import annotations

import time
from functools import partial

import torch
from torch import Tensor

from edge_sdk.burst.driver.contributions import Contributions
from edge_sdk.burst.driver.plan import Merged, MergePlan
from edge_sdk.burst.driver.stage_set import DecodeStage, StageSet
from edge_sdk.burst.driver.summing import Band, summed
from edge_sdk.burst.driver.tiles import bands, cuts
from edge_sdk.burst.frames.sinks import Sink
from edge_sdk.burst.frames.threads import Spread, spreading
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.progress import Progress


def merge(plan: MergePlan, stages: StageSet, sink: Sink, report: Progress) -> Merged:
    """Run ``encode`` and ``decode`` over all tiles.

    Sums are computed once per pixel, over the region and the margin that ``decode`` consumes; of
    each row of tiles, as many rows stay as the next must know.

    Args:
        plan: what is merged.
        stages: what computes.
        sink: takes the picture.
        report: called after each row of tiles.
    """
    region, halo_px = plan.region, stages.halo_px
    contributions = Contributions(region, plan.reference, plan.provenance)
    wider = Rectangle(
        left=region.left - halo_px,
        top=region.top - halo_px,
        width=region.width + 2 * halo_px,
        height=region.height + 2 * halo_px,
    )
    rows = list(bands(wider, stages.tile_px))
    total = sum(len(row) for row in rows)
    done, top, merge_seconds, enhance_seconds = 0, 0, 0.0, 0.0
    above: Band | None = None
    with spreading() as spread:
        for row in rows:
            started = time.perf_counter()
            band = summed(plan, stages.encode, row, contributions, spread).below(above)
            above = band.last(2 * halo_px)
            merge_seconds += time.perf_counter() - started
            started = time.perf_counter()
            if band.height > 2 * halo_px:
                sink.put(top * stages.scale, _decoded(stages, band, spread))
                top += band.height - 2 * halo_px
            enhance_seconds += time.perf_counter() - started
            done += len(row)
            report("merge", done, total)
    shares = contributions.shares()
    shares.pop(plan.reference, None)
    return Merged(
        shares, contributions.maps(), contributions.effective(), merge_seconds, enhance_seconds
    )


def _decoded(stages: StageSet, band: Band, spread: Spread) -> Tensor:
    """Decode a band in pieces that fit a cache; float32 [C, scale·(h − 2·halo), …]."""
    scale, halo_px, max_px = stages.scale, stages.halo_px, stages.decoded_px
    height, width = (length - 2 * halo_px for length in band.sums.shape[-2:])
    output = torch.empty(0)
    pieces = [(rows, columns) for rows in cuts(height, max_px) for columns in cuts(width, max_px)]
    decoded = partial(_piece, stages.decode, band, halo_px)
    for (rows, columns), piece in zip(pieces, spread(decoded, pieces), strict=True):
        down, across = (
            slice(scale * start, scale * (start + length)) for start, length in (rows, columns)
        )
        if not output.numel():
            output = torch.empty(piece.shape[0], scale * height, scale * width)
        output[:, down, across] = piece
    return output


def _piece(
    decode: DecodeStage, band: Band, halo_px: int, place: tuple[tuple[int, int], tuple[int, int]]
) -> Tensor:
    down, across = (slice(start, start + length + 2 * halo_px) for start, length in place)
    return decode(*(part[..., down, across] for part in band.parts))[0]

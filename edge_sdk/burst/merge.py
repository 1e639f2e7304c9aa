"""Merging aligned frames: encode and add up one row of tiles after another, decode behind it."""

from __future__ import annotations

import time
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from edge_sdk.burst.encode import Encode
from edge_sdk.burst.plan import Merged, MergePlan, Progress
from edge_sdk.burst.summing import Band, summed
from edge_sdk.burst.tally import Tally
from edge_sdk.burst.threads import Spread, spreading
from edge_sdk.burst.tiles import Region, bands, cuts

DECODED_PX = 128
"""Most rows and columns that are decoded together: their finer planes fit a processor's cache."""


class Sink(Protocol):
    """Takes the enlarged picture by rows, from top to bottom."""

    def put(self, top: int, pixels: Tensor) -> None:
        """Take rows from ``top`` on: float32 [3, rows, scale·width], about [0, 1], not clipped."""
        ...


def merge(
    plan: MergePlan, encoder: Encode, decoder: nn.Module, halo_px: int, sink: Sink, report: Progress
) -> Merged:
    """Run ``encode`` and ``decode`` over all tiles.

    Sums are computed once per pixel, over the region and the margin that ``decode`` consumes; of
    each row of tiles, as many rows stay as the next must know.

    Args:
        plan: what is merged.
        encoder: stage ``encode``.
        decoder: stage ``decode``: sums, weights, reference to picture.
        halo_px: margin that ``decoder`` consumes, in pixels of a frame.
        sink: takes the picture.
        report: told of every row of tiles.
    """
    region = plan.region
    tally = Tally(region, plan.provenance)
    wider = Region(
        region.left - halo_px,
        region.top - halo_px,
        region.width + 2 * halo_px,
        region.height + 2 * halo_px,
    )
    rows = list(bands(wider, plan.tile_px))
    total = sum(len(row) for row in rows)
    done, top, merge_seconds, enhance_seconds = 0, 0, 0.0, 0.0
    above: Band | None = None
    with spreading() as spread:
        for row in rows:
            started = time.perf_counter()
            band = summed(plan, encoder, row, tally, spread).below(above)
            above = band.last(2 * halo_px)
            merge_seconds += time.perf_counter() - started
            started = time.perf_counter()
            if band.height > 2 * halo_px:
                sink.put(
                    top * encoder.scale, _decoded(decoder, band, halo_px, encoder.scale, spread)
                )
                top += band.height - 2 * halo_px
            enhance_seconds += time.perf_counter() - started
            done += len(row)
            report("merge", done, total)
    shares = tally.shares()
    shares.pop(plan.reference, None)
    return Merged(shares, tally.maps(), merge_seconds, enhance_seconds)


def _decoded(decoder: nn.Module, band: Band, halo_px: int, scale: int, spread: Spread) -> Tensor:
    """Decode a band in pieces that fit a cache; float32 [3, scale·(h − 2·halo), …]."""
    height, width = (length - 2 * halo_px for length in band.sums.shape[-2:])
    output = torch.empty(3, scale * height, scale * width)
    pieces = [
        (rows, columns) for rows in cuts(height, DECODED_PX) for columns in cuts(width, DECODED_PX)
    ]
    decoded = partial(_piece, decoder, band, halo_px)
    for (rows, columns), piece in zip(pieces, spread(decoded, pieces), strict=True):
        down, across = (
            slice(scale * start, scale * (start + length)) for start, length in (rows, columns)
        )
        output[:, down, across] = piece
    return output


def _piece(
    decoder: nn.Module, band: Band, halo_px: int, place: tuple[tuple[int, int], tuple[int, int]]
) -> Tensor:
    down, across = (slice(start, start + length + 2 * halo_px) for start, length in place)
    piece: Tensor = decoder(*(part[..., down, across] for part in band.parts))[0]
    return piece

"""Where a frame's motion explains the picture and where its tiles do, finer than by the tile.

A tile that an object covers in part follows the object, and takes the background beside it along.
Each quarter of a tile therefore chooses again between the tiles' offset and rest, by the residuals
of its own neighborhood under both.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.registration.fields.evidence import View
from edge_sdk.registration.fields.grid import TileGrid

PARTS = 4
"""Quarters of a tile, in each direction."""
CAP = 9.0
"""Squared residuals, over the noise, count up to this."""
SIGNIFICANT = 4.0
"""Sum of squared residuals, over the noise, by which rest must be better to be chosen."""


def chosen_offsets(view: View, grid: TileGrid, offsets: Tensor) -> Tensor:
    """Offsets at quarters of tiles: the tiles' own, interpolated, or 0 where rest matches better.

    Over the 3×3 quarters around each, rest is chosen where

        Σ min(r₀²/σ², c) < Σ min(r²/σ², c) − t,

    r₀ being the residuals at rest, r those at the offsets and σ² the noise: where there is nothing
    to distinguish them the field stays smooth.

    Args:
        view: frames on the finest level.
        grid: the tiles on it, R × C.
        offsets: float32 [N, 2, R, C], in finest pixels.

    Returns:
        Float32 [N, 2, 4·R, 4·C].
    """
    template = view.template
    moved = grid.interpolated(offsets)
    costs = torch.stack((_costs(view, moved), _costs(view, torch.zeros_like(moved))), 1)
    size = (PARTS * offsets.shape[2], PARTS * offsets.shape[3])
    raster = costs.unflatten(2, (template.rows, template.columns))  # type: ignore[no-untyped-call]
    cells = raster.shape[-2] * raster.shape[-1] / (size[0] * size[1])
    sums = functional.adaptive_avg_pool2d(raster, size) * cells
    around = functional.avg_pool2d(sums, 3, 1, padding=1, divisor_override=1)
    rests = around[:, 1] < around[:, 0] - SIGNIFICANT
    fine = functional.interpolate(offsets, size, mode="bilinear", align_corners=False)
    return fine.masked_fill(rests[:, None], 0.0)


def _costs(view: View, moved: Tensor) -> Tensor:
    """Squared residuals over the noise, capped, float32 [N, P]; the cap beyond the frame."""
    residual, inside = view.residuals(moved)
    cost = (residual.square() / view.noise[:, None]).clamp_max(CAP)
    return torch.where(inside > 0, cost, cost.new_full((), CAP))

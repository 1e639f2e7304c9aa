"""Motion that varies over the picture: offsets of tiles on top of a frame's global motion.

The offsets are a bilinear field d on a coarse grid, found by Gauss–Newton on all pyramid levels
from coarse to fine: the tiles' own least-squares evidence (Lucas & Kanade 1981 with bilinear
windows), joined by a prior under which neighbors differ little, or, on two layers, freely.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.registration.fields.evidence import TileEvidence, View, evidence
from edge_sdk.registration.fields.grid import TileGrid, relaxed

STEP_PX = 0.2
"""Standard deviation by which offsets of neighboring tiles are expected to differ."""
REST_PX = 1.0
"""Standard deviation of offsets of tiles that move with the frame."""
STEPS = 4
"""Gauss–Newton steps on each level."""
FIRST_STEP_PX = 4.0
"""A tile by itself is not believed to be much further than this from the global motion."""
SEARCHED_PX = 12.0
"""Largest offset that the search tries, in each direction."""
BETTER = 0.5
"""Mean square of the residuals, over that at rest, from which on another place is believed."""
CONFIDENT_PX = 0.1
"""Standard deviation of a tile's own offset that halves its weight."""
MOVED_SHARE = 0.15
"""Share of the tiles, those that seem furthest off, that a moving object may hold."""
HALF_BLOCK_PX = 6
"""Side of the squares that take turns between the two halves of the evidence."""


def varying_px(
    view: View, grid: TileGrid, residual: Tensor, inside: Tensor
) -> tuple[Tensor, TileEvidence]:
    """How far tiles are from the global motion, root mean square in px, float32 [N].

    The cells are split like a chessboard, and each half finds its own offsets: what they have in
    common, Σ w·d₁·d₂ / Σ w, is motion, since noise of one half says nothing about the other. The
    tiles of the largest d₁·d₂ are left out: one object that moved does not make the scene bend.
    Beside it the evidence of all cells at the global motion, where they leave these residuals.
    """
    template = view.template
    block = max(1, round(HALF_BLOCK_PX / template.cell_px))
    rows = torch.arange(template.rows) // block
    columns = torch.arange(template.columns) // block
    board = ((rows[:, None] + columns) % 2).flatten().to(view.noise)
    halves = (None, board, 1 - board)
    whole, first, second = evidence(view, grid, residual, inside, halves)
    # A tile of much texture counts as one, one of none as nothing.
    information = torch.minimum(*(half.information[:, 0::2].sum(1) for half in (first, second)))
    weight = information / (information + 1 / CONFIDENT_PX**2)
    product = (first.steps(FIRST_STEP_PX) * second.steps(FIRST_STEP_PX)).sum(1).flatten(1)
    count = product.shape[1]
    kept = product.argsort(1)[:, : count - round(MOVED_SHARE * count)]
    product, weight = product.gather(1, kept), weight.flatten(1).gather(1, kept)
    common = (weight * product).sum(1) / weight.sum(1).clamp_min(1e-3)
    return common.clamp_min(0.0).sqrt(), whole


def tile_offsets(views: list[View], grids: list[TileGrid]) -> Tensor:
    """Offsets of the tiles, float32 [N, 2, R, C] in finest pixels, from the coarsest view down."""
    offsets = searched(views[0], grids[0])
    for view, grid in zip(views, grids, strict=True):
        for _ in range(STEPS):
            (found,) = evidence(view, grid, *view.residuals(grid.interpolated(offsets)))
            right = found.gradient + _times(found.information, offsets)
            offsets = relaxed(found.information, right, offsets, step_px=STEP_PX, rest_px=REST_PX)
    # A tile that matches worse than at the frame's motion has not been found.
    at_rest = mismatch(views[-1], grids[-1], torch.zeros_like(offsets))
    lost = mismatch(views[-1], grids[-1], offsets) > at_rest
    return offsets.masked_fill(lost[:, None], 0.0)


def searched(view: View, grid: TileGrid) -> Tensor:
    """Whole-pixel offsets of the view at which tiles match much better than at rest."""
    reach = round(SEARCHED_PX / view.unit_px)
    rest = view.noise.new_zeros(len(view.frames), 2, len(grid.down), len(grid.across))
    at_rest = mismatch(view, grid, rest)
    best, offsets = BETTER * at_rest, rest
    shifts = [
        (x * view.unit_px, y * view.unit_px)
        for y in range(-reach, reach + 1)
        for x in range(-reach, reach + 1)
        if x or y
    ]
    for shift in sorted(shifts, key=lambda pair: pair[0] ** 2 + pair[1] ** 2):
        tried = rest + rest.new_tensor(shift)[:, None, None]
        found = mismatch(view, grid, tried)
        offsets = torch.where((found < best)[:, None], tried, offsets)
        best = torch.minimum(found, best)
    return offsets


def mismatch(view: View, grid: TileGrid, offsets: Tensor) -> Tensor:
    """Mean square of the residuals of each tile, float32 [N, R, C]; infinite beyond the frame."""
    residual, inside = view.residuals(grid.interpolated(offsets))
    shown, square = grid.gathered(torch.stack((inside, inside * residual.square()), 1)).unbind(1)
    total = grid.down.sum(1)[:, None] * grid.across.sum(1)
    # Beyond the frame's edge there is nothing to match.
    return (square / shown.clamp_min(1e-3)).masked_fill(shown < 0.5 * total, torch.inf)


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    xx, xy, yy = matrix.unbind(1)
    x, y = vector.unbind(1)
    return torch.stack((xx * x + xy * y, xy * x + yy * y), dim=1)

"""A coarse grid of tiles over the cells of a template, and smooth fields on it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.registration.template import Template


@dataclass(frozen=True, eq=False)
class TileGrid:
    """Bilinear interpolation between the centers of R × C tiles, as matrices.

    Attributes:
        down: float32 [R, rows of cells]: weight of each row of tiles in each row of cells.
        across: float32 [C, columns of cells].
    """

    down: Tensor
    across: Tensor

    @staticmethod
    def over(template: Template, rows: int, columns: int) -> TileGrid:
        """The grid of rows × columns equal tiles on a template."""
        cell = template.cell_px
        return TileGrid(
            _hats(template.rows, cell / template.height, rows, template.values),
            _hats(template.columns, cell / template.width, columns, template.values),
        )

    def interpolated(self, tiles: Tensor) -> Tensor:
        """Values [N, K, R, C] at the centers of tiles, at all cells: [N, K, P]."""
        return (self.down.T @ tiles @ self.across).flatten(2)

    def gathered(self, cells: Tensor) -> Tensor:
        """Sums over each tile's cells [N, K, P], weighted as they depend on it: [N, K, R, C]."""
        raster = cells.unflatten(2, (self.down.shape[1], self.across.shape[1]))  # type: ignore[no-untyped-call]
        sums: Tensor = self.down @ raster @ self.across.T
        return sums


REGULARIZATION = 1e-3
"""Weight of a prior at 0, in px⁻², that is left for tiles without evidence or neighbors."""


def _hats(cells: int, cell_share: float, tiles: int, like: Tensor) -> Tensor:
    centers = (torch.arange(cells, dtype=like.dtype, device=like.device) + 0.5) * cell_share
    places = (centers * tiles - 0.5).clamp(0, tiles - 1)
    steps = torch.arange(tiles, dtype=like.dtype, device=like.device)
    return (1 - (places[None] - steps[:, None]).abs()).clamp_min(0.0)


def solve_pairs(matrix: Tensor, right: Tensor) -> Tensor:
    """Solve 2×2 systems given as (xx, xy, yy) [N, 3, ...] for right sides [N, 2, ...]."""
    xx, xy, yy = matrix.unbind(1)
    determinant = xx * yy - xy * xy
    x = (yy * right[:, 0] - xy * right[:, 1]) / determinant
    y = (xx * right[:, 1] - xy * right[:, 0]) / determinant
    return torch.stack((x, y), dim=1)


def relaxed(
    information: Tensor,
    right: Tensor,
    start: Tensor,
    *,
    step_px: float,
    rest_px: float,
    sweeps: int = 40,
) -> Tensor:
    """The offsets x that agree with their tiles' evidence and with their neighbors.

    Minimizes Σ ½ xᵀA x − xᵀr + Σ ω |x|²/2 rest² + Σ ω |x − x'|²/2 step² over pairs of neighbors.
    The weight ω = (1 + |x − x'|²/4 step²)⁻² of the start lets neighbors on two layers separate, and
    likewise lets what moves away from 0 go. Block Jacobi sweeps.

    Args:
        information: float32 [N, 3, R, C], A as (xx, xy, yy), in px⁻².
        right: float32 [N, 2, R, C], r, in px⁻¹.
        start: float32 [N, 2, R, C], in px.
        step_px: standard deviation that neighbors are expected to differ by.
        rest_px: standard deviation of offsets about 0.
        sweeps: number of Jacobi sweeps.
    """
    right_links = _link_weight(start[..., 1:] - start[..., :-1], step_px)
    down_links = _link_weight(start[..., 1:, :] - start[..., :-1, :], step_px)
    ones = torch.ones_like(start)
    stiffness = (
        _neighbor_sum(ones, right_links, down_links) + _link_weight(start, rest_px) + REGULARIZATION
    )
    diagonal = information.clone()
    diagonal[:, 0::2] += stiffness
    offsets = start
    for _ in range(sweeps):
        offsets = solve_pairs(diagonal, right + _neighbor_sum(offsets, right_links, down_links))
    return offsets


def _link_weight(difference: Tensor, step_px: float) -> Tensor:
    squared_difference = difference.square().sum(1, keepdim=True) / (2 * step_px) ** 2
    return (1 + squared_difference).pow(-2) / step_px**2


def _neighbor_sum(offsets: Tensor, right_links: Tensor, down_links: Tensor) -> Tensor:
    total = torch.zeros_like(offsets)
    total[..., :-1] += right_links * offsets[..., 1:]
    total[..., 1:] += right_links * offsets[..., :-1]
    total[..., :-1, :] += down_links * offsets[..., 1:, :]
    total[..., 1:, :] += down_links * offsets[..., :-1, :]
    return total

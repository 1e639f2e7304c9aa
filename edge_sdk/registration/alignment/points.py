"""The pixels of a level of the reference that speak for its motion, block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.registration.models import MotionModel, velocities
from edge_sdk.registration.stages.align import BLOCK_POINTS
from edge_sdk.registration.stages.expand import HALO_PX, POWERS
from edge_sdk.registration.stages.levels import SMOOTH_HALO_PX
from edge_sdk.registration.stages.stage_set import AlignStages

BLOCK_CELLS = math.isqrt(BLOCK_POINTS)
"""Rows and columns of cells whose points make a block."""
MARGIN_PX = 2
"""Pixels along the edge of a level that do not count, of the reference and of a frame."""
AROUND_PX = 2 * SMOOTH_HALO_PX
"""Pixels around a point whose slopes speak for it, too."""
STRIP_PIXELS = 100_000
"""Pixels of the reference that are expanded at once, about."""
GOLDEN = (math.sqrt(5.0) - 1.0) / 2
"""Of all ratios that which is furthest from any simple one."""


@dataclass(frozen=True, eq=False)
class LevelPoints:
    """One pixel of each cell of a level, that with the steepest slopes; 8×8 cells make a block.

    Slopes are squared and smoothed twice before they are compared. Of single pixels the steepest
    are those that noise has made so, and noise that is in the slopes is in the values too: motions
    told from such pixels are drawn towards whole shifts.

    Attributes:
        height: rows of the level.
        width: columns of the level.
        coefficients: float32 [1, 10, B, 64] of stage ``expand``.
        column: float32 [B, 64], columns of the points.
        row: float32 [B, 64], their rows.
        x: float32 [B, 64], the same from the middle of the level.
        y: float32 [B, 64].
        real: bool [B, 64]: whether there is a point; the last blocks are not full.
        moves: float64 [2, K, B]: how the middle of a block moves, along x and y, by one step in
            each direction of the model.
        corners: float64 [2, K, 4]: the same of the corners of the level.
        radius: half of the longer side, in pixels.
    """

    height: int
    width: int
    coefficients: Tensor
    column: np.ndarray
    row: np.ndarray
    x: np.ndarray
    y: np.ndarray
    real: np.ndarray
    moves: np.ndarray
    corners: np.ndarray
    radius: float

    @staticmethod
    def of(level: Tensor, stages: AlignStages, model: MotionModel, most_points: int) -> LevelPoints:
        """Choose at most about ``most_points`` pixels of a level [1, 1, h, w] of the reference."""
        height, width = level.shape[-2:]
        cell = max(1, math.ceil(math.sqrt(height * width / most_points)))
        chosen, taken = _chosen(level, stages, cell)
        row, column = (part.astype(np.float32) for part in np.divmod(chosen.clip(0), width))
        real = (chosen >= 0) & within_margin(column, row, width, height)
        asked = real.any(1)
        row, column, real, taken = row[asked], column[asked], real[asked], taken[:, asked]
        x, y = column - np.float32((width - 1) / 2), row - np.float32((height - 1) / 2)
        radius = max(height, width) / 2
        count = real.sum(1)
        middle = np.stack([(part * real).sum(1, dtype=np.float64) / count for part in (x, y)], 1)
        half = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * [width / 2, height / 2]
        moves, corners = (_moves(model, points / radius) for points in (middle, half))
        coefficients = torch.from_numpy(taken)[None]
        return LevelPoints(
            height, width, coefficients, column, row, x, y, real, moves, corners, radius
        )

    def some(self, most: int) -> LevelPoints:
        """The same with at most so many blocks, spread over the picture."""
        count = len(self.real)
        if count <= most:
            return self
        # Multiples of the golden ratio leave no gaps and no stripes.
        chosen = np.unique((count * (GOLDEN * np.arange(most) % 1.0)).astype(np.int64))
        return replace(
            self,
            coefficients=self.coefficients[:, :, torch.from_numpy(chosen)],
            column=self.column[chosen],
            row=self.row[chosen],
            x=self.x[chosen],
            y=self.y[chosen],
            real=self.real[chosen],
            moves=self.moves[..., chosen],
        )


def within_margin(column: np.ndarray, row: np.ndarray, width: int, height: int) -> np.ndarray:
    """Whether places lie on a level and ``MARGIN_PX`` or more from its edge.

    Nearer to it, blur and expansion have seen pixels that stand in for what lies beyond.
    """
    on_columns = (column >= MARGIN_PX) & (column < width - MARGIN_PX)
    inside: np.ndarray = on_columns & (row >= MARGIN_PX) & (row < height - MARGIN_PX)
    return inside


def _chosen(level: Tensor, stages: AlignStages, cell: int) -> tuple[np.ndarray, np.ndarray]:
    """Places [B, 64] of the points of a level, −1 for none, and their coefficients [10, B, 64].

    A strip of rows at a time, since coefficients are ten times as large as what they are of.
    """
    height, width = level.shape[-2:]
    side = BLOCK_CELLS * cell
    rows = side * max(1, STRIP_PIXELS // (side * width))
    padded = functional.pad(level, (HALO_PX + AROUND_PX,) * 4, mode="replicate")
    chosen, taken = [], []
    for top in range(0, height, rows):
        strip = padded[..., top : min(top + rows, height) + 2 * (HALO_PX + AROUND_PX), :]
        with torch.inference_mode():
            coefficients = stages.expand(strip)
            energy = coefficients[:, 1:2].square() + coefficients[:, 2:3].square()
            smooth = stages.smooth(stages.smooth(energy))[0, 0].numpy()
        places = _by_blocks(_steepest(smooth, cell))
        inner = slice(AROUND_PX, -AROUND_PX)
        flat = coefficients[0, :, inner, inner].reshape(len(POWERS), -1).numpy()
        taken.append(flat.take(places.clip(0), axis=1))
        chosen.append(np.where(places >= 0, places + top * width, -1))
    return np.concatenate(chosen), np.concatenate(taken, 1)


def _steepest(energy: np.ndarray, cell: int) -> np.ndarray:
    """Place of the largest value of a plane [h, w] in each cell, row by row, int64 [R, C]."""
    height, width = energy.shape
    rows, columns = -(-height // cell), -(-width // cell)
    cells = np.full((rows * cell, columns * cell), -1.0, energy.dtype)
    cells[:height, :width] = energy
    cells = cells.reshape(rows, cell, columns, cell).swapaxes(1, 2).reshape(rows, columns, -1)
    down, right = np.divmod(cells.argmax(-1), cell)
    first_row, first_column = np.ogrid[: rows * cell : cell, : columns * cell : cell]
    place: np.ndarray = (first_row + down) * width + first_column + right
    return place


def _by_blocks(places: np.ndarray) -> np.ndarray:
    """Places [R, C] as [B, 64], 8×8 of them in a row; −1 where there is none."""
    side = BLOCK_CELLS
    rows, columns = (-(-size // side) for size in places.shape)
    filled = np.full((rows * side, columns * side), -1)
    filled[: places.shape[0], : places.shape[1]] = places
    return filled.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side * side)


def _moves(model: MotionModel, points: np.ndarray) -> np.ndarray:
    """How points [P, 2] of order 1 move in each direction of a model, [2, K, P]."""
    along: np.ndarray = velocities(model, torch.from_numpy(points)).numpy()
    return np.ascontiguousarray(along.transpose(2, 0, 1))

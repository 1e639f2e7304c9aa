"""The reference as registration sees it: chosen pixels of one pyramid level, with their slopes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.registration.motion import centered_grid


@dataclass(frozen=True, eq=False)
class Template:
    """One pixel of each cell of a regular grid on the reference: that of the steepest slope.

    Slopes carry all that an image says about motion, so the steepest quarter of the pixels says
    most of it; one pixel per cell keeps them spread over the picture.

    Attributes:
        points: float32 [P, 2], centered pixel coordinates, P = rows · columns, row by row.
        values: float32 [P], the reference there.
        slopes: float32 [P, 2], its central differences along x and y, per pixel.
        rows: rows of cells.
        columns: columns of cells.
        cell_px: side of a cell.
        height: rows of the level.
        width: columns of the level.
    """

    points: Tensor
    values: Tensor
    slopes: Tensor
    rows: int
    columns: int
    cell_px: int
    height: int
    width: int

    @property
    def radius(self) -> float:
        """Half of the longer side, in pixels."""
        return max(self.height, self.width) / 2


def make_template(reference: Tensor, max_points: int) -> Template:
    """Choose at most about ``max_points`` pixels of a smooth reference [1, 1, H, W]."""
    height, width = reference.shape[-2:]
    slope_x, slope_y = _slopes(reference)
    cell = max(1, math.ceil(math.sqrt(height * width / max_points)))
    energy = slope_x.square() + slope_y.square()
    # Cells that the border cuts are whole cells: every part of the picture counts.
    _, chosen = functional.max_pool2d(energy, cell, return_indices=True, ceil_mode=True)
    index = chosen.flatten()
    slopes = torch.stack((slope_x.flatten()[index], slope_y.flatten()[index]), dim=1)
    points = centered_grid(height, width, like=reference).reshape(-1, 2)[index]
    values = reference.flatten()[index]
    rows, columns = chosen.shape[-2:]
    return Template(points, values, slopes, rows, columns, cell, height, width)


def _slopes(image: Tensor) -> tuple[Tensor, Tensor]:
    padded = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    slope_x = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    slope_y = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    return slope_x, slope_y

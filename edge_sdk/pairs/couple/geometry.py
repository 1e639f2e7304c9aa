"""What a homography from a far to a near shot says: zoom ratio, shape, shared field of view."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from edge_sdk.errors import SceneError
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.pairs.config import PairConfig
from edge_sdk.registration.motion import centered_grid, transform

MARGIN_PX = 2.0
"""Near pixels along the edge that an interpolation would have to invent neighbors for."""
LARGEST_STRETCH = 1.25
"""Ratio of the scales of two directions beyond which no camera moved like this."""
FINEST_CELLS = 160
"""Cells, in each direction, on which the largest shared rectangle is searched."""


def slope_at_center(matrix: Tensor) -> Tensor:
    """Slope float64 [2, 2] of a motion [3, 3] at the center."""
    unit = matrix / matrix[2, 2]
    slope: Tensor = unit[:2, :2] - unit[:2, 2:] @ unit[2:, :2]
    return slope


def zoom_ratio(matrix: Tensor) -> float:
    """Near pixels per far pixel at the center: √det of the slope; 0 if mirrored."""
    return float(torch.linalg.det(slope_at_center(matrix)).clamp_min(0).sqrt())


def check_shape(matrix: Tensor, config: PairConfig) -> float:
    """The zoom ratio of a homography, if a camera can have moved like this.

    Raises:
        SceneError: if the picture would be mirrored or stretched, or its zoom ratio is too far from
            the scale.
    """
    ratio = zoom_ratio(matrix)
    longest, shortest = torch.linalg.svdvals(slope_at_center(matrix)).tolist()
    if ratio == 0 or longest > LARGEST_STRETCH * shortest:
        raise SceneError("no match: the features agree on no motion that a camera can make")
    least, most = config.least_ratio * config.scale, config.largest_ratio * config.scale
    if not least <= ratio <= most:
        raise SceneError(
            f"zoom ratio {ratio:.2f} is not within {least:g} to {most:g} for scale {config.scale}"
        )
    return ratio


def visible_share(matrix: Tensor, far: Tensor, near: Tensor) -> float:
    """Share of a near picture [..., h, w] that a far picture [..., H, W] shows."""
    height, width = near.shape[-2:]
    like = torch.zeros((), dtype=torch.float64)
    grid = centered_grid(64, 64, like=like) * like.new_tensor([width / 64, height / 64])
    places = transform(torch.linalg.inv(matrix), grid.reshape(-1, 2))
    return float(_within(places, far, 0.0).double().mean())


def shared_region(matrix: Tensor, far: Tensor, near: Tensor) -> Rectangle:
    """Largest rectangle of a far picture [..., H, W] that a near picture shows wholly.

    Searched on cells of a pixel or more; empty if nothing is shared.

    Args:
        matrix: float64 [3, 3], far to near, centered pixel coordinates.
        far: the far picture.
        near: the near picture.
    """
    height, width = far.shape[-2:]
    cell = max(1, -(-max(height, width) // FINEST_CELLS))
    rows, columns = height // cell, width // cell
    # Corners of cells: a cell is shown where all four are.
    y = torch.arange(rows + 1, dtype=torch.float64) * cell - height / 2
    x = torch.arange(columns + 1, dtype=torch.float64) * cell - width / 2
    corners = torch.stack((x.expand(rows + 1, -1), y[:, None].expand(-1, columns + 1)), -1)
    ahead = corners @ matrix[2, :2] + matrix[2, 2] > 0
    places = transform(matrix, corners.reshape(-1, 2)).reshape(corners.shape)
    shown = _within(places, near, MARGIN_PX) & ahead
    cells = shown[1:, 1:] & shown[1:, :-1] & shown[:-1, 1:] & shown[:-1, :-1]
    top, left, tall, wide = _largest_rectangle(cells.numpy())
    return Rectangle(left=left * cell, top=top * cell, width=wide * cell, height=tall * cell)


def region_offset(region: Rectangle, height: int, width: int) -> Tensor:
    """Centered coordinates (x, y) of a region's center on its picture, float64 [2]."""
    return torch.tensor(
        [
            region.left + (region.width - width) / 2,
            region.top + (region.height - height) / 2,
        ],
        dtype=torch.float64,
    )


def shifted(offset: Tensor) -> Tensor:
    """The motion float64 [3, 3] by ``offset`` [2]."""
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[:2, 2] = offset
    return matrix


def _within(places: Tensor, picture: Tensor, margin: float) -> Tensor:
    height, width = picture.shape[-2:]
    limit = places.new_tensor([width / 2, height / 2]) - margin
    return (places.abs() <= limit).all(-1)


def _largest_rectangle(cells: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[int, ...]:
    """Top, left, height and width of the largest rectangle of true cells; of equals the first."""
    heights = np.zeros(cells.shape[1] + 1, np.int64)
    best, found = 0, (0, 0, 0, 0)
    for row, line in enumerate(cells):
        heights[:-1] = np.where(line, heights[:-1] + 1, 0)
        # Bars that may still grow to the right; the last, of height 0, ends them all.
        stack: list[int] = []
        for column, height in enumerate(heights.tolist()):
            while stack and heights[stack[-1]] >= height:
                tall = int(heights[stack.pop()])
                left = stack[-1] + 1 if stack else 0
                if tall * (column - left) > best:
                    best = tall * (column - left)
                    found = (row - tall + 1, left, tall, column - left)
            stack.append(column)
    return found

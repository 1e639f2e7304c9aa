"""What each frame contributed: its share of the region, and where."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.imaging.rectangle import Rectangle

MAP_PX = 4
"""Side of the squares of reference pixels that the provenance maps average."""


class Contributions:
    """Adds up the trust in frames, tile by tile.

    Args:
        region: what of the reference is enlarged; what tiles show beyond does not count.
        mapped: whether to keep maps.
    """

    def __init__(self, region: Rectangle, mapped: bool) -> None:
        self._region = region
        self._mapped = mapped
        self._agreed: dict[int, float] = {}
        self._maps: dict[int, Tensor] = {}

    def count(self, frames: list[int], tile: Rectangle, trust: Tensor) -> None:
        """Add a tile: float [N, h, w], trust in each of the frames at each of its pixels."""
        region = self._region
        top, left = max(tile.top, region.top), max(tile.left, region.left)
        bottom = min(tile.top + tile.height, region.top + region.height)
        right = min(tile.left + tile.width, region.left + region.width)
        if bottom <= top or right <= left:
            return
        trust = trust[:, top - tile.top : bottom - tile.top, left - tile.left : right - tile.left]
        for index, agreed in zip(frames, trust.sum((1, 2)).tolist(), strict=True):
            self._agreed[index] = self._agreed.get(index, 0.0) + agreed
        if self._mapped:
            self._draw(frames, trust, top - region.top, left - region.left)

    def shares(self) -> dict[int, float]:
        """By frame, the mean of its trust over the region."""
        area = self._region.height * self._region.width
        return {index: agreed / area for index, agreed in self._agreed.items()}

    def maps(self) -> dict[int, Tensor]:
        """By frame, float16 [⌈h/4⌉, ⌈w/4⌉]: means of its trust over squares of the region."""
        rows, columns = (
            (length - torch.arange(0, length, MAP_PX)).clamp_max(MAP_PX)
            for length in (self._region.height, self._region.width)
        )
        counts = (rows[:, None] * columns).half()
        return {index: total / counts for index, total in self._maps.items()}

    def _draw(self, frames: list[int], trust: Tensor, top: int, left: int) -> None:
        # Squares that the tile cuts get its part.
        before = (left % MAP_PX, 0, top % MAP_PX, 0)
        padded = functional.pad(trust[:, None], before)
        sums = functional.avg_pool2d(padded, MAP_PX, ceil_mode=True, divisor_override=1)[:, 0]
        row, column = top // MAP_PX, left // MAP_PX
        for index, part in zip(frames, sums, strict=True):
            if index not in self._maps:
                size = (-(-self._region.height // MAP_PX), -(-self._region.width // MAP_PX))
                self._maps[index] = torch.zeros(size, dtype=torch.float16)
            target = self._maps[index][row : row + part.shape[0], column : column + part.shape[1]]
            target += part.half()

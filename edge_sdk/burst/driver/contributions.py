"""What each frame contributed: its share of the region, and where."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.effective_frames import SQUARE_PX, EffectiveFrames, effective_frames
from edge_sdk.imaging.rectangle import Rectangle

MAP_PX = 4
"""Side of the squares of reference pixels that the provenance maps average."""


class Contributions:
    """Adds up the trust in frames, tile by tile.

    Args:
        region: what of the reference is enlarged; what tiles show beyond does not count.
        reference: index of the reference.
        mapped: whether to keep maps by frame.
    """

    def __init__(self, region: Rectangle, reference: int, mapped: bool) -> None:
        self._region = region
        self._reference = reference
        self._mapped = mapped
        self._agreed: dict[int, float] = {}
        self._maps: dict[int, Tensor] = {}
        self._others = torch.zeros(_squares(region, SQUARE_PX))

    def count(self, frames: list[int], tile: Rectangle, trust: Tensor) -> None:
        """Add a tile: float [N, h, w], trust in each of the frames at each of its pixels.

        The reference, where it is one of these frames, is the first.
        """
        region = self._region
        top, left = max(tile.top, region.top), max(tile.left, region.left)
        bottom = min(tile.top + tile.height, region.top + region.height)
        right = min(tile.left + tile.width, region.left + region.width)
        if bottom <= top or right <= left:
            return
        trust = trust[:, top - tile.top : bottom - tile.top, left - tile.left : right - tile.left]
        for index, agreed in zip(frames, trust.sum((1, 2)).tolist(), strict=True):
            self._agreed[index] = self._agreed.get(index, 0.0) + agreed
        top, left = top - region.top, left - region.left
        if self._mapped:
            self._draw(frames, trust, top, left)
        others = trust[1:] if frames[0] == self._reference else trust
        _add(self._others, others.sum(0, keepdim=True), top, left, SQUARE_PX)

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

    def effective(self) -> EffectiveFrames:
        """How many frames' worth of samples each place received."""
        return effective_frames(self._others, self._region.height, self._region.width)

    def _draw(self, frames: list[int], trust: Tensor, top: int, left: int) -> None:
        for index, one in zip(frames, trust, strict=True):
            if index not in self._maps:
                self._maps[index] = torch.zeros(_squares(self._region, MAP_PX), dtype=torch.float16)
            _add(self._maps[index], one[None], top, left, MAP_PX)


def _squares(region: Rectangle, side: int) -> tuple[int, int]:
    """Rows and columns of squares that cover the region."""
    return -(-region.height // side), -(-region.width // side)


def _add(total: Tensor, trust: Tensor, top: int, left: int, side: int) -> None:
    """Add to the sums over squares, [R, C], a tile, [1, h, w], that begins at a pixel of them."""
    # Squares that the tile cuts get its part.
    padded = functional.pad(trust, (left % side, 0, top % side, 0))
    part = functional.avg_pool2d(padded, side, ceil_mode=True, divisor_override=1)[0]
    row, column = top // side, left // side
    total[row : row + part.shape[0], column : column + part.shape[1]] += part.to(total.dtype)

"""Luma of a frame, read by rows, so that the colors need not be in memory whole."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.burst.frames.cropped import part_of_rows
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.imaging.rectangle import Rectangle

ROWS_AT_ONCE = 64
"""Rows that are converted together; so few stay in a processor's cache."""


def luma_of(source: FrameSource, index: int, region: Rectangle | None = None) -> Tensor:
    """Luma (BT.601, studio swing) of a frame.

    Args:
        source: the frames.
        index: 0-based frame.
        region: part of it; ``None`` for all.

    Returns:
        Float32 [1, H, W] in [0, 1].
    """
    region = region or Rectangle(left=0, top=0, width=source.width, height=source.height)
    columns = slice(region.left, region.left + region.width)
    luma = torch.empty(1, region.height, region.width)
    for top in range(0, region.height, ROWS_AT_ONCE):
        bottom = min(top + ROWS_AT_ONCE, region.height)
        first, last = region.top + top, region.top + bottom
        rows = part_of_rows(source, index, first, last, columns)
        luma[:, top:bottom] = rgb_to_ycbcr(rows)[:1]
    return luma

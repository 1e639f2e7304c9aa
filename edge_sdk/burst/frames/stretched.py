"""Frames of 16 bits that use little of them, brought to the range that stages work in.

Cameras and microscopes write 8, 10, 12 or 14 bits into files of 16, starting from 0. Read as
fractions of 65,535 such frames are nearly black, below what ghost test and network tell from noise.
"""

from __future__ import annotations

from torch import Tensor

from edge_sdk.burst.frames.source import DerivedSource, FrameSource
from edge_sdk.burst.frames.spool import Spool

FULL_BITS = 16
FEWEST_BITS = 8
MOST_BITS = 14


def used_bits(spool: Spool) -> int:
    """Bits that the frames of a spool use: 8 to 14 if all have 16 and none is brighter, else 16.

    Example:
        >>> import torch
        >>> from edge_sdk.burst import spooling
        >>> from edge_sdk.burst.frames.stretched import used_bits
        >>> with spooling() as spool:
        ...     spool.add(torch.rand(3, 32, 32) * 900 / 65535, depth=16)
        ...     used_bits(spool)
        10
    """
    if spool.shallowest < FULL_BITS:
        return FULL_BITS
    bits = max(spool.peak.bit_length(), FEWEST_BITS)
    return bits if bits <= MOST_BITS else FULL_BITS


class StretchedSource(DerivedSource):
    """Frames of another source, brighter: what ``bits`` can hold fills [0, 1].

    Args:
        source: frames of 16 bits.
        bits: that they use.
    """

    def __init__(self, source: FrameSource, bits: int) -> None:
        super().__init__(source)
        self.gain = (2**FULL_BITS - 1) / (2**bits - 1)

    def rows(self, index: int, top: int, bottom: int) -> Tensor:
        """Rows of a frame, stretched."""
        brighter: Tensor = self._source.rows(index, top, bottom) * self.gain
        return brighter.clamp_(0, 1)

"""Power by frequency of what two pictures of one scene have in common."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK_PX = 64
"""Side of a block that is transformed, in finer pixels; blocks overlap by half."""
RINGS = 24
"""Rings of equal width from 0 to the finer grid's Nyquist frequency."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power of luma by ring, added over blocks.

    Attributes:
        common: float64 [RINGS], the real part of the cross power of two pictures: what noise puts
            into one of them alone averages out.
        own: float64 [RINGS], the mean power of both.
        blocks: number of blocks.
    """

    common: Tensor
    own: Tensor
    blocks: int

    def __add__(self, other: Spectrum) -> Spectrum:
        """Of the blocks of both."""
        return Spectrum(
            self.common + other.common, self.own + other.own, self.blocks + other.blocks
        )


def common_spectrum(first: Tensor, second: Tensor, used: Tensor | None = None) -> Spectrum:
    """Cross power of two pictures of one scene, under a Hann window, averaged over rings.

    Args:
        first: float32 [H, W], luma; sides of at least ``BLOCK_PX``.
        second: the same of the other.
        used: bool [R, C], which of the rows and columns of blocks count; ``None`` for all.
    """
    if used is not None and not bool(used.any()):
        nothing = torch.zeros(RINGS, dtype=torch.float64)
        return Spectrum(nothing, nothing, 0)
    window = torch.hann_window(BLOCK_PX, periodic=False)
    window = window[:, None] * window
    waves = []
    for picture in (first, second):
        blocks = picture.unfold(0, BLOCK_PX, BLOCK_PX // 2).unfold(1, BLOCK_PX, BLOCK_PX // 2)
        blocks = blocks.flatten(0, 1) if used is None else blocks[used]
        blocks = (blocks - blocks.mean((-2, -1), keepdim=True)) * window
        waves.append(torch.fft.rfft2(blocks))
    common = (waves[0] * waves[1].conj()).real.double().sum(0)
    own = 0.5 * (waves[0].abs().square() + waves[1].abs().square()).double().sum(0)
    return Spectrum(_by_ring(common), _by_ring(own), waves[0].shape[0])


def modes_by_ring() -> Tensor:
    """Number of frequencies of a block in each ring, float64 [RINGS]."""
    return torch.bincount(_rings().flatten(), minlength=RINGS)[:RINGS].double()


def _by_ring(power: Tensor) -> Tensor:
    rings = _rings().flatten()
    sums = torch.bincount(rings, weights=power.flatten(), minlength=RINGS)[:RINGS]
    return sums / modes_by_ring()


def _rings() -> Tensor:
    """The ring of every frequency of a real transform, int64 [BLOCK_PX, BLOCK_PX/2 + 1]."""
    down, across = torch.fft.fftfreq(BLOCK_PX)[:, None], torch.fft.rfftfreq(BLOCK_PX)
    return (torch.sqrt(down**2 + across**2) * 2 * RINGS).long()

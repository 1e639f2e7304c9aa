"""The levels that a picture has, and the noise typical of them where it is known by level."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.noise.curve import Noise, luma_std
from edge_sdk.burst.noise.tiles import BRIGHTEST, DARKEST, TILE_PX
from edge_sdk.burst.stages.noise_map import noise_at

TILES = 64
"""Rows of tiles that are looked at, at most, and tiles in each, evenly over the picture."""


def tile_levels(source: FrameSource, index: int) -> Tensor:
    """Means of 16×16 px of a frame, evenly over it, float64 [3, T].

    As where noise is measured, tiles that are nearly black or white in a color do not count, unless
    all are.

    Args:
        source: the frames, at least 16×16 px.
        index: the frame.
    """
    tops = range(0, source.height - TILE_PX + 1, TILE_PX)
    down, across = (max(1, -(-side // (TILE_PX * TILES))) for side in (source.height, source.width))
    rows = [
        functional.avg_pool2d(source.rows(index, top, top + TILE_PX), TILE_PX)[:, 0, ::across]
        for top in tops[::down]
    ]
    level = torch.cat(rows, 1).double()
    counted = ((level > DARKEST) & (level < BRIGHTEST)).all(0)
    return level[:, counted] if bool(counted.any()) else level


def with_typical_of(noise: Noise, source: FrameSource, index: int) -> Noise:
    """The same noise with the ``typical_std`` of the levels that a frame has.

    White noise is the same in every picture.

    Args:
        noise: curves that were given.
        source: the frames.
        index: the frame.
    """
    if noise.is_white:
        return noise
    level = tile_levels(source, index)
    curves = torch.stack((noise.std, noise.coarse_std), -1)[None]
    _, coarse = noise_at(curves, level[None, :, None])
    return replace(noise, typical_std=luma_std(coarse[0, :, 0].square().mean(1).sqrt()))

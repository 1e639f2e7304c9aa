"""Merging aligned frames tile by tile: crop, encode, add up, decode."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from edge_sdk.burst import decode, encode
from edge_sdk.burst.decode import Decode
from edge_sdk.burst.encode import Encode
from edge_sdk.burst.tiles import FrameCrop, Tile, crop_frame, tiles

HALO_PX = encode.HALO_PX + decode.HALO_PX
SCALE = 2

Progress = Callable[[str, int, int], None]
"""Called with the stage's name, steps done and steps in all."""


@dataclass(frozen=True, eq=False)
class MergePlan:
    """What is merged, and how.

    Attributes:
        frames: float32 [N, 3, H, W] in [0, 1], sRGB.
        reference: index of the reference.
        motions: float64 [3, 3], reference to frame, of every other frame that takes part.
        inside_px: side of a tile without its halo, in pixels of a frame.
        noise_std: noise of a frame on values in [0, 1].
        reference_weight: weight of the reference's samples; those of other frames weigh 1.
    """

    frames: Tensor
    reference: int
    motions: dict[int, Tensor]
    inside_px: int
    noise_std: float
    reference_weight: float


@dataclass(frozen=True, eq=False)
class Merged:
    """The merged picture.

    Attributes:
        pixels: float32 [3, 2·H, 2·W], about [0, 1], not clipped.
        shares: mean agreement of every frame but the reference, 0 to 1.
        merge_seconds: time spent on crops and ``encode``.
        enhance_seconds: time spent on ``decode``.
    """

    pixels: Tensor
    shares: dict[int, float]
    merge_seconds: float
    enhance_seconds: float


def merge(plan: MergePlan, network: nn.Module, report: Progress) -> Merged:
    """Run ``encode`` and ``decode`` over all tiles.

    Args:
        plan: what is merged.
        network: maps luma [N, 1, H, W] to [N, 1, 2·H, 2·W], studio swing in [0, 1].
        report: told of every tile.
    """
    height, width = plan.frames.shape[-2:]
    count = len(plan.motions) + 1
    encoder = Encode(plan.inside_px + 2 * HALO_PX, SCALE)
    decoder = Decode(network, plan.noise_std, count)
    noise = torch.full((count, 1, 1, 1), plan.noise_std)
    result = torch.empty(3, height * SCALE, width * SCALE)
    agreed = torch.zeros(count)
    merge_seconds = enhance_seconds = 0.0
    all_tiles = list(tiles(height, width, plan.inside_px))
    for done, tile in enumerate(all_tiles, start=1):
        started = time.perf_counter()
        crops = _crops(plan, tile)
        sums, weights, trust = encoder(
            crops[0].pixels[None].expand(count, -1, -1, -1),
            torch.stack([crop.pixels for crop in crops]),
            torch.stack([crop.motion for crop in crops]),
            torch.stack([crop.confidence for crop in crops]),
            noise,
        )
        inside = _inner(trust, decode.HALO_PX)[:, 0, : tile.height, : tile.width]
        agreed += inside.sum((1, 2))
        middle = time.perf_counter()
        output = decoder(
            sums.sum(0, keepdim=True),
            weights.sum(0, keepdim=True),
            _inner(crops[0].pixels[None], encode.HALO_PX),
        )[0]
        rows, columns = tile.height * SCALE, tile.width * SCALE
        top, left = tile.top * SCALE, tile.left * SCALE
        result[:, top : top + rows, left : left + columns] = output[:, :rows, :columns]
        merge_seconds += middle - started
        enhance_seconds += time.perf_counter() - middle
        report("merge", done, len(all_tiles))
    means = (agreed[1:] / (height * width)).tolist()
    return Merged(
        result, dict(zip(plan.motions, means, strict=True)), merge_seconds, enhance_seconds
    )


def _crops(plan: MergePlan, tile: Tile) -> list[FrameCrop]:
    """Crops of all frames that take part, the reference first."""
    tile_px = plan.inside_px + 2 * HALO_PX
    still = torch.eye(3, dtype=torch.float64)
    reference = crop_frame(plan.frames[plan.reference], still, tile, tile_px, HALO_PX)
    return [
        replace(reference, confidence=reference.confidence * plan.reference_weight),
        *(
            crop_frame(plan.frames[index], matrix, tile, tile_px, HALO_PX)
            for index, matrix in plan.motions.items()
        ),
    ]


def _inner(x: Tensor, margin: int) -> Tensor:
    return x[..., margin:-margin, margin:-margin]

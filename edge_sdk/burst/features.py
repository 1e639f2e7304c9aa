"""What a network for bursts is given: features of a whole burst, computed as the driver does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from edge_sdk.burst.align import align_most
from edge_sdk.burst.blend import Blend
from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.encode import Encode
from edge_sdk.burst.merge import merge
from edge_sdk.burst.plan import MergePlan
from edge_sdk.burst.scoring import score
from edge_sdk.burst.source import FrameSource
from edge_sdk.burst.stages import DECODED_PX, TILE_PX, Stages
from edge_sdk.burst.tiles import Region


@dataclass(frozen=True, eq=False)
class BurstFeatures:
    """Features of a burst.

    Attributes:
        features: float32 [4·s² + 7, H, W] in [0, 1], as :class:`~edge_sdk.burst.blend.Blend`
            returns them, for every pixel of the reference.
        reference: index of the reference.
        used: number of frames that were merged, the reference included.
        noise_std: noise of one frame on values in [0, 1], given or estimated.
    """

    features: Tensor
    reference: int
    used: int
    noise_std: float


@torch.no_grad()
def burst_features(source: FrameSource, config: ZoomConfig | None = None) -> BurstFeatures:
    """Choose the reference, align, encode and blend: everything before the network.

    Args:
        source: the frames.
        config: settings of the zoom; its ``restore`` and ``crop`` do not matter.
    """
    config = config or ZoomConfig()
    region = Region(0, 0, source.width, source.height)
    choice = score(source, region, config.reference, _silent)
    choice, aligned = align_most(source, choice, config.registration, config.noise_std, _silent)
    blend = Blend(config.scale)
    noise = torch.full((1, 1, 1, 1), aligned.noise_std)
    # Features lie on the frame's grid: what is put together has its size.
    stages = Stages(
        Encode(config.scale, steering=config.steering),
        partial(blend, noise_std=noise),
        1,
        blend.halo_px,
        TILE_PX,
        DECODED_PX,
    )
    plan = MergePlan(
        source,
        choice.index,
        aligned.motions,
        region,
        aligned.noise_std,
        config.reference_weight,
    )
    sink = _Rows()
    merge(plan, stages, sink, _silent)
    used = len(aligned.motions) + 1
    return BurstFeatures(torch.cat(sink.rows, 1), choice.index, used, aligned.noise_std)


class _Rows:
    def __init__(self) -> None:
        self.rows: list[Tensor] = []

    def put(self, top: int, pixels: Tensor) -> None:
        self.rows.append(pixels)


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""

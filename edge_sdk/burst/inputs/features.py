"""What a network for bursts is given: features of a whole burst, merged as the driver does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.driver.merging import merge
from edge_sdk.burst.driver.plan import MergePlan
from edge_sdk.burst.driver.stage_set import (
    DECODED_PX,
    LEARNED_STD,
    TILE_PX,
    StageSet,
    lens_tensor,
)
from edge_sdk.burst.frames.sinks import TensorSink
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.lens.estimate import LensEstimate, settle_lens
from edge_sdk.burst.preparing import prepare
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.burst.stages.steering import SteeringConfig
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.progress import silent


@dataclass(frozen=True, eq=False)
class BurstFeatures:
    """Features of a burst.

    Attributes:
        features: float32 [4·s² + 8, H, W] in [0, 1], as :class:`~edge_sdk.burst.stages.blend.Blend`
            returns them, for every pixel of the reference.
        reference: index of the reference.
        used: number of frames that were merged, the reference included.
        noise_std: noise of one frame on values in [0, 1], given or estimated.
        lens: blur of the lens, given or estimated.
    """

    features: Tensor
    reference: int
    used: int
    noise_std: float
    lens: LensEstimate


@torch.no_grad()
def burst_features(source: FrameSource, config: ZoomConfig | None = None) -> BurstFeatures:
    """Choose the reference, align, encode and blend: everything before the network.

    Args:
        source: the frames.
        config: settings of the zoom; its ``restore`` and ``crop`` do not matter.
    """
    config = config or ZoomConfig()
    region = Rectangle(left=0, top=0, width=source.width, height=source.height)
    lit = prepare(source, region, config, silent).lit
    aligned = lit.aligned
    plan = MergePlan(
        source,
        lit.choice.index,
        aligned.motions,
        region,
        aligned.noise,
        config.reference_weight,
        lights=lit.lights,
    )
    lens = settle_lens(plan, config.lens_std_px)
    features = merged_features(plan, config.scale, config.steering, lens)
    count = len(aligned.motions) + 1
    return BurstFeatures(features, lit.choice.index, count, aligned.noise.typical_std, lens)


@torch.no_grad()
def merged_features(
    plan: MergePlan,
    scale: int,
    steering: SteeringConfig | None = None,
    lens: LensEstimate | None = None,
) -> Tensor:
    """Encode and blend frames whose motion is known.

    Args:
        plan: the frames, their motions and the region.
        scale: enlargement, 1 to 4.
        steering: how kernels follow edges; ``None`` for the default.
        lens: blur of the lens; ``None`` to estimate it.

    Returns:
        Float32 [4·s² + 8, h, w] in [0, 1], as :class:`~edge_sdk.burst.stages.blend.Blend` returns
        them, for every pixel of the region.
    """
    blend = Blend(scale)
    lens = lens or settle_lens(plan, None)
    noise = plan.noise.limited(LEARNED_STD).tensor()
    # Features lie on the frame's grid: what is put together has its size.
    stages = StageSet(
        Encode(scale, steering=steering),
        partial(blend, noise=noise, lens=lens_tensor(lens.std_px)),
        1,
        blend.halo_px,
        TILE_PX,
        DECODED_PX,
    )
    sink = TensorSink(blend.channels, plan.region.height, plan.region.width)
    merge(plan, stages, sink, silent)
    return sink.pixels

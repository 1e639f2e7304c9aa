"""The near standard image: the aligned near shots of a scene, averaged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.burst.driver.align import Aligning, align_whole
from edge_sdk.burst.driver.merging import merge
from edge_sdk.burst.driver.plan import MergePlan
from edge_sdk.burst.driver.stage_set import DECODED_PX, TILE_PX, StageSet
from edge_sdk.burst.frames.sinks import TensorSink
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.progress import Progress

SMALLEST_WEIGHT = 1e-6


@dataclass(frozen=True, eq=False)
class StandardImage:
    """A near picture of little noise.

    Attributes:
        pixels: float32 [3, h, w] in [0, 1].
        reference: 0-based shot on whose grid it lies.
        used: shots that are in it.
        left_out: why the others are not, by shot.
    """

    pixels: Tensor
    reference: int
    used: int
    left_out: dict[int, str]


def _averaged(sums: Tensor, weights: Tensor, reference: Tensor) -> Tensor:
    # Stage decode that only divides: what the sums and weights of encode average to.
    return (sums + SMALLEST_WEIGHT * reference) / (weights + SMALLEST_WEIGHT)


@torch.no_grad()
def standard_image(source: FrameSource, report: Progress) -> StandardImage:
    """Integrate the near shots of a scene; one alone is itself.

    With the shots G_i = f + B_i and independent noise B_i of mean zero (specification 2), their
    mean estimates f. They are aligned to the sharpest by the alignment of burst zoom and averaged
    at scale 1 with its ghost weights; there is no further denoising and no deblurring, so that the
    target holds nothing that no shot shows.

    Args:
        source: the near shots.
        report: called for each step.
    """
    region = Rectangle(left=0, top=0, width=source.width, height=source.height)
    if source.count == 1:
        return StandardImage(source.rows(0, 0, source.height), 0, 1, {})
    choice, aligned = align_whole(source, Aligning(report=report))
    plan = MergePlan(source, choice.index, aligned.motions, region, aligned.noise, 1.0)
    stages = StageSet(Encode(1), _averaged, 1, 0, TILE_PX, DECODED_PX)
    rows = TensorSink(3, source.height, source.width)
    merge(plan, stages, rows, report)
    left_out = {
        index: found.reason for index, found in aligned.registrations.items() if found.reason
    }
    used = len(aligned.motions) + 1
    return StandardImage(rows.pixels.clamp_(0, 1), choice.index, used, left_out)

"""The inputs of a merge, and what it measured beside the picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from edge_sdk.burst.effective_frames import EffectiveFrames
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.photometry.light import Light
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration import MotionField


@dataclass(frozen=True, eq=False)
class MergePlan:
    """What is merged, and how.

    Attributes:
        source: the frames, each in its own light.
        reference: index of the reference.
        motions: motion from the reference to every other frame that takes part.
        region: what of the reference is enlarged.
        noise: noise of a frame.
        reference_weight: weight of the reference's samples; those of other frames weigh 1.
        provenance: whether to keep maps of what each frame contributed.
        lights: by frame, what its light is of the reference's, where it differs.
    """

    source: FrameSource
    reference: int
    motions: dict[int, MotionField]
    region: Rectangle
    noise: Noise
    reference_weight: float
    provenance: bool = False
    lights: Mapping[int, Light] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Merged:
    """What a merge measured beside the picture.

    Attributes:
        shares: mean agreement of every frame but the reference, 0 to 1.
        maps: by frame, float16 [⌈h/4⌉, ⌈w/4⌉]: mean weight over 4×4 pixels of the region; empty
            unless the plan requests it.
        effective: how many frames' worth of samples each place received.
        merge_seconds: time spent on reading, crops and ``encode``.
        enhance_seconds: time spent on ``decode`` and output.
    """

    shares: dict[int, float]
    maps: dict[int, Tensor]
    effective: EffectiveFrames
    merge_seconds: float
    enhance_seconds: float

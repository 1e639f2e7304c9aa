"""Stage ``score``: the sharpness of every frame, one at a time, and the choice of the reference."""

from __future__ import annotations

from edge_sdk.burst.frames.luma import luma_of
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.frames.threads import spreading_frames
from edge_sdk.burst.reference.choice import (
    ReferenceChoice,
    check_forced,
    choose_sharpest,
    measure_sharpness,
)
from edge_sdk.burst.stages.frame_stages import FrameStages
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.progress import Progress


def score(
    source: FrameSource,
    region: Rectangle,
    forced: int | None,
    report: Progress,
    stages: FrameStages | None = None,
) -> ReferenceChoice:
    """Score the same region of every frame and choose the sharpest, or the one that is named.

    As :func:`~edge_sdk.burst.reference.choice.choose_reference`, without all frames in memory.

    Args:
        source: the frames.
        region: what is scored.
        forced: 0-based index that overrides the choice.
        report: called for each frame.
        stages: what computes; PyTorch by default.

    Raises:
        InputError: if ``forced`` is not the index of a frame.
    """
    check_forced(forced, source.count)
    measured = []
    with spreading_frames(region.height * region.width) as spread:
        for found in spread(
            lambda index: measure_sharpness(luma_of(source, index, region), stages),
            range(source.count),
        ):
            measured.append(found)
            report("reference", len(measured), source.count)
    return choose_sharpest(measured, forced)

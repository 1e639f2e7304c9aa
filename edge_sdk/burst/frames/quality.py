"""How good each frame of a burst looks by itself: advice, which decides nothing."""

from __future__ import annotations

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.data.quality.grades import Quality
from edge_sdk.deploy.scoring import score
from edge_sdk.errors import PictureError
from edge_sdk.imaging import Picture


def frame_qualities(frames: FrameSource) -> tuple[Quality | None, ...]:
    """Score every frame by the shipped classifier; ``None`` for frames smaller than a cut.

    Frames are merged by how they agree with the reference, whatever they score: a noisy frame, too,
    adds to a burst.

    Args:
        frames: the burst; one frame at a time is held in memory.

    Example:
        >>> import torch
        >>> from edge_sdk.burst import TensorSource
        >>> from edge_sdk.burst.frames.quality import frame_qualities
        >>> [found.name for found in frame_qualities(TensorSource(torch.rand(2, 3, 200, 240)))]
        ['poor', 'poor']
    """
    return tuple(_quality(frames, index) for index in range(frames.count))


def _quality(frames: FrameSource, index: int) -> Quality | None:
    pixels = frames.rows(index, 0, frames.height).clamp(0, 1)
    try:
        return score(Picture(pixels))
    except PictureError:
        return None

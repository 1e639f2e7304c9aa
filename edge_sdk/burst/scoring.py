"""Stage ``score``: the sharpness of every frame, one at a time, and the choice of the reference."""

from __future__ import annotations

import torch

from edge_sdk.burst.merge import Progress
from edge_sdk.burst.noise import estimate_noise_std
from edge_sdk.burst.reference import ReferenceChoice, gradient_score
from edge_sdk.burst.source import FrameSource
from edge_sdk.burst.tiles import Region
from edge_sdk.errors import InputError
from edge_sdk.imaging import rgb_to_ycbcr


def score(
    source: FrameSource, region: Region, forced: int | None, report: Progress
) -> ReferenceChoice:
    """Score the same region of every frame and choose the sharpest, or the one that is named.

    As :func:`~edge_sdk.burst.reference.choose_reference`, without all frames in memory.

    Args:
        source: the frames.
        region: what is scored.
        forced: 0-based index that overrides the choice.
        report: told of every frame.

    Raises:
        InputError: if ``forced`` is not the index of a frame.
    """
    if forced is not None and not 0 <= forced < source.count:
        raise InputError(
            f"reference {forced} is not one of the {source.count} frames; choose 0 to "
            f"{source.count - 1}"
        )
    columns = slice(region.left, region.left + region.width)
    scores, noises = [], []
    for index in range(source.count):
        rows = source.rows(index, region.top, region.top + region.height)
        luma = rgb_to_ycbcr(rows[:, :, columns])[None, :1]
        noise = estimate_noise_std(luma)
        scores.append(float(gradient_score(luma, noise)))
        noises.append(float(noise))
        report("reference", index + 1, source.count)
    best = int(torch.tensor(scores).argmax()) if forced is None else forced
    return ReferenceChoice(best, tuple(scores), tuple(noises), forced is not None)

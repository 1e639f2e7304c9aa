"""Whether the frames of a burst brought little, the likely reason, and what to do."""

from __future__ import annotations

import re
from collections import Counter

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.result import ZoomResult

LEAST_EFFECTIVE = 2.0
"""Effective frames under which a burst of ``MANY_FRAMES`` or more brought little."""
MANY_FRAMES = 4
LEAST_SHARE = 0.4
"""Part of the frames, however many, under which the effective ones are few."""


def little_gain(result: ZoomResult, config: ZoomConfig) -> str | None:
    """A sentence for people where few of a burst's frames were effective.

    Args:
        result: what the driver returned.
        config: its settings.

    Returns:
        How many were effective, the most likely reason and what to do; ``None`` where enough were,
        as is one frame alone.

    Example:
        >>> import torch
        >>> from edge_sdk import ZoomConfig, zoom
        >>> from edge_sdk.burst import little_gain
        >>> frames, config = torch.rand(1, 3, 32, 48).expand(4, -1, -1, -1), ZoomConfig()
        >>> print(little_gain(zoom(frames, config=config), config).split(": ")[0])
        only 1.0 of 4 frames were effective
        >>> little_gain(zoom(frames[:1], config=config), config) is None
        True
    """
    # Frames that a fast zoom does not look at have no registration, nor has the reference.
    count = 1 + sum(frame.registration is not None for frame in result.frames)
    effective = result.effective_frames
    few = effective < LEAST_SHARE * count
    if not few and (count < MANY_FRAMES or effective >= LEAST_EFFECTIVE):
        return None
    return f"only {effective:.1f} of {count} frames were effective: {_reason(result, config)}"


def _reason(result: ZoomResult, config: ZoomConfig) -> str:
    aligned = [(frame, frame.registration.reason) for frame in result.frames if frame.registration]
    reasons = [reason for _, reason in aligned if reason]
    # A frame that was merged and agrees nowhere has a note too, but was not left out before.
    merged = [frame for frame, reason in aligned if not reason]
    if len(reasons) >= sum(1 - frame.share for frame in merged):
        return _left_out(reasons)
    blurry = sum(frame.blurry for frame in merged)
    if 2 * blurry >= len(merged):
        return (
            f"{blurry} of {len(merged)} merged frames are blurry and agree with the reference in "
            "few places; hold the camera still, or expose shorter"
        )
    levels = f"{result.noise_std * 255:.1f} levels"
    if config.given_noise is not None:
        return (
            "the merged frames agree with the reference in few places: the noise given, "
            f"{levels}, may be less than theirs, or the scene moved; give a higher noise, or none, "
            "to have it measured"
        )
    return (
        "the merged frames agree with the reference in few places: much of the scene moved, or "
        f"their noise is more than the {levels} measured; take them while less moves, or give a "
        "higher noise"
    )


def _left_out(reasons: list[str]) -> str:
    # Reasons of one kind differ in their numbers alone.
    kinds = [re.sub(r"\d+", "0", reason) for reason in reasons]
    kind, most = Counter(kinds).most_common(1)[0]
    example = reasons[kinds.index(kind)]
    alike = {reason for reason, each in zip(reasons, kinds, strict=True) if each == kind}
    more = " or the like" if len(alike) > 1 else ""
    count = len(reasons)
    left_out = "1 frame is" if count == 1 else f"{count} frames are"
    whose = "" if most == count == 1 else f"{most} of them: " if most < count else "all: "
    return (
        f"{left_out} left out ({whose}{example}{more}); give different frames of one scene, taken "
        "one after the other at one exposure"
    )

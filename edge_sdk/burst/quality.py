"""How much a zoom takes pains, which commands name before they load what computes."""

from __future__ import annotations

from enum import StrEnum


class Quality(StrEnum):
    """How much a zoom takes pains.

    ``FAST`` takes the :data:`FAST_FRAMES` sharpest frames alone, and one step of the restoration
    without a network instead of two.

    Example:
        >>> from edge_sdk.burst import Quality
        >>> Quality("fast")
        <Quality.FAST: 'fast'>
    """

    BEST = "best"
    FAST = "fast"


FAST_FRAMES = 6
"""Frames, the reference included, that a fast zoom takes."""

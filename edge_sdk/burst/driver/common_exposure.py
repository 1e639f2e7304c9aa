"""Alignment of a burst without the frames that are exposed quite otherwise than most."""

from __future__ import annotations

from dataclasses import replace

from edge_sdk.burst.driver.align import Aligning
from edge_sdk.burst.driver.lighting import Lit, align_in_one_light
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.photometry.exposure import (
    dark_exposures,
    far_exposures,
    prefer_common_exposure,
)
from edge_sdk.burst.reference.choice import ReferenceChoice


def align_common_exposure(source: FrameSource, choice: ReferenceChoice, how: Aligning) -> Lit:
    """Align as :func:`align_in_one_light` does; frames two stops apart are left out for that.

    The reference is one of those that most frames are exposed like, unless the caller named it.

    Args:
        source: the frames.
        choice: the reference first tried.
        how: settings, and what computes.
    """
    common = prefer_common_exposure(source, choice)
    lit = align_in_one_light(source, common, how)
    far = _far(source, lit)
    if common.index in far and 2 * len(far) > len(lit.aligned.motions):
        # Brightened to one light, the noise of a dark frame counts as sharpness.
        held = replace(common, forced=True)
        lit = align_in_one_light(source, held, how)
        lit = replace(lit, choice=replace(lit.choice, forced=choice.forced))
        far = _far(source, lit)
    return replace(lit, aligned=lit.aligned.without(far))


def _far(source: FrameSource, lit: Lit) -> dict[int, str]:
    """Frames that may contribute but for their exposure, each with the reason."""
    unmeasured = lit.aligned.motions.keys() - lit.lights
    return far_exposures(lit.lights) | dark_exposures(source, lit.choice.index, unmeasured)

"""What is known of a burst before it is merged: its reference, and every frame's motion and light.

A crop costs what it shows: where it is a small part of large frames, a window around it is aligned
as if there were nothing else. All frames must be found in it by what they show, and lie in it with
all that the crop needs of them; where one does not, whole frames are aligned, which tell more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import torch

from edge_sdk.burst.config import ZoomConfig
from edge_sdk.burst.driver.align import Aligned, Aligning
from edge_sdk.burst.driver.common_exposure import align_common_exposure
from edge_sdk.burst.driver.lighting import Lit
from edge_sdk.burst.frames.cropped import CroppedSource
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.noise.curve import Noise
from edge_sdk.burst.noise.picture_levels import with_typical_of
from edge_sdk.burst.reference.scoring import score
from edge_sdk.burst.stages.frame_stages import FrameStages
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.progress import Progress
from edge_sdk.registration import MotionField, Registration

MARGIN_PX = 128
"""What the window has around a crop: a hand moves less than that in most bursts."""
LEAST_PX = 512
"""Sides of the smallest window: fewer pixels hardly tell motion, light and noise."""
MOST_SHARE = 0.5
"""Part of a frame up to which a window is taken."""
NEEDED_PX = 32
"""Margin around a crop of which a merge needs samples, at most."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """Frames, or a window of them, and what is known of each.

    Attributes:
        source: the frames as they are, or what a window of them shows.
        region: what of it is enlarged.
        window: where it lies on the frames; ``None`` where it is all of them.
        lit: the reference, the frames in its light, and how they lie on it.
        given: noise that the caller gave.
        stated: noise that the files state.
        seconds: time spent on the reference and on the alignment.
    """

    source: FrameSource
    region: Rectangle
    window: Rectangle | None
    lit: Lit
    given: Noise | None
    stated: Noise | None
    seconds: dict[str, float]

    def registrations(self, frames: FrameSource) -> dict[int, Registration]:
        """How frames lie on the reference, on whole ones, of which there may be a window here."""
        found, window = self.lit.aligned.registrations, self.window
        if window is None:
            return found
        return {
            index: replace(each, matrix=field.matrix, field=field)
            for index, each in found.items()
            for field in (each.field.within(window, frames.height, frames.width),)
        }


def prepare(
    source: FrameSource,
    region: Rectangle,
    config: ZoomConfig,
    report: Progress,
    stages: FrameStages | None = None,
) -> Prepared:
    """Choose the reference and align, in a window around a small region where that is enough.

    Args:
        source: the frames.
        region: what of the reference is enlarged.
        config: settings.
        report: called for each frame.
        stages: what scores and aligns; PyTorch by default.
    """
    stages = stages or FrameStages()
    window = window_around(region, source.height, source.width)
    if window is None:
        return _prepared(source, region, None, config, stages, report)
    inside = replace(region, left=region.left - window.left, top=region.top - window.top)
    part = _prepared(CroppedSource(source, window), inside, window, config, stages, report)
    least = config.registration.min_explained
    if _is_enough(part.lit.aligned, inside, window, source, least):
        return part
    whole = _prepared(source, region, None, config, stages, report)
    for stage, taken in part.seconds.items():
        whole.seconds[stage] += taken
    return whole


def window_around(region: Rectangle, height: int, width: int) -> Rectangle | None:
    """What is aligned for a region of frames; ``None`` for all of them.

    Example:
        >>> from edge_sdk import Rectangle
        >>> from edge_sdk.burst.preparing import window_around
        >>> window_around(Rectangle(left=100, top=1000, width=600, height=400), 3000, 4000)
        Rectangle(left=0, top=872, width=856, height=656)
    """
    left, columns = _around(region.left, region.width, width)
    top, rows = _around(region.top, region.height, height)
    if rows * columns > MOST_SHARE * height * width:
        return None
    return Rectangle(left=left, top=top, width=columns, height=rows)


def _around(start: int, length: int, whole: int) -> tuple[int, int]:
    wanted = min(max(length + 2 * MARGIN_PX, LEAST_PX), whole)
    first = start - (wanted - length) // 2
    return min(max(first, 0), whole - wanted), wanted


def _prepared(
    source: FrameSource,
    region: Rectangle,
    window: Rectangle | None,
    config: ZoomConfig,
    stages: FrameStages,
    report: Progress,
) -> Prepared:
    started = time.perf_counter()
    choice = score(source, region, config.reference, report, stages)
    scored = time.perf_counter()
    given, stated = (
        None if noise is None else with_typical_of(noise, source, choice.index)
        for noise in (config.given_noise, config.stated_noise)
    )
    how = Aligning(config.registration, given, report, stages)
    lit = align_common_exposure(source, choice, how)
    seconds = {"reference": scored - started, "align": time.perf_counter() - scored}
    return Prepared(source, region, window, lit, given, stated, seconds)


def _is_enough(
    aligned: Aligned,
    region: Rectangle,
    window: Rectangle,
    frames: FrameSource,
    least_explained: float,
) -> bool:
    """Whether all frames were found in a window, and show there what a region of it needs.

    A window in which there is next to nothing to see fits at rest; whole frames may show that it
    moved.
    """
    known = aligned.motions.keys() | aligned.copies.keys()
    return known == aligned.registrations.keys() and all(
        aligned.registrations[index].explained >= least_explained
        and _shows(field, region, window, frames)
        for index, field in aligned.motions.items()
    )


def _shows(field: MotionField, region: Rectangle, window: Rectangle, frames: FrameSource) -> bool:
    """Whether a window shows of a frame what a region of it needs, but for what no frame shows."""
    sides = (
        (region.left, region.width, window.left, window.width, frames.width),
        (region.top, region.height, window.top, window.height, frames.height),
    )
    # Along x and y: first and last place that is needed, and the edges beyond which there is more.
    needed, edges = [], []
    for start, length, first, size, whole in sides:
        low, high = start - NEEDED_PX, start + length + NEEDED_PX
        needed.append([place - size / 2 for place in (max(low, -first), min(high, whole - first))])
        edges.append(
            (
                -size / 2 if first > 0 else -torch.inf,
                size / 2 if first + size < whole else torch.inf,
            )
        )
    corners = torch.cartesian_prod(*torch.tensor(needed, dtype=torch.float64))
    moved = field.at(corners)
    low, high = torch.tensor(edges, dtype=torch.float64).T
    return bool(((moved >= low) & (moved <= high)).all())

"""Alignment of frames whose light differs: once as they are, and again in the reference's light."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_sdk.burst.driver.align import Aligned, Aligning, align, align_most
from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.photometry.evened import EvenedSource, measure_lights
from edge_sdk.burst.photometry.light import Light
from edge_sdk.burst.reference.choice import ReferenceChoice


@dataclass(frozen=True, eq=False)
class Lit:
    """Frames in one light, and how they lie on the reference.

    Attributes:
        source: the frames, in the light of the reference.
        choice: the reference.
        aligned: how they lie on it.
        lights: by frame, its light against the reference's, where it differs.
    """

    source: FrameSource
    choice: ReferenceChoice
    aligned: Aligned
    lights: Mapping[int, Light]


def align_in_one_light(source: FrameSource, choice: ReferenceChoice, how: Aligning) -> Lit:
    """Align as :func:`align_most` does, and where the light differs again without the difference.

    A frame that is brighter has larger gradients, and is not sharper for that: scores are compared
    at equal exposure. Where another frame wins then, all are aligned to it instead.

    Args:
        source: the frames.
        choice: the reference first tried.
        how: settings, and what computes.
    """
    choice, aligned = align_most(source, choice, how)
    lights = measure_lights(source, choice.index, aligned.motions)
    if not lights:
        return Lit(source, choice, aligned, lights)
    fair = _at_equal_exposure(choice, lights)
    if fair.index != choice.index:
        fair, aligned = align_most(source, fair, how)
        lights = measure_lights(source, fair.index, aligned.motions)
    if lights:
        source = EvenedSource(source, lights, aligned.motions)
        shares = {index: light.noise_share for index, light in lights.items()}
        # A copy has no light of its own, and no longer shows what its evened original does.
        copies = aligned.copies
        aligned = align(source, fair, how, shares).without(copies)
    return Lit(source, fair, aligned, lights)


def _at_equal_exposure(choice: ReferenceChoice, lights: Mapping[int, Light]) -> ReferenceChoice:
    gains = [
        float(lights[index].colors.mean()) ** 2 if index in lights else 1.0
        for index in range(len(choice.scores))
    ]
    scores, detail = (
        tuple(value / gain for value, gain in zip(values, gains, strict=True))
        for values in (choice.scores, choice.detail)
    )
    choice = replace(choice, scores=scores, detail=detail)
    if choice.forced:
        return choice
    # Frames of another scene were passed over already: only those that match may win.
    candidates = [choice.index, *lights]
    return replace(choice, index=max(candidates, key=lambda index: scores[index]))

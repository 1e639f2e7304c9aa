"""Frames of quite another exposure: none of them the reference, and none merged.

What two frames show of a scene are the same quantiles of light but for one factor, wherever neither
is clipped; that tells exposures apart before anything is aligned. Two stops apart, a brighter frame
is white where the reference shows something, and a darker one has more than its noise once it is
brightened. Two of five simulated frames at +2 stops cost 0.4 dB where they were merged; at −2 they
gained 0.1 dB, at −3 nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.burst.frames.source import FrameSource
from edge_sdk.burst.photometry.light import BRIGHTEST, DARKEST, MEAN_PX, Light
from edge_sdk.burst.reference.choice import ReferenceChoice
from edge_sdk.imaging import srgb_to_linear

MOST_STOPS = 2.0
"""Difference of exposure, in powers of two of light, from which on frames are not merged."""
STOPS_ERROR = 0.15
"""What measured stops may lack; clipped places make them look less."""
CURVE_POWER = 2.4
"""Of sRGB's curve: light is the factor of values to this power."""
SPACING_PX = 32
"""Distance of the rows of means that are looked at."""
QUANTILES = 33
"""Quantiles of a frame, from 0.02 to 0.98."""
LEAST_QUANTILES = 4
"""Quantiles that two frames must have in common."""
BLACK = 1e-5
"""Light that counts as none."""


def prefer_common_exposure(source: FrameSource, choice: ReferenceChoice) -> ReferenceChoice:
    """Choose another reference where most frames are exposed quite otherwise than the sharpest.

    A frame that is far too bright has large gradients where the others' are ordinary. Where less
    than half of the others lie within ``MOST_STOPS`` of the choice, the sharpest of those frames
    that have most others near them is taken. Frames that show nothing do not count. A reference
    that the caller named stays.

    Args:
        source: the frames.
        choice: the reference first chosen.
    """
    shown = [index for index in range(source.count) if choice.shows(index)]
    if choice.forced or len(shown) < 3:
        return choice
    levels = torch.stack([_quantiles(source, index) for index in shown])
    near = [int((_stops(levels, each).abs() < MOST_STOPS).sum()) - 1 for each in levels]
    if 2 * near[shown.index(choice.index)] >= len(shown) - 1:
        return choice
    common = [index for index, count in zip(shown, near, strict=True) if count == max(near)]
    return replace(choice, index=max(common, key=lambda index: choice.scores[index]))


def stops_of(light: Light) -> float:
    """Exposure of a frame against the reference, in stops: 1 is twice the light."""
    return CURVE_POWER * math.log2(float(light.colors.mean()))


def far_exposures(lights: Mapping[int, Light]) -> dict[int, str]:
    """Frames that are not merged for their exposure, each with the reason for people.

    Args:
        lights: by frame, its light against the reference's, where it differs.

    Example:
        >>> import torch
        >>> from edge_sdk.burst.photometry.exposure import far_exposures
        >>> from edge_sdk.burst.photometry.light import Light
        >>> dark, even = torch.full((3,), 0.4).double(), torch.empty(0).double()
        >>> far_exposures({2: Light(dark, even)})[2]
        'is exposed 3.2 stops darker than the reference, too far apart to add to it'
    """
    found = {}
    for index, light in lights.items():
        stops = stops_of(light)
        if abs(stops) >= MOST_STOPS - STOPS_ERROR:
            way = "darker" if stops < 0 else "brighter"
            found[index] = (
                f"is exposed {abs(stops):.1f} stops {way} than the reference, too far apart to add "
                "to it"
            )
    return found


def dark_exposures(source: FrameSource, reference: int, frames: Iterable[int]) -> dict[int, str]:
    """Frames too dark for their light to be measured, each with the reason for people.

    At every quantile such a frame is ``MOST_STOPS`` or more below the reference. One that is black
    in a part alone is not: its bright quantiles are those of what it shows.

    Args:
        source: the frames.
        reference: index of the reference.
        frames: those to look at.
    """
    own, found = _quantiles(source, reference), {}
    usable = (own > DARKEST) & (own < BRIGHTEST)
    if int(usable.sum()) < LEAST_QUANTILES:
        return {}
    for index in frames:
        light = srgb_to_linear(_quantiles(source, index)[usable]).clamp_min(BLACK)
        stops = float(torch.log2(srgb_to_linear(own[usable]) / light).min())
        if stops >= MOST_STOPS:
            found[index] = (
                f"is exposed at least {stops:.1f} stops darker than the reference, too far apart "
                "to add to it"
            )
    return found


def _quantiles(source: FrameSource, index: int) -> Tensor:
    """Quantiles of means of 4×4 pixels of a frame's green, encoded: float32 [33]."""
    rows = [
        functional.avg_pool2d(source.rows(index, top, top + MEAN_PX)[None, 1:2], MEAN_PX)
        for top in range(0, source.height - MEAN_PX + 1, SPACING_PX)
    ]
    shares = torch.linspace(0.02, 0.98, QUANTILES)
    return torch.quantile(torch.cat(rows).flatten(), shares)


def _stops(levels: Tensor, own: Tensor) -> Tensor:
    """Stops from each frame to one, float32 [N]; infinite where they have no quantile in common."""
    usable = (levels > DARKEST) & (levels < BRIGHTEST) & (own > DARKEST) & (own < BRIGHTEST)
    ratio = torch.log2(srgb_to_linear(levels) / srgb_to_linear(own).clamp_min(1e-9))
    middle = ratio.masked_fill(~usable, math.nan).nanmedian(1).values
    enough = usable.sum(1) >= LEAST_QUANTILES
    return torch.where(enough, middle, torch.full_like(middle, math.inf))

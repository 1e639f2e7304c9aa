"""Sheets with known scores: regions of photographs, degraded, seen by a classifier.

A region is cut at a random place and size of a photograph, which may be reduced before, so that a
scene is seen at several sizes. Its severity is drawn evenly from 0 to 1. Most regions go through
all steps of that severity, some through one of them alone, as a hand that only shook, and a few are
left as they are, whose score is 100.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from edge_sdk.data.degradation.degrading import degraded
from edge_sdk.data.degradation.recipe import DegradationRecipe
from edge_sdk.data.quality.cuts import CUTS, contact_sheet, reduced_to_longest
from edge_sdk.data.quality.full_reference import full_reference_score
from edge_sdk.data.quality.severity import recipe_of_severity
from edge_sdk.errors import PictureError
from edge_sdk.imaging import resize_bicubic, to_levels

PRISTINE_SHARE = 0.03
"""Part of the regions that nothing is done to."""
SINGLE_SHARE = 0.2
"""Part that goes through a single step."""
WHOLE_SHARE = 0.4
"""Part cut of a photograph that was not reduced before."""
REGION_PX = (288, 480)
"""Least and greatest side of a region, if the photograph has it."""
LEAST_FACTOR = 0.5


@dataclass(frozen=True, eq=False)
class ScoredSheet:
    """A degraded picture as a classifier sees it, and how much of the original is left.

    Attributes:
        sheet: uint8 [3, S, S], as :func:`~edge_sdk.data.quality.cuts.contact_sheet` makes it.
        score: 0 to 100, as :func:`~edge_sdk.data.quality.full_reference.full_reference_score`.
    """

    sheet: Tensor
    score: float


def scored_sheets(
    photograph: Tensor, count: int, side_px: int, seed: int, name: str = "the photograph"
) -> Iterator[ScoredSheet]:
    """Regions of one photograph, degraded and scored.

    Args:
        photograph: float32 [3, H, W], sRGB in [0, 1]; sharp and clean, since it is the measure.
        count: number of regions.
        side_px: of a sheet.
        seed: of all draws, 0 or more; the same seed gives the same sheets.
        name: what an error calls the photograph.

    Raises:
        PictureError: if the photograph is smaller than a cut.

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.making import scored_sheets
        >>> made = list(scored_sheets(torch.rand(3, 300, 300), 2, 160, seed=0))
        >>> made[0].sheet.shape, 0 <= made[1].score <= 100
        (torch.Size([3, 160, 160]), True)
    """
    photograph = reduced_to_longest(photograph)
    cut_px = side_px // CUTS
    if min(photograph.shape[-2:]) < cut_px:
        height, width = photograph.shape[-2:]
        raise PictureError(
            f"{name}: {width}×{height} px is smaller than a cut of {cut_px}×{cut_px} px; leave it "
            "out"
        )
    for index in range(count):
        generator = np.random.default_rng((seed, index))
        region = _region(photograph, cut_px, generator)
        yield scored_sheet(region, drawn_recipe(generator), side_px, int(generator.integers(2**31)))


def scored_sheet(
    original: Tensor, recipe: DegradationRecipe | None, side_px: int, seed: int
) -> ScoredSheet:
    """Degrade an original, in 8 bits as files hold it, and score what is left of it.

    Args:
        original: float32 [3, H, W], sRGB in [0, 1].
        recipe: what is done to it; ``None`` for nothing.
        side_px: of a sheet.
        seed: of the draws.
    """
    copy = original if recipe is None else degraded(original, recipe, seed).pixels
    levels = to_levels(copy).float() / 255
    sheet = to_levels(contact_sheet(levels, side_px)).byte()
    return ScoredSheet(sheet, full_reference_score(levels, original))


def drawn_recipe(generator: np.random.Generator) -> DegradationRecipe | None:
    """Steps of a severity, one of them alone, or, for a pristine picture, ``None``."""
    kind, recipe = generator.random(), recipe_of_severity(1 - generator.random())
    step = recipe.steps[int(generator.integers(len(recipe.steps)))]
    if kind < PRISTINE_SHARE:
        return None
    if kind < PRISTINE_SHARE + SINGLE_SHARE:
        return DegradationRecipe((replace(step, probability=1.0),))
    return recipe


def _region(photograph: Tensor, cut_px: int, generator: np.random.Generator) -> Tensor:
    wanted = [int(side) for side in generator.integers(REGION_PX[0], REGION_PX[1] + 1, 2)]
    whole, factor = generator.random() < WHOLE_SHARE, generator.uniform(LEAST_FACTOR, 1)
    places = generator.random(2)
    sides = photograph.shape[-2:]
    least = min(1.0, max(cut_px, REGION_PX[0]) / min(sides))
    factor = 1.0 if whole else max(least, factor)
    spans = []
    for side, want, place in zip(sides, wanted, places, strict=True):
        span = min(side, round(want / factor))
        start = round(place * (side - span))
        spans.append(slice(start, start + span))
    cut = photograph[:, spans[0], spans[1]].contiguous()
    if factor == 1.0:
        return cut
    size = tuple(max(cut_px, round(side * factor)) for side in cut.shape[-2:])
    return resize_bicubic(cut, size=(size[0], size[1])).clamp(0, 1)

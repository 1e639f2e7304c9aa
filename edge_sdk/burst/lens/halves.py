"""Two halves of a burst's frames, each merged at the places with most detail."""

from __future__ import annotations

from dataclasses import replace
from functools import partial, reduce

import torch
from torch import Tensor

from edge_sdk.burst.driver.contributions import Contributions
from edge_sdk.burst.driver.plan import MergePlan
from edge_sdk.burst.driver.summing import summed
from edge_sdk.burst.driver.tiles import bands, cuts
from edge_sdk.burst.frames.threads import one_by_one, spreading
from edge_sdk.burst.lens.spectrum import BLOCK_PX, Spectrum, common_spectrum
from edge_sdk.burst.stages.blend import HALO_PX as BLEND_HALO_PX
from edge_sdk.burst.stages.blend import Blend
from edge_sdk.burst.stages.encode import Encode
from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.imaging.rectangle import Rectangle

SCALE = 2
"""Finer pixels per pixel of a frame, whatever the zoom's enlargement."""
TILE_PX = 96
"""Most rows and columns of a place that is looked at, in pixels of a frame."""
PLACES = 3
"""Places that are looked at: those whose luma has the steepest slopes."""
LEAST_TRUST = 0.5
"""Frames' worth of samples that the half without the reference must have in a block: where it has
none, the reference stands in, and its noise would count as common."""


def halves_spectrum(plan: MergePlan) -> Spectrum | None:
    """Spectrum that two halves of the frames have in common, on a grid ``SCALE`` times finer.

    The reference and every second other frame are one half. Each is merged by itself, around the
    same reference, at the places of the frames, whatever the region, that have most detail; their
    order does not matter.

    Args:
        plan: the frames and their motions; its region does not matter.

    Returns:
        ``None`` where one frame alone is left, frames are smaller than a block, or the half without
        the reference has samples of no block.
    """
    whole = Rectangle(top=0, left=0, height=plan.source.height, width=plan.source.width)
    plan = replace(plan, region=whole)
    others = sorted(plan.motions, key=lambda index: plan.motions[index].matrix.flatten().tolist())
    if not others or SCALE * (_smallest_side(plan) - 2 * BLEND_HALO_PX) < BLOCK_PX:
        return None
    motions = [{index: plan.motions[index] for index in others[start::2]} for start in (1, 0)]
    halves = [
        replace(plan, motions=motions[0]),
        replace(plan, motions=motions[1], reference_weight=0.0),
    ]
    common = partial(_common, halves, Encode(SCALE), Blend(SCALE))
    with spreading() as spread:
        found = reduce(Spectrum.__add__, spread(common, _detailed(plan)))
    return found if found.blocks else None


def _common(halves: list[MergePlan], encode: Encode, blend: Blend, place: Rectangle) -> Spectrum:
    (first, _), (second, trust) = (_merged(half, encode, blend, place) for half in halves)
    return common_spectrum(first, second, _trusted_blocks(trust, first))


def _trusted_blocks(trust: Tensor, luma: Tensor) -> Tensor:
    """Which blocks of a place count: those whose squares all have ``LEAST_TRUST``."""
    rows, columns = (1 + (side - BLOCK_PX) // (BLOCK_PX // 2) for side in luma.shape)
    enough = trust >= LEAST_TRUST
    # Blocks are two squares wide and begin at every square.
    four = enough[:-1, :-1] & enough[1:, :-1] & enough[:-1, 1:] & enough[1:, 1:]
    return four[:rows, :columns]


def _merged(
    plan: MergePlan, encode: Encode, blend: Blend, place: Rectangle
) -> tuple[Tensor, Tensor]:
    """Luma of a half at a place, float32 [2·(h − 2), 2·(w − 2)], and its frames' trust.

    The latter is the sum over the frames without the reference, float32 [⌈h/16⌉, ⌈w/16⌉].
    """
    contributions = Contributions(place, plan.reference, mapped=False)
    band = summed(plan, encode, [place], contributions, one_by_one)
    features = blend(*band.parts, plan.noise.tensor(), torch.zeros(1, 1, 1, 1))
    merged = torch.nn.functional.pixel_shuffle(features[:, : 3 * SCALE**2], SCALE)
    return rgb_to_ycbcr(merged)[0, 0], contributions.effective().places - 1


def _smallest_side(plan: MergePlan) -> int:
    sides = plan.region.height, plan.region.width
    return min(length for side in sides for _, length in cuts(side, TILE_PX))


def _detailed(plan: MergePlan) -> list[Rectangle]:
    """The places with most detail, at most ``PLACES`` of them."""
    places = [place for row in bands(plan.region, TILE_PX) for place in _with_slopes(plan, row)]
    steepest = sorted(range(len(places)), key=lambda index: -places[index][0])[:PLACES]
    return [places[index][1] for index in sorted(steepest)]


def _with_slopes(plan: MergePlan, row: list[Rectangle]) -> list[tuple[float, Rectangle]]:
    """Mean squared slope of the reference at each place of a row of them."""
    strip = plan.source.rows(plan.reference, row[0].top, row[0].top + row[0].height).mean(0)
    found = []
    for place in row:
        luma = strip[:, place.left : place.left + place.width]
        across, down = luma[:, 2:] - luma[:, :-2], luma[2:] - luma[:-2]
        found.append((float(across.square().mean() + down.square().mean()), place))
    return found

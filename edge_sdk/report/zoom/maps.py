"""Maps of a burst: confidence of the motion, ghosts, and which frame made each pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from markupsafe import Markup
from torch import Tensor

from edge_sdk.html.charts import legend
from edge_sdk.html.page import cards, paragraph
from edge_sdk.html.palette import (
    CATEGORIES,
    CERTAIN,
    DOUBTFUL,
    GHOST,
    OTHERS,
    REFERENCE,
)
from edge_sdk.html.pictures import figure, indexed, jpeg, shades
from edge_sdk.imaging import resize_bicubic, rgb_to_ycbcr
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration.field import MotionField
from edge_sdk.report.zoom.charts import arrows
from edge_sdk.report.zoom.evidence import ZoomEvidence
from edge_sdk.report.zoom.provenance import Provenance, cell_px, provenance

MAX_MAPS = 24
MAP_PX = 320
"""Longer side of a small map."""
MAP_QUALITY = 70


def confidence_maps(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    """Per frame, how far the motion of each tile is trusted, and what it adds to the frame's."""
    shown = [
        (index, motion)
        for index in evidence.others
        if (motion := evidence.frames[index].motion) is not None
        and (motion.confidence is not None or motion.offsets_px is not None)
    ]
    if not shown:
        return (
            paragraph(
                "One motion served for the whole of each frame, so there is no map of tiles."
                if evidence.others
                else "No other frame was used, so there is no motion to trust."
            ),
        )
    shown.sort(key=lambda entry: _mean_confidence(entry[1]))
    drawn = sorted(shown[:MAX_MAPS], key=lambda entry: entry[0])
    figures = [_confidence(evidence, index, motion) for index, motion in drawn]
    return (
        paragraph(
            "Shade: confidence of each tile, dark 0, light 1. Arrows: what the tile's motion adds "
            "to the frame's, magnified as the caption says."
        ),
        *_cut_short(len(drawn), len(shown), "confidence"),
        cards(figures, "maps"),
    )


def ghost_maps(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    """Per frame, where it was held back, laid over the reference."""
    if not evidence.others:
        return (paragraph("No other frame was used."),)
    shown = [
        (index, agreement)
        for index in evidence.others
        if (agreement := evidence.frames[index].agreement) is not None
    ]
    if not shown:
        return (paragraph("The weights per pixel were not kept for this page."),)
    shown.sort(key=lambda entry: float(entry[1].float().mean()))
    drawn = sorted(shown[:MAX_MAPS], key=lambda entry: entry[0])
    backdrop = _backdrop(evidence.before)
    figures = [_ghost(evidence, backdrop, index, agreement) for index, agreement in drawn]
    return (
        paragraph(
            "Orange: the frame shows something else there, or nothing, and was held back; the "
            "picture underneath is the reference in gray."
        ),
        *_cut_short(len(drawn), len(shown), "agreement"),
        cards(figures, "maps"),
    )


def provenance_maps(evidence: ZoomEvidence, detail: Rectangle) -> tuple[Markup, ...]:
    """Which frame gave most to each pixel: the whole picture, and a detail pixel by pixel."""
    if not evidence.others:
        return (paragraph("Every pixel was made from the reference alone."),)
    center = (detail.top + detail.height // 2, detail.left + detail.width // 2)
    found = provenance(evidence, center)
    if found is None:
        return (paragraph("The weights per pixel were not kept for this page."),)
    colors = (REFERENCE, *CATEGORIES[: len(found.named)], OTHERS)
    box = found.box
    figures = [
        figure(
            indexed(found.whole, colors),
            "The whole picture: each dot is one pixel of the result, drawn at random from its "
            "neighborhood, so that the mixture of colors is the mixture of frames.",
            "pixels",
            aspect=evidence.after.shape[-1] / evidence.after.shape[-2],
        ),
        figure(
            indexed(found.detail, colors),
            f"A detail of {box.width}×{box.height} pixels of the result, from column {box.left}, "
            f"row {box.top}: every pixel.",
            "pixels",
            aspect=box.width / box.height,
        ),
    ]
    return (
        paragraph(
            "Color: the frame with the largest weight at the pixel, by its agreement there and "
            "by how near one of its samples lies (isotropic kernel of "
            f"{evidence.kernel_std_px:g} px; the reference weighs "
            f"{evidence.reference_weight:g} times; along edges the merge's own kernel is longer). "
            "The others add to the same pixel with less."
        ),
        _legend(evidence, found),
        cards(figures, "halves"),
    )


def _legend(evidence: ZoomEvidence, found: Provenance) -> Markup:
    frames = evidence.frames
    entries = [
        (f"c-{place}", f"{index} {frames[index].name}: {found.shares[index]:.0%}")
        for place, index in enumerate((evidence.reference, *found.named))
    ]
    entries[0] = (entries[0][0], entries[0][1] + ", reference")
    rest = sum(found.shares.values()) - sum(
        found.shares[index] for index in (evidence.reference, *found.named)
    )
    more = len(found.shares) - len(entries)
    if more:
        entries.append(
            ("c-others", f"{more} other {'frame' if more == 1 else 'frames'}: {rest:.0%}")
        )
    return legend(entries)


def _confidence(evidence: ZoomEvidence, index: int, motion: MotionField) -> Markup:
    drawing, longest, magnified = arrows(motion)
    width, height = motion.covered
    confidence = motion.confidence
    grid = torch.ones(1, 1) if confidence is None else confidence
    offsets = (
        f"offsets up to {longest:.2f} px, magnified {magnified:.0f} times"
        if drawing
        else "no offsets"
    )
    caption = (
        f"{index} {evidence.frames[index].name}: mean {_mean_confidence(motion):.2f}, {offsets}"
    )
    return figure(
        shades(grid, DOUBTFUL, CERTAIN),
        caption,
        "pixels",
        aspect=width / height,
        overlay=drawing,
    )


def _ghost(evidence: ZoomEvidence, backdrop: Tensor, index: int, agreement: Tensor) -> Markup:
    size = (backdrop.shape[-2], backdrop.shape[-1])
    cell = cell_px(agreement, evidence) * size[1] / evidence.before.shape[-1]
    covered = (
        max(math.ceil(agreement.shape[0] * cell), size[0]),
        max(math.ceil(agreement.shape[1] * cell), size[1]),
    )
    # The last squares may reach beyond the picture.
    agrees = resize_bicubic(agreement.float(), size=covered)[: size[0], : size[1]]
    held_back = 1 - agrees.clamp(0, 1)
    color = torch.tensor(GHOST, dtype=torch.float32)[:, None, None] / 255
    laid = backdrop * (1 - 0.85 * held_back) + color * 0.85 * held_back
    caption = f"{index} {evidence.frames[index].name}: {float(agreement.float().mean()):.0%} agrees"
    return figure(jpeg(laid, MAP_QUALITY), caption, "smooth", aspect=size[1] / size[0])


def _backdrop(before: Tensor) -> Tensor:
    """The reference in soft gray, small, float [1, h, w]."""
    height, width = before.shape[-2:]
    shrink = min(1.0, MAP_PX / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    luma = resize_bicubic(rgb_to_ycbcr(before)[:1], size=size).clamp(0, 1)
    return 0.12 + 0.6 * luma


def _cut_short(drawn: int, known: int, what: str) -> Sequence[Markup]:
    if drawn == known:
        return ()
    return (paragraph(f"The {drawn} frames of {known} with the least {what}.", soft=True),)


def _mean_confidence(motion: MotionField) -> float:
    return 1.0 if motion.confidence is None else float(motion.confidence.mean())

"""The reference beside the result, with a line to move between them."""

from __future__ import annotations

import math

from markupsafe import Markup
from torch import Tensor

from edge_sdk.html.markup import element
from edge_sdk.html.page import cards, paragraph
from edge_sdk.html.pictures import jpeg
from edge_sdk.html.slider import slider
from edge_sdk.imaging import pick_detail_box, resize_bicubic
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.report.zoom.evidence import ZoomEvidence

WHOLE_PX = 1024
"""Longest side of the whole picture on the page."""
DETAIL_PX = 448
"""Side of the detail, in pixels of the result; at most half of the picture's shorter side."""
WHOLE_QUALITY, DETAIL_QUALITY = 82, 92
MARGIN_PX = 8
"""Margin of the reference around the detail, so that its border is interpolated as inside."""


def sliders(evidence: ZoomEvidence, part: Rectangle, detail: Rectangle) -> tuple[Markup, ...]:
    """The reference enlarged bicubically beside the result: a detail, and the whole picture.

    Args:
        evidence: the zoom.
        part: the detail, in pixels of ``before``.
        detail: the same, in pixels of ``after``.
    """
    names = ("bicubic", "result")
    height, width = evidence.after.shape[-2:]
    shrink = min(1.0, WHOLE_PX / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    whole = [resize_bicubic(each, size=size) for each in (evidence.before, evidence.after)]
    rows = slice(detail.top, detail.top + detail.height)
    after = evidence.after[:, rows, detail.left : detail.left + detail.width]
    pair = [_bicubic(evidence, part, (detail.height, detail.width)), after]
    reduced = f", reduced from {width}×{height} to {size[1]}×{size[0]} pixels" if shrink < 1 else ""
    shown = [
        slider(
            (_photo(pair[0], evidence, DETAIL_QUALITY), _photo(pair[1], evidence, DETAIL_QUALITY)),
            names,
            (detail.height, detail.width),
            f"A detail of {detail.width}×{detail.height} pixels of the result, from column "
            f"{detail.left}, row {detail.top}, pixel by pixel.",
            pixelated=True,
        ),
        slider(
            (_photo(whole[0], evidence, WHOLE_QUALITY), _photo(whole[1], evidence, WHOLE_QUALITY)),
            names,
            size,
            f"The whole picture{reduced}.",
        ),
    ]
    return (
        paragraph(
            "Left of the line the reference alone, enlarged bicubically; right of it the result. "
            "Move the line by pointer, finger or arrow keys."
        ),
        element("noscript", paragraph("Without JavaScript the line stays in the middle.")),
        cards(shown, "halves"),
        paragraph(
            f"Shown as JPEG of quality {DETAIL_QUALITY} (detail) and {WHOLE_QUALITY} (whole), to "
            "keep this page small; the exact pixels are in the picture's own file.",
            soft=True,
        ),
    )


def detail_box(evidence: ZoomEvidence) -> Rectangle:
    """The part of the reference with the most detail in the result, in pixels of the reference."""
    height, width = evidence.before.shape[-2:]
    side = min(math.ceil(DETAIL_PX / evidence.scale), math.ceil(min(height, width) / 2))
    shrink = min(1.0, WHOLE_PX / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    small_side = min(max(1, round(side * shrink)), *size)
    found = pick_detail_box(resize_bicubic(evidence.after, size=size), small_side)
    top = min(round(found.top / shrink), height - side)
    left = min(round(found.left / shrink), width - side)
    return Rectangle(top=top, left=left, height=side, width=side)


def enlarged(box: Rectangle, evidence: ZoomEvidence) -> Rectangle:
    """The same part of the result."""
    scale = evidence.scale
    top, left = round(box.top * scale), round(box.left * scale)
    return Rectangle(
        top=top,
        left=left,
        height=min(round(box.height * scale), evidence.after.shape[-2] - top),
        width=min(round(box.width * scale), evidence.after.shape[-1] - left),
    )


def _bicubic(evidence: ZoomEvidence, part: Rectangle, size: tuple[int, int]) -> Tensor:
    """The reference's part enlarged bicubically; what lies around it takes part at its border."""
    height, width = evidence.before.shape[-2:]
    top, left = max(part.top - MARGIN_PX, 0), max(part.left - MARGIN_PX, 0)
    bottom = min(part.top + part.height + MARGIN_PX, height)
    right = min(part.left + part.width + MARGIN_PX, width)
    around = evidence.before[:, top:bottom, left:right]
    fine = (
        round(around.shape[1] * size[0] / part.height),
        round(around.shape[2] * size[1] / part.width),
    )
    row = round((part.top - top) * size[0] / part.height)
    column = round((part.left - left) * size[1] / part.width)
    enlarged = resize_bicubic(around, size=fine)
    return enlarged[:, row : row + size[0], column : column + size[1]]


def _photo(pixels: Tensor, evidence: ZoomEvidence, quality: int) -> str:
    return jpeg(pixels, quality, evidence.icc_profile)

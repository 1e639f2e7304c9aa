"""The report of a burst zoom: which frames made the picture, where, and what it gained."""

from __future__ import annotations

import math

from markupsafe import Markup
from torch import Tensor

from edge_sdk.figures import fixed
from edge_sdk.html.markup import element, join
from edge_sdk.html.page import Section, cards, notes, page, paragraph, table
from edge_sdk.html.pictures import jpeg
from edge_sdk.html.slider import SCRIPT, slider
from edge_sdk.imaging import pick_detail_box, resize_bicubic
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.registration.motion import EuclideanMotion
from edge_sdk.report.kinds import REPORTS, Report
from edge_sdk.report.zoom.charts import motion_plot, score_bars
from edge_sdk.report.zoom.evidence import FrameEvidence, ZoomEvidence
from edge_sdk.report.zoom.maps import confidence_maps, ghost_maps, provenance_maps

WHOLE_PX = 1024
"""Longest side of the whole picture on the page."""
DETAIL_PX = 448
"""Side of the detail, in pixels of the result; at most half of the picture's shorter side."""
WHOLE_QUALITY, DETAIL_QUALITY = 82, 92
MAX_OPEN_ROWS = 24
"""A longer table is folded."""
MARGIN_PX = 8
"""Margin of the reference around the detail, so that its border is interpolated as inside."""


def burst_report(evidence: ZoomEvidence) -> str:
    """The zoom as one HTML page.

    Args:
        evidence: what :func:`evidence_of` gathered.

    Returns:
        The page as text; it loads nothing from elsewhere.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, ZoomConfig, zoom
        >>> from edge_sdk.report import burst_report, evidence_of, write_page
        >>> frames, config = torch.rand(1, 3, 48, 64), ZoomConfig(provenance=True)
        >>> result = zoom(frames, config=config)
        >>> evidence = evidence_of(result, ["0.png"], Picture(frames[0]), "zoomed.png", config)
        >>> write_page(burst_report(evidence), Path("zoom.html"))
    """
    part = _detail_box(evidence)
    detail = _enlarged(part, evidence)
    sections = [
        Section("Before and after", _sliders(evidence, part, detail)),
        Section("Frames", _frames(evidence)),
        Section("Sharpness", _scores(evidence)),
        Section("Motion", _motion(evidence)),
        Section("Confidence of the motion", confidence_maps(evidence)),
        Section("Ghosts", ghost_maps(evidence)),
        Section("Which frame made each pixel", provenance_maps(evidence, detail)),
    ]
    return page(f"{evidence.output}, zoomed", _lead(evidence), sections, script=SCRIPT)


def _lead(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    count, used = len(evidence.frames), len(evidence.others) + 1
    height, width = evidence.after.shape[-2:]
    why = "chosen by the user" if evidence.forced else "the sharpest"
    name = evidence.frames[evidence.reference].name
    what = (
        f"{used} of {count} frames became one picture"
        if used > 1
        else "One frame was enlarged alone, without the gain of a burst,"
        if count == 1
        else f"No other of the {count} frames could be used: the reference was enlarged alone,"
    )
    seconds = " · ".join(f"{stage} {value:.2f} s" for stage, value in evidence.seconds.items())
    cut = evidence.frames[evidence.reference].motion
    part = (
        f" It shows the part of the reference from column {evidence.corner[1]}, row "
        f"{evidence.corner[0]}."
        if cut is not None and (cut.height, cut.width) != tuple(evidence.before.shape[-2:])
        else ""
    )
    return (
        join(
            (
                f"{what} of {width}×{height} pixels, enlarged {evidence.scale:g} times.{part} "
                f"The reference is frame {evidence.reference}, ",
                element("code", name),
                f", {why}.",
            )
        ),
        element(
            "span",
            f"Noise {evidence.noise_std * 255:.1f} of 255 levels. {seconds}",
            class_="soft small",
        ),
    )


def _frames(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    columns = ("frame", "sharpness", "shift (px)", "turn (°)", "agrees", "role")
    rows = [_row(evidence, index, frame) for index, frame in enumerate(evidence.frames)]
    left_out = [
        join(
            (
                element("code", evidence.frames[index].name),
                f" is left out: {evidence.frames[index].note}",
            )
        )
        for index in evidence.left_out
    ]
    content = [table(columns, rows)]
    if len(rows) > MAX_OPEN_ROWS:
        content = [element("details", element("summary", f"All {len(rows)} frames"), *content)]
    if left_out:
        content.append(notes(left_out))
    if evidence.remarks:
        content.append(notes(evidence.remarks, warn=False))
    return tuple(content)


def _row(evidence: ZoomEvidence, index: int, frame: FrameEvidence) -> tuple[str, ...]:
    shift, turn = "—", "—"
    if frame.motion is not None and index != evidence.reference:
        motion = EuclideanMotion.of(frame.motion.matrix)
        shift = ", ".join(
            fixed(value, signed=True) for value in (motion.shift_x_px, motion.shift_y_px)
        )
        turn = fixed(motion.angle_deg, signed=True)
    role = "reference" if index == evidence.reference else "left out" if frame.note else "merged"
    return (
        element("span", f"{index} ", element("code", frame.name)),
        fixed(1000 * frame.score),
        shift,
        turn,
        f"{frame.share:.0%}",
        element("span", role, class_="warned" if frame.note else None)
        if not frame.blurry
        else element("span", f"{role}, blurry", class_="warned"),
    )


def _scores(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    return (
        paragraph(
            "Energy of the luma's Laplacian less what noise alone would give, times 1000. The "
            "largest becomes the reference, unless the user names one."
        ),
        element("div", score_bars(evidence), class_="card"),
    )


def _motion(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    if not evidence.others:
        return (paragraph("No other frame was used, so there is no motion to show."),)
    out = len(evidence.left_out)
    left = f" {out} left out, not drawn." if out else ""
    return (
        paragraph(
            "Where the center of the reference lies on each frame, in pixels of a frame, right and "
            f"down; the line follows the order of the frames.{left}"
        ),
        element("div", motion_plot(evidence), class_="card narrow"),
    )


def _sliders(evidence: ZoomEvidence, part: Rectangle, detail: Rectangle) -> tuple[Markup, ...]:
    names = ("bicubic", "result")
    height, width = evidence.after.shape[-2:]
    shrink = min(1.0, WHOLE_PX / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    whole = [resize_bicubic(each, size=size) for each in (evidence.before, evidence.after)]
    rows = slice(detail.top, detail.top + detail.height)
    after = evidence.after[:, rows, detail.left : detail.left + detail.width]
    pair = [_bicubic(evidence, part, (detail.height, detail.width)), after]
    reduced = f", reduced from {width}×{height} to {size[1]}×{size[0]} pixels" if shrink < 1 else ""
    sliders = [
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
        cards(sliders, "halves"),
        paragraph(
            f"Shown as JPEG of quality {DETAIL_QUALITY} (detail) and {WHOLE_QUALITY} (whole), to "
            "keep this page small; the exact pixels are in the picture's own file.",
            soft=True,
        ),
    )


def _detail_box(evidence: ZoomEvidence) -> Rectangle:
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


def _enlarged(box: Rectangle, evidence: ZoomEvidence) -> Rectangle:
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


REPORTS.register("zoom", Report(ZoomEvidence, burst_report))

"""The report of a burst zoom: which frames made the picture, where, and what it gained."""

from __future__ import annotations

from markupsafe import Markup

from edge_sdk.figures import fixed
from edge_sdk.html.markup import element, join
from edge_sdk.html.page import Section, notes, page, paragraph, table
from edge_sdk.html.slider import SCRIPT
from edge_sdk.registration.motion import EuclideanMotion
from edge_sdk.report.kinds import REPORTS, Report
from edge_sdk.report.zoom.before_after import detail_box, enlarged, sliders
from edge_sdk.report.zoom.charts import motion_plot, score_bars
from edge_sdk.report.zoom.effective import effective_line, effective_map
from edge_sdk.report.zoom.evidence import FrameEvidence, ZoomEvidence
from edge_sdk.report.zoom.maps import confidence_maps, ghost_maps, provenance_maps
from edge_sdk.report.zoom.repairs import repairs

MAX_OPEN_ROWS = 24
"""A longer table is folded."""


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
    part = detail_box(evidence)
    detail = enlarged(part, evidence)
    sections = [
        Section("Before and after", sliders(evidence, part, detail)),
        Section("Frames", _frames(evidence)),
        Section("Effective frames", effective_map(evidence)),
        Section("Light and damage", repairs(evidence)),
        Section("Sharpness", _scores(evidence)),
        Section("Motion", _motion(evidence)),
        Section("Confidence of the motion", confidence_maps(evidence)),
        Section("Ghosts", ghost_maps(evidence)),
        Section("Which frame made each pixel", provenance_maps(evidence, detail)),
    ]
    return page(f"{evidence.output}, zoomed", _lead(evidence), sections, script=SCRIPT)


def _lead(evidence: ZoomEvidence) -> tuple[str, ...]:
    count, used = len(evidence.frames), len(evidence.others) + 1
    height, width = evidence.after.shape[-2:]
    why = "chosen by the user" if evidence.forced else evidence.why_reference
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
        *effective_line(evidence),
        element(
            "span",
            f"Noise {evidence.noise_std * 255:.1f} of 255 levels. "
            f"Lens {evidence.lens.std_px:.2f} px, {evidence.lens.source}. {seconds}",
            class_="soft small",
        ),
    )


def _frames(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    columns = ("frame", "sharpness", "shift (px)", "turn (°)", "agrees", "quality", "role")
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
    warnings = [*left_out, *evidence.warnings]
    if warnings:
        content.append(notes(warnings))
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
        "—" if frame.quality is None else f"{frame.quality.score:.0f}",
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


REPORTS.register("zoom", Report(ZoomEvidence, burst_report))

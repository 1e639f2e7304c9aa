"""Charts of a burst: how sharp each frame is, where it lies, and what its tiles add."""

from __future__ import annotations

import math

import torch
from markupsafe import Markup

from edge_sdk.figures import fixed
from edge_sdk.html.markup import element
from edge_sdk.html.palette import ARROW
from edge_sdk.registration.field import MotionField
from edge_sdk.report.zoom.evidence import ZoomEvidence

LABELED_BARS = 40
"""Up to this many frames each bar has its number."""
BARS_PERCENT = 50
"""Of the width; the rest is for words."""
PLOT_PX = 320
MAX_ARROWS = 16
"""Along the longer side of the picture."""
SMALLEST_OFFSET_PX = 0.005
"""Offsets under this are none: an arrow would magnify rounding."""


def score_bars(evidence: ZoomEvidence) -> Markup:
    """One bar per frame, its length the gradient energy; the reference is marked."""
    frames = evidence.frames
    largest = max(max(frame.score for frame in frames), 1e-300)
    labeled = len(frames) <= LABELED_BARS
    step = 22.0 if labeled else max(880 / len(frames), 4.0)
    left = 28 if labeled else 0
    parts = []
    for index, frame in enumerate(frames):
        top = step * index
        chosen = index == evidence.reference
        kind = "bar-after" if chosen else "bar-out" if frame.note else "bar-before"
        words = ", reference" if chosen else ", left out" if frame.note else ""
        text = f"{fixed(1000 * frame.score)}{words}"
        share = min(max(frame.score, 0.0) / largest, 1.0)
        title = element("title", f"{index} {frame.name}: {text}")
        parts.append(
            element(
                "svg",
                element(
                    "rect",
                    title,
                    x=0,
                    y=round(top + step * 0.1, 2),
                    width=f"{max(100 * share, 0.4):.2f}%",
                    height=round(step * 0.8, 2),
                    rx=min(3.0, step / 4),
                    class_=kind,
                ),
                x=left,
                y=0,
                width=f"{BARS_PERCENT}%",
                height="100%",
            )
        )
        if labeled:
            parts.append(element("text", str(index), x=0, y=round(top + 15, 2)))
        if labeled or chosen:
            parts.append(
                element(
                    "svg",
                    element(
                        "text",
                        text,
                        x=f"{BARS_PERCENT * share:.2f}%",
                        dx=left + 6,
                        y=round(top + 15, 2),
                    ),
                    width="100%",
                    height="100%",
                )
            )
    return element(
        "svg",
        *parts,
        width="100%",
        height=math.ceil(step * len(frames)) + 6,
        role="img",
        aria_label=f"sharpness of {len(frames)} frames; the reference is {evidence.reference}",
    )


def motion_plot(evidence: ZoomEvidence) -> Markup:
    """Where the center of the reference lies on each frame that was used, in pixels of a frame."""
    places = {evidence.reference: (0.0, 0.0)}
    origin = torch.zeros(1, 2, dtype=torch.float64)
    for index in evidence.others:
        motion = evidence.frames[index].motion
        if motion is not None:
            x, y = motion.at(origin)[0].tolist()
            places[index] = (x, y)
    reach = max(max(abs(x), abs(y)) for x, y in places.values())
    step = _round_step(max(reach, 0.1))
    half = step * max(1, math.ceil(max(reach, 0.1) * 1.08 / step))
    to_px = (PLOT_PX / 2 - 26) / half
    middle = PLOT_PX / 2
    parts = _grid(half, step, to_px)
    in_order = sorted(places)
    if len(in_order) > 1:
        line = "L".join(
            f"{middle + places[index][0] * to_px:.1f} {middle + places[index][1] * to_px:.1f}"
            for index in in_order
        )
        parts.append(element("path", d=f"M{line}", class_="wire"))
    for index in in_order:
        x, y = (middle + value * to_px for value in places[index])
        chosen = index == evidence.reference
        title = element("title", f"{index} {evidence.frames[index].name}")
        kind = "dot-reference" if chosen else "dot"
        parts.append(
            element(
                "circle", title, cx=round(x, 1), cy=round(y, 1), r=6 if chosen else 4, class_=kind
            )
        )
        if chosen or len(places) <= LABELED_BARS:
            parts.append(element("text", str(index), x=round(x + 7, 1), y=round(y - 5, 1)))
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {PLOT_PX} {PLOT_PX}",
        width="100%",
        role="img",
        class_="plot",
        aria_label=f"shifts of {len(places)} frames, up to {reach:.2f} pixels",
    )


def arrows(motion: MotionField) -> tuple[Markup, float, float]:
    """Offsets of the tiles as arrows over a map of the picture.

    Returns:
        The drawing, the longest offset in pixels, and by what the arrows are magnified; the
        drawing is empty if there are no offsets to see.
    """
    offsets = motion.offsets_px
    longest = 0.0 if offsets is None else float(offsets.norm(dim=-1).max())
    if offsets is None or longest < SMALLEST_OFFSET_PX:
        return Markup(""), longest, 1.0
    rows, columns = offsets.shape[:2]
    width, height = motion.covered
    every = max(1, math.ceil(max(rows, columns) / MAX_ARROWS))
    cell = min(height / rows, width / columns) * every
    magnified = 0.9 * cell / longest
    lines = []
    for row in range(every // 2, rows, every):
        for column in range(every // 2, columns, every):
            x, y = (column + 0.5) * width / columns, (row + 0.5) * height / rows
            dx, dy = (float(value) * magnified for value in offsets[row, column])
            lines.append(_arrow(x, y, dx, dy))
    drawing = element(
        "svg",
        element(
            "path",
            d="".join(lines),
            fill="none",
            stroke=ARROW,
            stroke_width=1.25,
            vector_effect="non-scaling-stroke",
        ),
        viewBox=f"0 0 {width} {height}",
        aria_hidden="true",
    )
    return drawing, longest, magnified


def _arrow(x: float, y: float, dx: float, dy: float) -> str:
    tip_x, tip_y = x + dx, y + dy
    left = (tip_x - 0.3 * dx + 0.15 * dy, tip_y - 0.3 * dy - 0.15 * dx)
    right = (tip_x - 0.3 * dx - 0.15 * dy, tip_y - 0.3 * dy + 0.15 * dx)
    return (
        f"M{x:.1f} {y:.1f}L{tip_x:.1f} {tip_y:.1f}"
        f"M{left[0]:.1f} {left[1]:.1f}L{tip_x:.1f} {tip_y:.1f}L{right[0]:.1f} {right[1]:.1f}"
    )


def _grid(half: float, step: float, to_px: float) -> list[Markup]:
    """Lines every ``step`` pixels, numbers at the lower and left edge."""
    middle, edge = PLOT_PX / 2, half * to_px
    parts = []
    count = round(half / step)
    for tick in range(-count, count + 1):
        at = round(middle + tick * step * to_px, 1)
        kind = "axis" if tick == 0 else "grid-line"
        low, high = round(middle - edge, 1), round(middle + edge, 1)
        parts.append(element("line", x1=at, x2=at, y1=low, y2=high, class_=kind))
        parts.append(element("line", x1=low, x2=high, y1=at, y2=at, class_=kind))
        if tick in (-count, 0, count):
            text = f"{tick * step:g}".replace("-", "−")
            parts.append(element("text", text, x=at, y=PLOT_PX - 8, text_anchor="middle"))
            if tick:
                parts.append(element("text", text, x=22, y=at + 4, text_anchor="end"))
    return parts


def _round_step(reach: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides ``reach`` into two to five parts."""
    power = 10.0 ** math.floor(math.log10(reach))
    return next(power * part for part in (0.2, 0.5, 1.0, 2.0) if reach / (power * part) <= 5)

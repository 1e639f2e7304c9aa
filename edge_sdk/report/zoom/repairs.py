"""What was undone or mended in the frames of a burst, and what could not be."""

from __future__ import annotations

import torch
from markupsafe import Markup

from edge_sdk.burst.photometry.light import Light
from edge_sdk.figures import fixed
from edge_sdk.html.markup import element
from edge_sdk.html.page import paragraph, table
from edge_sdk.report.zoom.evidence import FrameEvidence, ZoomEvidence

MAX_OPEN_ROWS = 24
"""A longer table is folded."""
ROWS = 257
"""Rows of the reference at which the range of bands is read."""


def repairs(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    """Light and lost parts by frame, then hot pixels and blank parts of the whole burst."""
    rows = [
        _row(index, frame)
        for index, frame in enumerate(evidence.frames)
        if frame.light is not None or frame.lost
    ]
    content = []
    if rows:
        columns = ("frame", "red", "green", "blue", "bands", "lost")
        content.append(
            paragraph(
                "By frame, what its light is of the reference's in each color and, where it falls "
                "in bands, along the rows, all of which is undone; and the part that shows nothing "
                "where most others show something. Frames without either are not listed."
            )
        )
        shown = table(columns, rows)
        if len(rows) > MAX_OPEN_ROWS:
            shown = element("details", element("summary", f"All {len(rows)} frames"), shown)
        content.append(shown)
    whole = []
    if evidence.hot_pixels:
        whole.append(("hot pixels of the sensor, mended in all frames", f"{evidence.hot_pixels}"))
    if evidence.blank:
        whole.append(("one value in the same place of all frames", _percent(evidence.blank)))
    if whole:
        content.append(table(("in all frames", "how much"), whole))
    if not content:
        return (
            paragraph(
                "The light of all frames is the same, no frame lost a part, and there are no hot "
                "pixels to mend and no parts that are blank in all frames."
            ),
        )
    return tuple(content)


def _row(index: int, frame: FrameEvidence) -> tuple[str, ...]:
    colors, bands = ("—", "—", "—"), "—"
    if frame.light is not None:
        red, green, blue = (f"×{fixed(factor)}" for factor in frame.light.colors.tolist())
        colors = (red, green, blue)
        if len(frame.light.waves):
            bands = _bands(frame.light)
    return (
        element("span", f"{index} ", element("code", frame.name)),
        *colors,
        bands,
        element("span", _percent(frame.lost), class_="warned") if frame.lost else "—",
    )


def _bands(light: Light) -> str:
    """Least and greatest factor along the rows."""
    along = light.along(torch.linspace(0, 1, ROWS, dtype=torch.float64))
    return f"×{fixed(float(along.min()))} to ×{fixed(float(along.max()))}"


def _percent(part: float) -> str:
    return "under 1%" if part < 0.01 else f"{part:.0%}"

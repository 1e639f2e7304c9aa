"""How many frames' worth of samples each place received, as a line and as a map."""

from __future__ import annotations

import torch
from markupsafe import Markup
from torch import Tensor

from edge_sdk.burst.effective_frames import SQUARE_PX
from edge_sdk.html.charts import scale
from edge_sdk.html.markup import element
from edge_sdk.html.page import paragraph
from edge_sdk.html.palette import CERTAIN, DOUBTFUL
from edge_sdk.html.pictures import SHADES, figure, shades
from edge_sdk.report.zoom.evidence import ZoomEvidence

LARGEST_MAP_PX = 480
"""Longer side of the map."""


def effective_line(evidence: ZoomEvidence) -> tuple[str, ...]:
    """The effective frames of the burst as a sentence; nothing for one frame alone."""
    count = len(evidence.frames)
    if count == 1:
        return ()
    return (
        f"Effective frames: {evidence.effective.mean:.1f} of {count}; at most "
        f"{evidence.effective.low:.1f} in the worst tenth of the picture.",
    )


def effective_map(evidence: ZoomEvidence) -> tuple[Markup, ...]:
    """The effective frames of each place as shades from 1 to the number of frames."""
    count = len(evidence.frames)
    if not evidence.others:
        return (paragraph("Every place received one frame: the reference."),)
    caption = (
        f"Effective frames by squares of {SQUARE_PX}×{SQUARE_PX} pixels of the reference, from "
        f"{float(evidence.effective.places.amin()):.1f} to "
        f"{float(evidence.effective.places.amax()):.1f}."
    )
    height, width = evidence.before.shape[-2:]
    share = (_seen(evidence.effective.places, height, width) - 1) / (count - 1)
    drawing = figure(shades(share, DOUBTFUL, CERTAIN), caption, "pixels", aspect=width / height)
    ticks = [f"{end:g}" for end in (1, (1 + count) / 2, count)]
    colors = scale(DOUBTFUL, CERTAIN, SHADES, ticks, "effective frames")
    return (
        paragraph(
            "How many frames' worth of samples each place received: the reference counts as one, "
            "each other frame by its agreement there. Dark places are little better than one frame."
        ),
        element("div", drawing, colors, class_="card narrow"),
    )


def _seen(places: Tensor, height: int, width: int) -> Tensor:
    """The squares as they lie on a picture of h×w pixels, which cuts the last, small."""
    shrink = min(1.0, LARGEST_MAP_PX / max(height, width))
    rows, columns = (
        ((torch.arange(max(1, round(side * shrink))) + 0.5) / shrink / SQUARE_PX).long()
        for side in (height, width)
    )
    last_row, last_column = places.shape[0] - 1, places.shape[1] - 1
    return places[rows.clamp_max(last_row)[:, None], columns.clamp_max(last_column)]

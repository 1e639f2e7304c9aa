"""The contact sheet: some pairs side by side, and what was drawn for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from edge_sdk.data.degradation.folder.records import CLEAN, DEGRADED, PairRecord
from edge_sdk.html.page import Section, cards, page, paragraph, write_page
from edge_sdk.html.pictures import figure, jpeg
from edge_sdk.imaging import read_picture

MOST_PAIRS = 12
SHOWN_PX = 320
QUALITY = 95


def write_sheet(path: Path, folder: Path, records: Sequence[PairRecord]) -> None:
    """Write the sheet: the middle of up to 12 pairs, evenly chosen by name, pixel by pixel.

    Args:
        path: HTML file.
        folder: of the pairs.
        records: of all pairs.

    Raises:
        OutputError: if it cannot be written.
        PictureError: if a pair cannot be read.
    """
    ordered = sorted(records, key=lambda record: record.name)
    count = min(MOST_PAIRS, len(ordered))
    chosen = [ordered[place * len(ordered) // count] for place in range(count)]
    lead = (
        f"{count} of {len(ordered)} pairs, the middle {SHOWN_PX} px of each: clean, and degraded "
        "by what is written above it.",
    )
    write_page(page("Degraded pictures", lead, [_pair(folder, each) for each in chosen]), path)


def _pair(folder: Path, record: PairRecord) -> Section:
    pictures = [(kind, read_picture(folder / kind / record.name)) for kind in (CLEAN, DEGRADED)]
    parts = [
        figure(jpeg(_middle(picture.pixels), QUALITY), kind, "pixels") for kind, picture in pictures
    ]
    drawn = " → ".join(map(described, record.steps))
    return Section(record.name, (paragraph(drawn), cards(parts, "halves")))


def described(step: Mapping[str, Any]) -> str:
    """What was drawn of a step, for people, seeds left out.

    Example:
        >>> from edge_sdk.data.degradation.folder.sheet import described
        >>> described({"step": "motion-blur", "length_px": 7.25, "angle_deg": 30.0})
        'motion-blur (length_px 7.25, angle_deg 30)'
    """
    values = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in step.items()
        if name not in ("step", "seed")
    ]
    return f"{step['step']} ({', '.join(values)})"


def _middle(pixels: Tensor) -> Tensor:
    height, width = pixels.shape[-2:]
    top, left = max(0, (height - SHOWN_PX) // 2), max(0, (width - SHOWN_PX) // 2)
    return pixels[:, top : top + SHOWN_PX, left : left + SHOWN_PX]

"""The page of a curation: what was left out, with examples of each reason and quality."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from markupsafe import Markup

from edge_sdk.curation.verdicts import CurationResult, Verdict
from edge_sdk.data.quality.grades import CLASSES, class_of
from edge_sdk.errors import EdgeSdkError
from edge_sdk.html.page import Section, cards, page, paragraph, table, write_page
from edge_sdk.html.pictures import figure, jpeg
from edge_sdk.imaging import read_picture, resize_bicubic

EXAMPLES = 12
"""Pictures that are shown of each reason, evenly spread over the collection."""
THUMBNAIL_PX = 200
QUALITY = 80


def write_sheet(path: Path, result: CurationResult) -> None:
    """Write the page: counts, and examples of each reason, of what is kept, and of each quality.

    Classes of quality are shown where pictures were scored.

    Args:
        path: HTML file.
        result: what it shows; the pictures are read again.

    Raises:
        OutputError: if it cannot be written.
    """
    count = len(result.verdicts)
    rows = [("kept", str(len(result.kept)), _share(len(result.kept), count))]
    rows += [
        (f"left out: {reason}", str(number), _share(number, count))
        for reason, number in result.left_out.items()
    ]
    counts = Section("Pictures", (table(("", "pictures", "share"), rows),))
    shown = [_section(f"Left out: {reason}", result.of(reason)) for reason in result.reasons]
    shown.append(_section("Kept", result.of(None)))
    shown += [_section(*part) for part in _by_quality(result.verdicts)]
    lead = (
        f"{len(result.kept)} of {count} pictures are kept.",
        "A picture is left out for the first criterion that it fails, in the order of the table.",
    )
    sections = [counts, *(section for section in shown if section is not None)]
    write_page(page("Curated pictures", lead, sections), path)


def _by_quality(verdicts: Sequence[Verdict]) -> list[tuple[str, list[Verdict]]]:
    """Title and pictures of each class of quality, the best class first."""
    scored = [
        (verdict, float(verdict.numbers["score"])) for verdict in verdicts if _has_score(verdict)
    ]
    return [
        (
            f"Quality: {name}, {start} to {end}",
            [verdict for verdict, score in scored if class_of(score) == name],
        )
        for name, start, end in zip(
            reversed(CLASSES),
            reversed(CLASSES.values()),
            (100, *reversed(CLASSES.values())),
            strict=False,
        )
    ]


def _has_score(verdict: Verdict) -> bool:
    return "score" in verdict.numbers


def _section(title: str, verdicts: Sequence[Verdict]) -> Section | None:
    if not verdicts:
        return None
    number = min(EXAMPLES, len(verdicts))
    chosen = [verdicts[place * len(verdicts) // number] for place in range(number)]
    if chosen[0].width == 0:
        rows = [(str(verdict.path), verdict.detail) for verdict in chosen]
        content = table(("file", "why"), rows)
    else:
        content = cards([part for verdict in chosen for part in _parts(verdict)], "maps")
    return Section(title, (paragraph(f"{number} of {len(verdicts)}", soft=True), content))


def _parts(verdict: Verdict) -> list[Markup]:
    size = f"{verdict.path}, {verdict.width}×{verdict.height} px"
    if _has_score(verdict):
        size += f", score {float(verdict.numbers['score']):.0f}"
    parts = [_figure(verdict.path, f"{size}: {verdict.detail}" if verdict.detail else size)]
    if verdict.like is not None:
        parts.append(_figure(verdict.like, f"{verdict.like}, kept in its place"))
    return parts


def _figure(path: Path, caption: str) -> Markup:
    try:
        picture = read_picture(path)
    except EdgeSdkError as error:
        return paragraph(f"{caption} ({error})")
    pixels, alpha = picture.pixels, picture.metadata.alpha
    share = min(1.0, THUMBNAIL_PX / max(picture.height, picture.width))
    size = (max(1, round(picture.height * share)), max(1, round(picture.width * share)))
    if alpha is not None:
        pixels = pixels * alpha + 0.5 * (1 - alpha)
    shown = torch.clamp(resize_bicubic(pixels, size=size), 0, 1)
    return figure(jpeg(shown, QUALITY, picture.metadata.icc_profile), caption, "smooth")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}"

"""The shell of a report: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from edge_sdk.html.markup import join
from edge_sdk.html.palette import CATEGORIES, OTHERS, REFERENCE, hexadecimal
from edge_sdk.html.templates import part, render, source
from edge_sdk.outputs import replacing

_POLICY = Markup("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
"""What the page may load: nothing. A browser holds it to that."""
_NOT_IN_SCRIPTS = ("<", "&", "]]>")
"""What HTML and XML read differently inside a script."""


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        title: heading.
        content: paragraphs, tables, charts.

    Example:
        >>> from edge_sdk.html import Section
        >>> from edge_sdk.html.page import page, paragraph
        >>> section = Section("Quality", (paragraph("37.05 dB on Set5"),))
        >>> "Quality" in page("sr_x2_y", ["What it reaches."], [section])
        True
    """

    title: str
    content: tuple[Markup, ...]


def page(title: str, lead: Sequence[str], sections: Sequence[Section], *, script: str = "") -> str:
    """A whole HTML page, well-formed as XML too.

    Args:
        title: heading and title of the window.
        lead: paragraphs under the heading: text, or markup.
        sections: what follows.
        script: our own program at the end of the page, a file among the templates without ``<``
            and ``&``. The policy names its SHA-256, so that nothing else runs.
    """
    program, policy = source(script) if script else Markup(""), _POLICY
    assert not any(sign in program for sign in _NOT_IN_SCRIPTS)
    if program:
        digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
        policy += Markup("; script-src 'sha256-{}'").format(digest)
    named = {f"c-{place}": color for place, color in enumerate((REFERENCE, *CATEGORIES))}
    return render(
        "page.html",
        title=title,
        lead=lead,
        sections=sections,
        script=program,
        policy=policy,
        # Colors of maps are the same in both schemes.
        colors=[
            (name, hexadecimal(color)) for name, color in {**named, "c-others": OTHERS}.items()
        ],
    )


def paragraph(*content: str, soft: bool = False) -> Markup:
    """Text between other things; ``soft`` for what may be skipped."""
    return part("paragraph", join(content), soft)


def notes(lines: Sequence[str], *, warn: bool = True) -> Markup:
    """A list of remarks, each in a box of its own."""
    return part("notes", lines, warn)


def cards(contents: Sequence[Markup], layout: str = "thirds") -> Markup:
    """Boxes beside each other where there is room."""
    return part("cards", contents, layout)


def measure(name: str, value: str, chart: Markup, remark: str = "") -> Markup:
    """What a card holds of one measure: its value in large type over a chart."""
    return part("measure", name, value, chart, remark)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Rows under headings; on a narrow screen each row becomes a box with its headings inside."""
    assert all(len(row) == len(columns) for row in rows)
    return part("table", columns, rows)


def write_page(text: str, path: Path) -> None:
    """Write a page; it appears whole or not.

    Args:
        text: the whole page.
        path: the file.

    Raises:
        OutputError: if ``path`` cannot be written.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.html import write_page
        >>> from edge_sdk.html.page import page
        >>> write_page(page("sr_x2_y", ["What it reaches."], []), Path("report.html"))
        >>> Path("report.html").read_text(encoding="utf-8").splitlines()[0]
        '<!DOCTYPE html>'
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""The shell of a report: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.html.markup import Markup, element, join
from edge_sdk.html.style import STYLE
from edge_sdk.outputs import replacing

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
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
        script: our own program at the end of the page, without ``<`` and ``&``. The policy names
            its SHA-256, so that nothing else runs.
    """
    assert not any(sign in script for sign in _NOT_IN_SCRIPTS)
    policy, programs = _POLICY, []
    if script:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = f"{_POLICY}; script-src 'sha256-{digest}'"
        programs = [Markup(f"<script>{script}</script>")]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>'),
        element("title", title),
        Markup(f"<style>{STYLE}</style>"),
    )
    body = element(
        "main",
        element("header", element("h1", title), *(element("p", text) for text in lead)),
        *(
            element("section", element("h2", section.title), *section.content)
            for section in sections
        ),
    )
    root = element("html", head, element("body", body, *programs), lang="en")
    return f"<!DOCTYPE html>\n{root}\n"


def paragraph(*content: str, soft: bool = False) -> Markup:
    """Text between other things; ``soft`` for what may be skipped."""
    return element("p", *content, class_="soft small" if soft else None)


def notes(lines: Sequence[str], *, warn: bool = True) -> Markup:
    """A list of remarks, each in a box of its own."""
    return element(
        "ul",
        *(element("li", line) for line in lines),
        class_="notes" if warn else "notes plain",
    )


def cards(contents: Sequence[Markup], layout: str = "thirds") -> Markup:
    """Boxes beside each other where there is room."""
    return element(
        "div", *(element("div", card, class_="card") for card in contents), class_=f"grid {layout}"
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Rows under headings; on a narrow screen each row becomes a box with its headings inside."""
    head = element("tr", *(element("th", column, scope="col") for column in columns))
    body = [
        element(
            "tr",
            *(
                element("td", element("span", cell), data_label=column)
                for column, cell in zip(columns, row, strict=True)
            ),
        )
        for row in rows
    ]
    return element("table", element("thead", head), element("tbody", *body))


def write_page(text: str, path: Path) -> None:
    """Write a page; it appears whole or not.

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


__all__ = ["Section", "cards", "join", "notes", "page", "paragraph", "table", "write_page"]

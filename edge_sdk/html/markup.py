"""HTML and SVG elements as strings: whatever is not markup already is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_VOID = {"meta", "img", "input", "br", "hr", "rect", "circle", "line", "path"}
"""Elements without content; a slash ends them, which HTML and XML both read."""


_FORBIDDEN = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 excludes, and the carriage return, which parsers turn into a line feed."""


class Markup(str):
    """Text that is HTML already, and safe."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: object) -> Markup:
    """One element.

    Args:
        tag: its name.
        content: text, which is escaped, or markup.
        attributes: an underscore stands for a dash, and one at the end is dropped (``class_``);
            ``None`` leaves the attribute out.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(_text(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID and not content:
        return Markup(f"<{tag}{given}/>")
    return Markup(f"<{tag}{given}>{join(content)}</{tag}>")


def join(parts: Iterable[str]) -> Markup:
    """Parts in a row; those that are no markup are escaped."""
    return Markup(
        "".join(part if isinstance(part, Markup) else html.escape(_clean(part)) for part in parts)
    )


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else _clean(str(value))


def _clean(text: str) -> str:
    """Text with a mark in place of what no page can hold: control signs and lone surrogates."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

"""HTML and SVG elements as strings: whatever is not markup already is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup

_VOID = {"img", "rect", "circle", "line", "path"}
"""Elements without content; a slash ends them, which HTML and XML both read."""


_FORBIDDEN = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 excludes, and the carriage return, which parsers turn into a line feed."""


def element(tag: str, *content: str, **attributes: object) -> Markup:
    """One element.

    Args:
        tag: its name.
        content: text, which is escaped, or markup.
        attributes: an underscore stands for a dash, and one at the end is dropped (``class_``);
            ``None`` leaves the attribute out.
    """
    given = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _text(value))
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID and not content:
        return Markup("<{}{}/>").format(tag, given)
    return Markup("<{0}{1}>{2}</{0}>").format(tag, given, join(content))


def join(parts: Iterable[str]) -> Markup:
    """Parts in a row; those that are no markup are escaped."""
    return Markup("").join(map(clean, parts))


def clean(text: str) -> str:
    """Text with a mark in place of what no page can hold: control signs and lone surrogates."""
    if isinstance(text, Markup):
        return text
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else clean(str(value))

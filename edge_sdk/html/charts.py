"""Charts as inline SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from edge_sdk.html.markup import element
from edge_sdk.html.palette import Color, between, hexadecimal
from edge_sdk.html.templates import part

BAR_PX = 14
STRIP_WIDTH = 1000.0


def before_after(before: float, after: float, labels: tuple[str, str]) -> Markup:
    """Two bars on one scale, each with its label above it."""
    largest = max(before, after, 1e-300)
    parts = []
    for place, (kind, value) in enumerate((("before", before), ("after", after))):
        top = place * 36
        parts.append(element("text", f"{kind}: {labels[place]}", x=0, y=top + 12))
        parts.append(_bar(100 * value / largest, top + 18, f"bar-{kind}"))
    caption = f"before {labels[0]}, after {labels[1]}"
    return _svg(parts, 70, caption)


def margin(value: float, limit: float, floor: float = 1e-17) -> Markup:
    """A value under its limit on a logarithmic scale from ``floor`` to the limit."""
    span = math.log10(limit / floor)
    share = 100 * math.log10(max(value, floor) / floor) / span
    kind = "good" if value <= limit else "low"
    parts = [_bar(100, 4, "track"), _bar(min(max(share, 1.0), 100.0), 4, kind)]
    return _svg(parts, 22, f"{value:.1e} of {limit:.0e} allowed, logarithmic")


def level(value: float | None, text: str, *, top: float, threshold: float) -> Markup:
    """A bar from 0 to ``top`` with a mark at the threshold, and its value under it."""
    if value is None:
        return element("span", text)
    share = 100 * min(max(value, 0.0), top) / top
    at = f"{100 * threshold / top:.2f}%"
    parts = [
        element("rect", x=0, y=2, width="100%", height=8, rx=4, class_="track"),
        element(
            "rect",
            x=0,
            y=2,
            width=f"{share:.2f}%",
            height=8,
            rx=4,
            class_="good" if value >= threshold else "low",
        ),
        element("line", x1=at, x2=at, y1=0, y2=12, class_="mark"),
        element("text", text, x=0, y=26),
    ]
    return element("svg", *parts, width=120, height=32, role="img", aria_label=text)


def strip(segments: Sequence[tuple[float, str, str]], total: float, caption: str) -> Markup:
    """A row of colored pieces, as long as their values on a scale of ``total``.

    Args:
        segments: value, class of the color, and text that a pointer shows.
        total: value of the whole width.
        caption: what it shows, for those who do not see it.
    """
    pieces = []
    start = 0.0
    for value, kind, text in segments:
        width = STRIP_WIDTH * value / max(total, 1e-300)
        gap = min(0.8, width / 4)
        title = element("title", text)
        pieces.append(
            element(
                "rect",
                title,
                x=round(start, 3),
                y=0,
                width=round(width - gap, 3),
                height=40,
                class_=kind,
            )
        )
        start += width
    return element(
        "svg",
        *pieces,
        viewBox=f"0 0 {STRIP_WIDTH:.0f} 40",
        preserveAspectRatio="none",
        height=40,
        role="img",
        aria_label=caption,
    )


def scale(low: Color, high: Color, steps: int, ticks: Sequence[str], caption: str) -> Markup:
    """A scale of colors from left to right, with evenly spaced numbers under it.

    Args:
        low: color of the left end.
        high: color of the right end.
        steps: colors, at least two.
        ticks: from the left end to the right one, at least two.
        caption: what the colors mean.
    """
    width = STRIP_WIDTH / steps
    pieces = [
        element(
            "rect",
            x=round(width * step, 2),
            y=0,
            # They overlap, so that no line shows between them.
            width=round(width + (step < steps - 1), 2),
            height=40,
            fill=hexadecimal(color),
        )
        for step, color in enumerate(between(low, high, steps))
    ]
    strip = element(
        "svg",
        *pieces,
        viewBox=f"0 0 {STRIP_WIDTH:.0f} 40",
        preserveAspectRatio="none",
        width="100%",
        height=BAR_PX,
    )
    last = len(ticks) - 1
    texts = [
        element(
            "text",
            tick,
            x=f"{100 * place / last:.2f}%",
            y=BAR_PX + 16,
            text_anchor="start" if place == 0 else "end" if place == last else "middle",
        )
        for place, tick in enumerate(ticks)
    ]
    named = element("text", caption, x=0, y=BAR_PX + 34)
    return _svg([strip, *texts, named], BAR_PX + 40, f"{caption}, {ticks[0]} to {ticks[-1]}")


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """Colors by name."""
    return part("legend", entries)


def _bar(percent: float, top: float, kind: str) -> Markup:
    return element("rect", x=0, y=top, width=f"{percent:.2f}%", height=BAR_PX, rx=3, class_=kind)


def _svg(parts: Sequence[Markup], height: int, caption: str) -> Markup:
    return element("svg", *parts, width="100%", height=height, role="img", aria_label=caption)

"""Two pictures of one place, one over the other, divided by a line that the reader moves."""

from __future__ import annotations

from markupsafe import Markup

from edge_sdk.html.templates import part

SCRIPT = "slider.js"
"""Moves the line; a page with a slider ends with it."""


def slider(
    addresses: tuple[str, str],
    names: tuple[str, str],
    size: tuple[int, int],
    caption: str,
    *,
    pixelated: bool = False,
) -> Markup:
    """Before at the left of the line, after at its right.

    Args:
        addresses: of both pictures, of one size.
        names: of both, shown in their corners.
        size: height and width, in px.
        caption: what both show.
        pixelated: whether pixels keep their edges where the picture is magnified.
    """
    kind = "pixels" if pixelated else "smooth"
    return part("figure", part("slider", addresses, names, size, caption, kind), caption)

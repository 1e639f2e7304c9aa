"""Colors of maps, chosen so that they stay distinct for readers with a color-vision deficiency."""

from __future__ import annotations

Color = tuple[int, int, int]
"""Red, green and blue, 0 to 255, sRGB."""

CATEGORIES: tuple[Color, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
"""The seven colors of Okabe and Ito (2008) beside black."""
REFERENCE: Color = (32, 36, 42)
"""The reference frame: their black, a little lighter."""
OTHERS: Color = (236, 238, 240)
"""Everything that has no color of its own."""

DOUBTFUL: Color = (191, 92, 0)
CERTAIN: Color = (253, 248, 240)
"""Ends of the scale of confidence: 0 is dark, 1 is light."""
GHOST: Color = (255, 150, 0)
"""What the map of agreement lays over the picture where a frame does not agree."""
ARROW = "#14171a"
"""Arrows on a map of confidence, dark in both schemes, since the map is light in both."""


def hexadecimal(color: Color) -> str:
    """A color as style sheets write it, such as ``#e69f00``."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def between(low: Color, high: Color, steps: int) -> tuple[Color, ...]:
    """Evenly spaced colors from ``low`` to ``high``, both included; at least two steps."""
    return tuple(
        (
            round(low[0] + (high[0] - low[0]) * step / (steps - 1)),
            round(low[1] + (high[1] - low[1]) * step / (steps - 1)),
            round(low[2] + (high[2] - low[2]) * step / (steps - 1)),
        )
        for step in range(steps)
    )

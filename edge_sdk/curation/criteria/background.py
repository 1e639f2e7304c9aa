"""Pictures without a background: cut out, or before an exactly flat one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_sdk.curation.criteria.criterion import Criterion, Finding, Measured
from edge_sdk.curation.opened import Levels, OpenedPicture
from edge_sdk.errors import InputError

LEAST_AREA = 1 / 1000
"""Share of the picture from which on equal pixels are an area: a clipped speck is none."""


@dataclass(frozen=True)
class Background(Criterion):
    """At most a share of the pixels may be transparent, or lie in flat areas at the border.

    Such an area is 4-connected, has exactly one color in 8 bits, touches the border of the picture
    and holds a thousandth of it or more. Noise of a camera breaks areas up, so that a photographed
    sky or wall is none, unless it is clipped.

    Attributes:
        most_share: of the picture's pixels, in [0, 1]; 1 lets everything pass.

    Raises:
        InputError: if it is not in [0, 1].

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.curation import Background
        >>> from edge_sdk.curation.opened import open_picture
        >>> cup = torch.ones(3, 40, 50)
        >>> cup[:, 10:30, 10:35] = torch.rand(3, 20, 25)
        >>> written = write_picture(Picture(cup), "cup.png")
        >>> Background().measure(open_picture("cup.png"))
        {'transparent_share': 0.0, 'flat_share': 0.75}
    """

    name = "background"
    most_share: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.most_share <= 1:
            raise InputError(f"share of background must be in [0, 1], not {self.most_share:g}")

    def measure(self, picture: OpenedPicture) -> Mapping[str, float]:
        """Shares of the picture that are transparent, and that are opaque and flat."""
        transparent = picture.transparent
        return {
            "transparent_share": 0.0 if transparent is None else float(transparent.mean()),
            "flat_share": flat_share(picture.colors, transparent),
        }

    def judge(self, pictures: Sequence[Measured]) -> list[Finding | None]:
        """Leave out what has more of it."""
        return [self._judge(one) for one in pictures]

    def _judge(self, one: Measured) -> Finding | None:
        transparent = float(one.numbers["transparent_share"])
        flat = float(one.numbers["flat_share"])
        if transparent + flat <= self.most_share:
            return None
        return Finding(
            f"{transparent:.1%} transparent and {flat:.1%} flat at the border, more than "
            f"{self.most_share:.1%}"
        )


def flat_share(colors: Levels, transparent: NDArray[np.bool_] | None = None) -> float:
    """Share of a picture in areas of exactly one color that touch its border.

    Args:
        colors: uint8 [H, W, C], C = 1 or 3; not changed.
        transparent: bool [H, W]: pixels that belong to no area.
    """
    import cv2

    height, width = colors.shape[:2]
    least = max(2, height * width * LEAST_AREA)
    # One pixel wider on each side, as OpenCV wants it; what is not 0 is done, or stops an area.
    done = np.zeros((height + 2, width + 2), np.uint8)
    if transparent is not None:
        done[1:-1, 1:-1] = transparent
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (255 << 8)
    flat = 0.0
    for row, column in _border_seeds(colors):
        if not done[row + 1, column + 1]:
            area = float(cv2.floodFill(colors, done, (column, row), 0, 0, 0, flags)[0])
            flat += area if area >= least else 0
    return float(flat / (height * width))


def _border_seeds(colors: Levels) -> Iterator[tuple[int, int]]:
    """Pixels at the border with a neighbor of their color, as rows and columns."""
    alike = np.zeros(colors.shape[:2], bool)
    for side in (np.s_[:2], np.s_[-2:], np.s_[:, :2], np.s_[:, -2:]):
        strip, found = colors[side], alike[side]
        down = (strip[1:] == strip[:-1]).all(2)
        across = (strip[:, 1:] == strip[:, :-1]).all(2)
        found[1:] |= down
        found[:-1] |= down
        found[:, 1:] |= across
        found[:, :-1] |= across
    alike[1:-1, 1:-1] = False
    for row, column in np.argwhere(alike):
        yield int(row), int(column)

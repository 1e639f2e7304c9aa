"""Regions of pictures: a share of the area and an aspect ratio, of which one at least is drawn.

Of a picture of W × H with ratio R = W/H, a region of share s of the area and ratio r = width/height
has width √(s·W·H·r) and height √(s·W·H/r). It fits where s·R ≤ r ≤ R/s, so that

    s ≤ min(r_high/R, R/r_low)

is the largest share that has a ratio of the range. Shares are drawn evenly up to that, and then
ratios evenly in their logarithm among those that fit; nothing is drawn in vain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Rectangle

Bounds = tuple[float, float]
LEAST_PX = 4
"""Least side of a region; below it there is nothing to see in it."""


@dataclass(frozen=True)
class RegionRange:
    """What regions are cut.

    Attributes:
        area_share: least and greatest part of the picture's area, in (0, 1].
        aspect_ratio: least and greatest width over height, above 0.

    Raises:
        InputError: if a range is not in order or out of bounds, or both are fixed: the document
            draws one of the two at least (claim 11).

    Example:
        >>> from edge_sdk.data.recognition.regions import RegionRange
        >>> import numpy as np
        >>> region = RegionRange((0.25, 0.25), (0.5, 2.0)).draw(100, 200, np.random.default_rng(0))
        >>> region.width, region.height
        (60, 83)
    """

    area_share: Bounds = (0.25, 1.0)
    aspect_ratio: Bounds = (0.75, 4 / 3)

    def __post_init__(self) -> None:
        (least, most), (narrow, wide) = self.area_share, self.aspect_ratio
        if not 0 < least <= most <= 1:
            raise InputError(
                f"area_share {least:g}, {most:g}: give two numbers in order, above 0 and up to 1"
            )
        if not 0 < narrow <= wide < math.inf:
            raise InputError(
                f"aspect_ratio {narrow:g}, {wide:g}: give two numbers in order, above 0"
            )
        if least == most and narrow == wide:
            raise InputError(
                f"area_share {least:g} and aspect_ratio {narrow:g} are both fixed; give a range "
                "for one of them (claim 11)"
            )

    def check(self, height: int, width: int, name: str) -> None:
        """Make sure that a picture has room for every region.

        Args:
            height: of the picture, in pixels.
            width: likewise.
            name: what a message calls it.

        Raises:
            PictureError: if no region fits, or the smallest has a side below :data:`LEAST_PX`.
        """
        (least, _), (narrow, wide) = self.area_share, self.aspect_ratio
        if least > self._greatest_share(height, width) * (1 + 1e-9):
            raise PictureError(
                f"{name}: {width}×{height} px have no room for {least:.0%} of the area at an "
                f"aspect ratio of {narrow:g} to {wide:g}; leave it out, or widen the ranges"
            )
        side = math.sqrt(least * height * width * min(narrow, 1 / wide))
        if side < LEAST_PX:
            raise PictureError(
                f"{name}: {width}×{height} px are smaller than a cut, whose side would be "
                f"{side:.1f} px where {LEAST_PX} are the least; leave it out, or raise area_share"
            )

    def draw(self, height: int, width: int, generator: np.random.Generator) -> Rectangle:
        """A region of a picture that :meth:`check` passes.

        Args:
            height: of the picture, in pixels.
            width: likewise.
            generator: what draws it.

        Returns:
            A rectangle on the picture, whose sides are rounded to pixels.
        """
        least, most = self.area_share
        narrow, wide = self.aspect_ratio
        ratio = width / height
        most = max(least, min(most, self._greatest_share(height, width)))
        share = least + (most - least) * generator.random()
        low, high = max(narrow, share * ratio), min(wide, ratio / share)
        position = generator.random()
        drawn = low * (max(high, low) / low) ** position
        area = share * height * width
        return _placed(math.sqrt(area / drawn), math.sqrt(area * drawn), height, width, generator)

    def whole(self, height: int, width: int) -> Rectangle:
        """The largest region in the middle of a picture, of the mean ratio of the range.

        The mean is geometric, so that it is the same for a picture on its side.
        """
        ratio = math.sqrt(self.aspect_ratio[0] * self.aspect_ratio[1])
        rows, columns = min(height, width / ratio), min(width, height * ratio)
        return _placed(rows, columns, height, width, None)

    def _greatest_share(self, height: int, width: int) -> float:
        narrow, wide = self.aspect_ratio
        ratio = width / height
        return min(1.0, wide / ratio, ratio / narrow)


def _placed(
    rows: float, columns: float, height: int, width: int, generator: np.random.Generator | None
) -> Rectangle:
    rounded_rows = min(height, max(1, round(rows)))
    rounded_columns = min(width, max(1, round(columns)))
    free = (height - rounded_rows, width - rounded_columns)
    if generator is None:
        top, left = (each // 2 for each in free)
    else:
        top, left = (int(generator.integers(each + 1)) for each in free)
    return Rectangle(left=left, top=top, width=rounded_columns, height=rounded_rows)

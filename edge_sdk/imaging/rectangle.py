"""A rectangle of pixels."""

from __future__ import annotations

from dataclasses import dataclass

from edge_sdk.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Rectangle:
    """Columns [left, left + width) and rows [top, top + height) of a picture, in its pixels.

    It may lie beyond the picture's edge; callers that need it inside call :meth:`check`. Its sides
    go by name alone, so that none can be taken for another.

    Attributes:
        left: first column.
        top: first row.
        width: columns.
        height: rows.

    Example:
        >>> from edge_sdk import Rectangle
        >>> Rectangle.parse("200,100,640,480")
        Rectangle(left=200, top=100, width=640, height=480)
        >>> Rectangle(left=0, top=0, width=64, height=48).lies_on(height=48, width=64)
        True
    """

    left: int
    top: int
    width: int
    height: int

    @staticmethod
    def parse(text: str) -> Rectangle:
        """Read ``X,Y,WIDTH,HEIGHT``.

        Raises:
            InputError: if the text is something else.
        """
        try:
            left, top, width, height = (int(part) for part in text.split(","))
        except ValueError as error:
            raise InputError(
                f"crop {text!r} is not X,Y,WIDTH,HEIGHT; give four whole numbers such as "
                "200,100,640,480"
            ) from error
        return Rectangle(left=left, top=top, width=width, height=height)

    def lies_on(self, height: int, width: int) -> bool:
        """Whether it holds a pixel and lies wholly on a picture of ``height`` × ``width``."""
        starts_inside = min(self.left, self.top) >= 0 and min(self.width, self.height) > 0
        return (
            starts_inside and self.left + self.width <= width and self.top + self.height <= height
        )

    def check(self, height: int, width: int, smallest_px: int) -> None:
        """Make sure that it lies on frames of ``height`` × ``width`` and is large enough.

        Raises:
            InputError: if not.
        """
        text = f"{self.left},{self.top},{self.width},{self.height}"
        if min(self.width, self.height) < smallest_px:
            raise InputError(
                f"crop {text} (x,y,width,height) is too small; give at least "
                f"{smallest_px}×{smallest_px} px"
            )
        if not self.lies_on(height, width):
            raise InputError(
                f"crop {text} (x,y,width,height) does not lie on the frames, which are "
                f"{width}×{height} px"
            )

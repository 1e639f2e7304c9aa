"""Sizes of pictures that one file takes, from the least to the most."""

from __future__ import annotations

from dataclasses import dataclass

from edge_sdk.errors import InputError

Size = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class SizeRange:
    """Heights and widths that a file takes; each side for itself.

    Attributes:
        least: smallest height and width in pixels, at least 2.
        most: largest; memory is planned for it.

    Raises:
        InputError: if a side is below 2, or both sides have no more than one size.

    Example:
        >>> from edge_sdk import SizeRange
        >>> SizeRange((32, 48), (256, 192)).corners
        ((32, 48), (256, 192), (32, 192), (256, 48))
    """

    least: Size
    most: Size

    def __post_init__(self) -> None:
        for size in (self.least, self.most):
            if (
                not isinstance(size, tuple)
                or len(size) != 2
                or not all(isinstance(side, int) for side in size)
            ):
                raise InputError(
                    f"a size is a height and a width in pixels, such as (32, 48), not {size!r}"
                )
        sides = tuple(zip(self.least, self.most, strict=True))
        # Compilers of graphs take a side of 0 or 1 for another case than all the others.
        if not all(2 <= low <= high for low, high in sides) or self.least == self.most:
            raise InputError(
                f"sizes {self} are no range; give a least and a larger most, 2 px or more each, "
                "such as 32x32..512x512; one size has no dots, such as 64x64"
            )

    def __str__(self) -> str:
        return "..".join(f"{height}x{width}" for height, width in (self.least, self.most))

    @property
    def corners(self) -> tuple[Size, ...]:
        """The least and the most, then the lowest and widest, and the highest and narrowest."""
        (low, narrow), (high, wide) = self.least, self.most
        return tuple(dict.fromkeys(((low, narrow), (high, wide), (low, wide), (high, narrow))))

    @property
    def probed(self) -> tuple[Size, ...]:
        """Sizes that every model of the range takes: the corners, and one between, on their grid.

        What a model halves, it can halve again at a multiple of its least size.
        """
        (low, narrow), (high, wide) = self.least, self.most
        between = tuple(
            least * ((least + most) // 2 // least) for least, most in ((low, high), (narrow, wide))
        )
        return tuple(dict.fromkeys((*self.corners, (between[0], between[1]))))

    @property
    def odd(self) -> Size:
        """A size next to the corners, of which models that halve do not take every one."""
        (low, narrow), (high, wide) = self.least, self.most
        return min(low + 1, high), max(wide - 1, narrow)

    def shapes(self, example: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The smallest and the largest shape N×C×H×W of an input like ``example``."""
        return (*example[:2], *self.least), (*example[:2], *self.most)

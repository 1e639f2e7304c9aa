"""A picture as criteria look at it: 8-bit levels, and the picture itself where one wants it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge_sdk.imaging.decoding import Decoded, Samples
from edge_sdk.imaging.picture_files import read_decoded

if TYPE_CHECKING:
    from edge_sdk.imaging import Picture

Levels = NDArray[np.uint8]
TRANSPARENT_BELOW = 128
"""Opacity, of 255, below which a pixel counts as transparent."""


@dataclass(frozen=True, eq=False)
class OpenedPicture:
    """A picture, upright, as levels of 8 bits.

    Attributes:
        decoded: what the file held.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.curation.opened import open_picture
        >>> written = write_picture(Picture(torch.rand(3, 20, 30)), "photo.png")
        >>> picture = open_picture("photo.png")
        >>> picture.width, picture.height, picture.colors.dtype, picture.transparent is None
        (30, 20, dtype('uint8'), True)
    """

    decoded: Decoded

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self.decoded.samples.shape[0])

    @property
    def width(self) -> int:
        """Number of columns."""
        return int(self.decoded.samples.shape[1])

    @cached_property
    def colors(self) -> Levels:
        """Levels uint8 [H, W, C], C = 1 gray or 3 red, green, blue; 16 bits are rounded to 8."""
        return _to_8_bit(self.decoded.samples[..., : self.decoded.colors])

    @cached_property
    def opacity(self) -> Levels | None:
        """Opacity uint8 [H, W], 255 opaque; ``None`` where the file says nothing of it."""
        if self.decoded.samples.shape[2] == self.decoded.colors:
            return None
        return _to_8_bit(self.decoded.samples[..., self.decoded.colors])

    @cached_property
    def transparent(self) -> NDArray[np.bool_] | None:
        """Bool [H, W]: which pixels are less than half opaque; ``None`` where all are opaque."""
        return None if self.opacity is None else self.opacity < TRANSPARENT_BELOW

    @cached_property
    def picture(self) -> Picture:
        """The picture as the rest of the SDK takes it: float32 [3, H, W] in [0, 1]."""
        from edge_sdk.imaging.reading import picture_of

        return picture_of(self.decoded)


def open_picture(path: Path | str) -> OpenedPicture:
    """Read a picture file.

    Raises:
        PictureError: as :func:`edge_sdk.imaging.read_picture`.
        MissingExtraError: as :func:`edge_sdk.imaging.read_picture`.
    """
    return OpenedPicture(read_decoded(path))


def _to_8_bit(samples: Samples) -> Levels:
    """Rounded half up, as pictures are written: ⌊255·v/65535 + 1/2⌋; contiguous and writable."""
    if samples.dtype != np.uint8:
        return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.require(samples, np.uint8, ("C", "W"))

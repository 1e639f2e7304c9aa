"""What a caller must know of a model to feed it: scale, colour, sizes, halo."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Task(StrEnum):
    """What a model does to a picture."""

    SUPER_RESOLUTION = "super-resolution"
    """Output is ``scale`` times larger than the input in each direction."""


class Colour(StrEnum):
    """What the channels of input and output mean."""

    Y = "y"
    """One channel: BT.601 luma in studio swing, (16 … 235)/255, values in [0, 1]."""
    RGB = "rgb"
    """Three channels: sRGB-encoded red, green, blue, values in [0, 1]."""

    @property
    def channels(self) -> int:
        """Number of channels."""
        return 1 if self is Colour.Y else 3


@dataclass(frozen=True)
class ModelSpec:
    """Contract between a model and whoever tiles, converts or runs it.

    Attributes:
        architecture: registry name of the architecture, such as ``enhance_net``.
        task: what the model does.
        scale: output size over input size.
        colour: meaning of the channels.
        size_multiple: input height and width must be multiples of this.
        halo_px: input pixels around a tile that influence the tile's output; a tile read with this
            margin gives the same output as the whole picture.
    """

    architecture: str
    task: Task
    scale: int
    colour: Colour
    size_multiple: int
    halo_px: int

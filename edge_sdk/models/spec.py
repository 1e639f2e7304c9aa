"""What a caller must know of a model to feed it: channels and sizes; then by what it returns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.models.normalization import Normalization

RECOGNITION = "recognition"
"""Task of a model that says which class a picture belongs to; it makes no picture."""
QUALITY = "quality"
"""Task of a model that says how good a picture is: its classes are levels of the score."""


class Task(StrEnum):
    """What the SDK's own models do to a picture; models of others may have tasks of their own.

    Example:
        >>> from edge_sdk.models import Task
        >>> Task("super-resolution") is Task.SUPER_RESOLUTION
        True
    """

    SUPER_RESOLUTION = "super-resolution"
    """Output is ``scale`` times larger than the input in each direction."""
    DOWN_SCALING = "down-scaling"
    """Output is ``reduction`` times smaller than the input in each direction."""
    DENOISING = "denoising"
    """Output has the size of the input."""
    RESTORATION = "restoration"
    """Output has the size of the input, which was blurred, reduced, noisy or compressed."""
    BURST_ZOOM = "burst-zoom"
    """Input is what :class:`~edge_sdk.burst.stages.blend.Blend` makes of the sums of a burst, of
    the size of a frame; output is ``scale`` times larger."""


class Color(StrEnum):
    """What the channels of input and output mean.

    Example:
        >>> from edge_sdk.models import Color
        >>> Color.Y.channels, Color.RGB.channels
        (1, 3)
    """

    Y = "y"
    """One channel: BT.601 luma in studio swing, (16 … 235)/255, values in [0, 1]."""
    RGB = "rgb"
    """Three channels: sRGB-encoded red, green, blue, values in [0, 1]."""

    @property
    def channels(self) -> int:
        """Number of channels."""
        return 1 if self is Color.Y else 3


def burst_channels(scale: int) -> int:
    """Number of features of a burst, 4·scale² + 8.

    Three colors and their noise at each of scale² phases; the colors of the frames' mean and of
    the reference, the noise of one frame, and the blur of the lens.
    """
    return 4 * scale**2 + 8


@runtime_checkable
class ModelSpec(Protocol):
    """Contract between a model of one input and whoever converts or runs it.

    What a model returns is said by the spec of its kind: :class:`PictureSpec` for one that makes
    pictures of pictures, :class:`RecognitionSpec` for one that tells classes apart. Code that works
    on pictures asks for the first.

    Example:
        >>> from edge_sdk import load_model
        >>> from edge_sdk.models import ModelSpec
        >>> isinstance(load_model("sr_x2_y").spec, ModelSpec)
        True
    """

    @property
    def architecture(self) -> str:
        """Registry name of the architecture, such as ``enhance_net``."""
        ...

    @property
    def task(self) -> str:
        """What the model does: a :class:`Task`, or a name of its own."""
        ...

    @property
    def input_channels(self) -> int:
        """Channels C of an input N×C×H×W."""
        ...

    @property
    def size_multiple(self) -> int:
        """Input height and width must be multiples of this."""
        ...


@dataclass(frozen=True)
class PictureSpec:
    """Contract between a model that makes pictures and whoever tiles, converts or runs it.

    An input of H × W gives an output of scale·H/reduction × scale·W/reduction.

    Attributes:
        architecture: registry name of the architecture, such as ``enhance_net``.
        task: what the model does: a :class:`Task`, or a name of its own.
        scale: output size over input size where the model enlarges, else 1.
        color: meaning of the channels.
        size_multiple: input height and width must be multiples of this.
        halo_px: input pixels around a tile that influence the tile's output; a tile read with this
            margin gives the same output as the whole picture. Tiles start and end at multiples of
            ``size_multiple``.
        reduction: input size over output size where the model shrinks, else 1; it divides
            ``size_multiple``.

    Raises:
        InputError: if a size is not positive, ``halo_px`` is negative, or ``size_multiple`` is no
            multiple of ``reduction``.

    Example:
        >>> from edge_sdk import load_model
        >>> spec = load_model("sr_x2_y").spec
        >>> spec.scale, str(spec.color), spec.size_multiple
        (2, 'y', 1)
    """

    architecture: str
    task: str
    scale: int
    color: Color
    size_multiple: int
    halo_px: int
    reduction: int = 1

    @property
    def input_channels(self) -> int:
        """Channels of an input: those of the color, or the features of a burst."""
        if self.task == Task.BURST_ZOOM:
            return burst_channels(self.scale)
        return self.color.channels

    def __post_init__(self) -> None:
        if min(self.scale, self.size_multiple, self.reduction) < 1 or self.halo_px < 0:
            raise InputError(
                f"scale {self.scale}, size_multiple {self.size_multiple} and reduction "
                f"{self.reduction} must be at least 1 and halo_px {self.halo_px} at least 0"
            )
        if self.size_multiple % self.reduction:
            raise InputError(
                f"size_multiple {self.size_multiple} must be a multiple of reduction "
                f"{self.reduction}"
            )


@dataclass(frozen=True)
class RecognitionSpec:
    """Contract between a model that tells classes apart and whoever converts or runs it.

    An input N×C×H×W, sRGB in [0, 1], gives N×K scores (logits), one for each class.

    Attributes:
        architecture: registry name of the architecture, such as ``recognition_net``.
        classes: names of the K classes, in the order of the scores.
        preview_px: side of the square that pictures are resized to; other sizes run too.
        normalization: what is done to the values first, by the caller; ``None`` for nothing.
        input_channels: channels C of an input.
        size_multiple: input height and width must be multiples of this.
        task: what the model does.

    Example:
        >>> from edge_sdk.models import RecognitionNetConfig
        >>> from edge_sdk.models.architecture import spec_of
        >>> spec = spec_of(RecognitionNetConfig(classes=("blurred", "sharp")))
        >>> spec.classes, spec.preview_px, spec.normalization
        (('blurred', 'sharp'), 224, None)
    """

    architecture: str
    classes: tuple[str, ...]
    preview_px: int
    normalization: Normalization | None = None
    input_channels: int = 3
    size_multiple: int = 1
    task: str = RECOGNITION

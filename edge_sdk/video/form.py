"""What all frames of a clip have in common: size, rate, how chroma is sampled, matrix and range."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from torch import Tensor

from edge_sdk.errors import InputError

HD_LINES = 720
"""Rows from which on a clip that does not name its matrix is taken for BT.709."""
LARGEST_SIDE_PX = 32_768
Frame = tuple[Tensor, ...]
"""Planes of a frame, uint8 [h, w]: Y; Y, U, V (that is Y, Cb, Cr); or red, green, blue."""


class Matrix(StrEnum):
    """How luma and chroma are mixed from red, green and blue.

    Example:
        >>> from edge_sdk.video import Matrix
        >>> Matrix("bt709").weights
        (0.2126, 0.0722)
    """

    BT601 = "bt601"
    BT709 = "bt709"

    @property
    def weights(self) -> tuple[float, float]:
        """Shares of red and of blue in luma, Kr and Kb; the rest is green."""
        return (0.299, 0.114) if self is Matrix.BT601 else (0.2126, 0.0722)


class Swing(StrEnum):
    """Which of the 256 levels are used.

    Example:
        >>> from edge_sdk.video import Swing
        >>> Swing.LIMITED.luma, Swing.FULL.luma
        ((16, 219), (0, 255))
    """

    LIMITED = "limited"
    """Luma 16 to 235, chroma 16 to 240."""
    FULL = "full"
    """All, as in JPEG."""

    @property
    def luma(self) -> tuple[int, int]:
        """Level of black, and levels from there to white."""
        return (16, 219) if self is Swing.LIMITED else (0, 255)

    @property
    def chroma(self) -> tuple[int, int]:
        """Level of gray, and levels from the least to the greatest chroma."""
        return (128, 224) if self is Swing.LIMITED else (128, 255)


class Sampling(StrEnum):
    """Which planes a frame has, and where its chroma samples lie; named as Y4M does.

    Example:
        >>> from edge_sdk.video import Sampling
        >>> Sampling.C420MPEG2.step, Sampling.C420MPEG2.offsets(1)
        ((2, 2), (0.0, 0.5))
    """

    MONO = "mono"
    """Luma alone."""
    C420JPEG = "420jpeg"
    """A sample for 2×2 pixels, in their middle."""
    C420MPEG2 = "420mpeg2"
    """A sample for 2×2 pixels, in the left column, between the rows; what H.264 has."""
    C420PALDV = "420paldv"
    """A sample for 2×2 pixels in the left column: V in the upper row, U in the lower."""
    C422 = "422"
    """A sample for two pixels of a row, on the left one."""
    C444 = "444"
    """A sample for each pixel."""
    RGB = "rgb"
    """Red, green, blue, as containers give them; no form of Y4M."""

    @property
    def step(self) -> tuple[int, int]:
        """Columns and rows of pixels that one chroma sample stands for."""
        if self in (Sampling.C420JPEG, Sampling.C420MPEG2, Sampling.C420PALDV):
            return (2, 2)
        return (2, 1) if self is Sampling.C422 else (1, 1)

    def offsets(self, plane: int) -> tuple[float, float]:
        """Where the first sample of plane 1 or 2 lies: (x, y) in pixels from the first pixel."""
        if self is Sampling.C420JPEG:
            return (0.5, 0.5)
        if self is Sampling.C420MPEG2:
            return (0.0, 0.5)
        return (0.0, 1.0) if self is Sampling.C420PALDV and plane == 1 else (0.0, 0.0)

    @property
    def planes(self) -> int:
        """Number of planes."""
        return 1 if self is Sampling.MONO else 3


@dataclass(frozen=True)
class ClipForm:
    """What every frame of a clip is.

    Attributes:
        width: columns of luma.
        height: rows of luma.
        sampling: planes, and where chroma lies. Odd sides are fine: ⌈width/2⌉ chroma samples.
        fps: frames a second; ``None`` if unknown.
        pixel_aspect: width of a pixel over its height; ``None`` if unknown.
        matrix: of luma and chroma.
        swing: levels that are used.
        comments: other ``X`` tags of a Y4M header, without the X; they are kept.

    Raises:
        InputError: if a side is not 1 to 32,768 px.

    Example:
        >>> from edge_sdk.video import ClipForm, Sampling
        >>> form = ClipForm(5, 3, Sampling.C420JPEG)
        >>> form.plane_sizes, form.frame_bytes
        (((3, 5), (2, 3), (2, 3)), 27)
    """

    width: int
    height: int
    sampling: Sampling = Sampling.C420JPEG
    fps: Fraction | None = None
    pixel_aspect: Fraction | None = None
    matrix: Matrix = Matrix.BT601
    swing: Swing = Swing.LIMITED
    comments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= min(self.width, self.height) <= max(self.width, self.height) <= LARGEST_SIDE_PX:
            raise InputError(
                f"frames of {self.width}×{self.height} px are not possible; sides are 1 to "
                f"{LARGEST_SIDE_PX} px"
            )

    @property
    def plane_sizes(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of each plane."""
        columns, rows = self.sampling.step
        chroma = (-(-self.height // rows), -(-self.width // columns))
        return ((self.height, self.width), chroma, chroma)[: self.sampling.planes]

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame's planes."""
        return sum(height * width for height, width in self.plane_sizes)


def usual_matrix(height: int) -> Matrix:
    """The matrix of a clip that does not name its own: by its height, as players do.

    Example:
        >>> from edge_sdk.video.form import usual_matrix
        >>> str(usual_matrix(576)), str(usual_matrix(1080))
        ('bt601', 'bt709')
    """
    return Matrix.BT709 if height >= HD_LINES else Matrix.BT601


def same_frames(first: Frame, second: Frame) -> bool:
    """Whether two frames are equal bit for bit."""
    return len(first) == len(second) and all(map(_equal, first, second))


def _equal(first: Tensor, second: Tensor) -> bool:
    return first is second or bool(first.equal(second))

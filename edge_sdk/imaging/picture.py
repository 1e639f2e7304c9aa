"""A picture in memory: its pixels, and the metadata of its file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.imaging.descriptions import NO_DESCRIPTIONS, Descriptions
from edge_sdk.imaging.raw_noise import RawNoise
from edge_sdk.imaging.resize import resize_bicubic

BitDepth = Literal[8, 16]


@dataclass(frozen=True, eq=False)
class Metadata:
    r"""What a file holds beside red, green and blue, kept so that it can be written again.

    Attributes:
        exif: EXIF block (``Exif\0\0`` and a TIFF structure) with orientation 1, or None.
        icc_profile: color profile that says what the pixel values mean, or None for sRGB.
        bit_depth: bits per channel on file.
        alpha: opacity, float32 [1, H, W] in [0, 1], not premultiplied, or None if opaque.
        gray: the file had one channel; it is written with one channel again.
        raw_noise: noise of the samples that a raw file states (a DNG's NoiseProfile), or None; it
            is not written.
        descriptions: XMP, texts of a PNG, and what else the file said of its picture.

    Raises:
        InputError: if a value is not one of these.

    Example:
        >>> import torch
        >>> from edge_sdk import Metadata, Picture
        >>> gray = torch.rand(1, 20, 30).expand(3, -1, -1)
        >>> scan = Picture(gray, Metadata(bit_depth=16, gray=True))
        >>> scan.metadata.bit_depth, scan.metadata.gray
        (16, True)
    """

    exif: bytes | None = None
    icc_profile: bytes | None = None
    bit_depth: BitDepth = 8
    alpha: Tensor | None = None
    gray: bool = False
    raw_noise: RawNoise | None = None
    descriptions: Descriptions = NO_DESCRIPTIONS

    def __post_init__(self) -> None:
        if self.bit_depth not in (8, 16):
            raise InputError(f"bit_depth must be 8 or 16, not {self.bit_depth}")
        if self.alpha is not None:
            _check_plane("alpha", self.alpha, channels=1)


@dataclass(frozen=True, eq=False)
class Picture:
    """Upright pixels with their metadata.

    Attributes:
        pixels: float32 [3, H, W], red, green, blue, encoded as on file: in sRGB, or as
            ``metadata.icc_profile`` says. Nominally in [0, 1]; what lies outside is clipped when
            the picture is written. A gray picture has three equal channels.
        metadata: what the file held beside them.

    Raises:
        InputError: if pixels or alpha have another shape or dtype, hold a NaN or an infinity, or
            disagree in size.

    Example:
        >>> import torch
        >>> from edge_sdk import Metadata, Picture
        >>> picture = Picture(torch.rand(3, 20, 30), Metadata(alpha=torch.ones(1, 20, 30)))
        >>> larger = picture.with_pixels(torch.rand(3, 40, 60))
        >>> larger.width, larger.height, tuple(larger.metadata.alpha.shape)
        (60, 40, (1, 40, 60))
    """

    pixels: Tensor
    metadata: Metadata = field(default_factory=Metadata)

    def __post_init__(self) -> None:
        _check_plane("pixels", self.pixels, channels=3)
        alpha = self.metadata.alpha
        if alpha is not None and alpha.shape[1:] != self.pixels.shape[1:]:
            raise InputError(
                f"alpha is {alpha.shape[2]}×{alpha.shape[1]} px but the pixels are "
                f"{self.width}×{self.height} px; resize alpha with the pixels"
            )

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.pixels.shape[1]

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.pixels.shape[2]

    def with_pixels(self, pixels: Tensor) -> Picture:
        """The same picture with other pixels, such as an enhanced or enlarged version of them.

        Args:
            pixels: float32 [3, H', W'] in the same encoding; alpha is resized bicubically to it.

        Raises:
            InputError: if ``pixels`` do not make a picture.
        """
        metadata = self.metadata
        if metadata.alpha is not None and metadata.alpha.shape[1:] != pixels.shape[1:]:
            _check_plane("pixels", pixels, channels=3)
            size = (pixels.shape[1], pixels.shape[2])
            alpha = resize_bicubic(metadata.alpha, size=size).clamp(0, 1)
            metadata = replace(metadata, alpha=alpha)
        return Picture(pixels, metadata)


def to_levels(image: Tensor, bit_depth: BitDepth = 8) -> Tensor:
    """Integer levels of an image: clip(⌊(2ᵇ − 1)·x + 1/2⌋, 0, 2ᵇ − 1), which rounds half up.

    Args:
        image: float, any shape, nominally in [0, 1].
        bit_depth: b.

    Returns:
        int32, same shape, in [0, 2ᵇ − 1].

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import to_levels
        >>> to_levels(torch.tensor([-0.1, 0.0, 0.5, 1.0])).tolist()
        [0, 0, 128, 255]
        >>> to_levels(torch.tensor([1.0]), bit_depth=16).tolist()
        [65535]
    """
    top = (1 << bit_depth) - 1
    return (image * top + 0.5).floor().clamp(0, top).to(torch.int32)


def quantize(image: Tensor, bit_depth: BitDepth = 8) -> Tensor:
    """Round an image to what a file of ``bit_depth`` holds; see :func:`to_levels`.

    Args:
        image: float, any shape, nominally in [0, 1].
        bit_depth: bits per channel.

    Returns:
        Same shape and dtype, in [0, 1].

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import quantize
        >>> round(255 * float(quantize(torch.tensor(0.5))), 3)
        128.0
    """
    return to_levels(image, bit_depth).to(image.dtype) / ((1 << bit_depth) - 1)


def _check_plane(name: str, plane: Tensor, channels: int) -> None:
    if plane.dtype != torch.float32 or plane.ndim != 3 or plane.shape[0] != channels:
        raise InputError(
            f"{name} must be float32 [{channels}, H, W], not {plane.dtype} {list(plane.shape)}"
        )
    if plane.numel() == 0:
        raise InputError(f"{name} of shape {list(plane.shape)} hold nothing; give at least 1×1 px")
    low, high = torch.aminmax(plane.detach())
    if not (torch.isfinite(low) and torch.isfinite(high)):
        raise InputError(f"{name} hold a NaN or an infinity; fix what computed them")

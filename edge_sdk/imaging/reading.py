"""Reading pictures with all that they hold."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging.decoding import Decoded, Samples
from edge_sdk.imaging.picture import Metadata, Picture
from edge_sdk.imaging.picture_files import decoded_bytes, read_decoded


def read_picture(path: Path | str) -> Picture:
    """Read a JPEG, PNG, BMP, WebP, TIFF, HEIC or raw file; its content says which, not its suffix.

    Pixels come upright: EXIF orientation is applied and then 1 in the EXIF kept, from which the
    thumbnail and tags on file layout are removed. 16-bit PNG and TIFF keep 16 bits. Gray becomes
    three equal channels, a palette the colors it stands for, CMYK sRGB by its profile. Of a JPEG
    that holds several pictures (a gain map, a depth map) the first is read, and previews in a TIFF
    are passed over; animations and several pages are refused. A JPEG that lost data in its middle
    but kept its end marker is not distinguished from a whole one: libjpeg fills the gap with gray.
    Of a HEIC file the main picture is read; more than 8 bits become 16.
    DNG and other raw files are developed as :func:`edge_sdk.imaging.raw.decode_raw` says.

    Args:
        path: the file.

    Returns:
        Pixels float32 [3, H, W] in [0, 1], upright, with what the file held beside them.

    Raises:
        PictureError: if it is missing, a folder, not readable, empty, not a picture, truncated or
            damaged, larger than 178 million pixels (the limit of Pillow), of several pictures, or
            CMYK without a profile. The message names the file.
        MissingExtraError: if it is a raw file and the extra ``raw`` is not installed, or a HEIC
            file and the extra ``heic`` is not.

    Example:
        >>> import torch
        >>> from edge_sdk import Metadata, Picture, read_picture, write_picture
        >>> deep = Picture(torch.rand(3, 20, 30), Metadata(bit_depth=16))
        >>> written = write_picture(deep, "deep.png")
        >>> picture = read_picture("deep.png")
        >>> picture.width, picture.height, picture.metadata.bit_depth
        (30, 20, 16)
    """
    return picture_of(read_decoded(path))


def picture_from_bytes(data: bytes, name: str) -> Picture:
    """Decode the contents of a file as :func:`read_picture` does.

    Args:
        data: the contents, of a file or a pipe.
        name: what messages call it.

    Raises:
        PictureError: as :func:`read_picture`.
        MissingExtraError: as :func:`read_picture`.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.imaging.reading import picture_from_bytes
        >>> written = write_picture(Picture(torch.rand(3, 20, 30)), "photo.png")
        >>> picture_from_bytes(Path("photo.png").read_bytes(), "a picture").width
        30
    """
    return picture_of(decoded_bytes(data, name))


def read_frames(paths: Iterable[Path | str]) -> list[Picture]:
    """Read the frames of a burst, all of one size after orientation.

    Args:
        paths: the files, at least one.

    Raises:
        InputError: if there are none.
        PictureError: if one cannot be read, or differs in size from the first.

    Example:
        >>> import torch
        >>> from edge_sdk.imaging import Picture, read_frames, write_picture
        >>> names = ["0.png", "1.png", "2.png"]
        >>> written = [write_picture(Picture(torch.rand(3, 20, 30)), name) for name in names]
        >>> torch.stack([frame.pixels for frame in read_frames(names)]).shape
        torch.Size([3, 3, 20, 30])
    """
    frames: list[Picture] = []
    first: Path | str = ""
    for path in paths:
        frame = read_picture(path)
        if not frames:
            first = path
        elif frame.pixels.shape != frames[0].pixels.shape:
            raise PictureError(
                f"{path}: is {frame.width}×{frame.height} px but {first} is {frames[0].width}×"
                f"{frames[0].height} px; the frames of a burst have one size"
            )
        frames.append(frame)
    if not frames:
        raise InputError("a burst needs at least one frame; name the files")
    return frames


def picture_of(decoded: Decoded) -> Picture:
    """Levels as a picture: pixels float32 [3, H, W] in [0, 1], and the rest of what a file held."""
    colors = _planes(decoded.samples[..., : decoded.colors])
    pixels = colors.repeat(3, 1, 1) if decoded.colors == 1 else colors
    return Picture(pixels, metadata_of(decoded))


def metadata_of(decoded: Decoded) -> Metadata:
    """What a file held beside its pixels."""
    alpha = decoded.samples[..., decoded.colors :]
    return Metadata(
        exif=decoded.exif,
        icc_profile=decoded.icc_profile,
        bit_depth=decoded.depth,
        alpha=_planes(alpha) if alpha.shape[2] else None,
        gray=decoded.colors == 1,
        raw_noise=decoded.raw_noise,
        descriptions=decoded.descriptions,
    )


def _planes(samples: Samples) -> Tensor:
    """Levels [H, W, C] as float32 [C, H, W] in [0, 1]."""
    planes = np.ascontiguousarray(samples.transpose(2, 0, 1), dtype=np.float32)
    planes /= 255 if samples.dtype == np.uint8 else 65535
    return torch.from_numpy(planes)

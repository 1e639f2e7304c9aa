"""Writing pictures without losing what they hold, or saying what was lost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from edge_sdk.errors import InputError, OutputError
from edge_sdk.imaging.descriptions import described, left_out
from edge_sdk.imaging.encoding import FORMATS, JPEG, TIFF, Format, Samples, encode
from edge_sdk.imaging.exif import resized_exif
from edge_sdk.imaging.picture import Picture, to_levels
from edge_sdk.outputs import check_writable, replacing

_BLOCK_ROWS = 256
_LUMA = (0.299, 0.587, 0.114)
_JPEG_EXIF_LIMIT = 65_533


@dataclass(frozen=True)
class WrittenPicture:
    """What became of a picture that was written.

    Attributes:
        path: the file.
        notes: one sentence for each thing that the format could not hold; empty if all is there.

    Example:
        >>> import torch
        >>> from edge_sdk import Metadata, Picture, write_picture
        >>> picture = Picture(torch.rand(3, 8, 8), Metadata(alpha=torch.ones(1, 8, 8)))
        >>> written = write_picture(picture, "opaque.jpg")
        >>> written.path.name, len(written.notes)
        ('opaque.jpg', 1)
    """

    path: Path
    notes: tuple[str, ...] = ()


def check_output_path(path: Path | str) -> None:
    """Fail before long work starts where its picture could not be written in the end.

    Args:
        path: the picture to write.

    Raises:
        OutputError: if the suffix is not one that is written, the parent folder is missing or not
            writable, or the path is a folder.

    Example:
        >>> from edge_sdk.imaging import check_output_path
        >>> check_output_path("result.tif")
        >>> check_output_path("result.gif")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.OutputError: result.gif: the suffix .gif names no format ...
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise OutputError(
            f"{path}: the suffix {path.suffix or '(none)'} names no format that is written; "
            f"use one of {', '.join(FORMATS)}"
        )
    check_writable(path)


def check_output_size(path: Path, width: int, height: int) -> None:
    """Fail before long work starts where the format has no room for its picture.

    Args:
        path: the picture to write, of a suffix that is written.
        width: its columns.
        height: its rows.

    Raises:
        OutputError: if a side is larger than the format's largest.
    """
    form = FORMATS[path.suffix.lower()]
    if max(width, height) > form.largest_side_px:
        raise OutputError(
            f"{path}: {width}×{height} px is more than the {form.largest_side_px} px of a "
            f"{form.container}; write a .png or .tif"
        )


def write_picture(picture: Picture, path: Path | str, *, quality: int = 95) -> WrittenPicture:
    """Write a picture in the format that the suffix of ``path`` names, whole or not at all.

    ======================  ======  =====  ====  =========  ===========================
    suffix                  bits    alpha  gray  EXIF, ICC  compression
    ======================  ======  =====  ====  =========  ===========================
    ``.png``                8, 16   yes    yes   yes        lossless
    ``.tif`` ``.tiff``      8, 16   yes    yes   yes        lossless (deflate)
    ``.webp``               8       yes    no    yes        lossless
    ``.bmp``                8       no     yes   no         none
    ``.jpg`` ``.jpeg``      8       no     yes   yes        ``quality``, 4:4:4
    ======================  ======  =====  ====  =========  ===========================

    Levels are rounded half up and clipped. Where the format cannot hold 16 bits, alpha, gray or
    metadata, the picture is written without and the result says so; alpha is dropped, not blended.
    XMP is kept in PNG and JPEG, texts and what a PNG says of its values in PNG; IPTC is named.
    A gray picture is written as the luma of its channels.

    Args:
        picture: what to write.
        path: where; an existing file is replaced once the new one is complete.
        quality: 1 to 100, JPEG only.

    Returns:
        The path, and a note on each thing that was left out.

    Raises:
        OutputError: if the file cannot be written there, or the picture is too large for the
            format. No partial file is left, not even when interrupted.
        InputError: if ``quality`` is out of range.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> written = write_picture(Picture(torch.rand(3, 20, 30)), "result.jpg", quality=90)
        >>> written.path.exists(), written.notes
        (True, ())
    """
    path = Path(path)
    if not 1 <= quality <= 100:
        raise InputError(f"quality must be 1 to 100, not {quality}")
    check_output_path(path)
    check_output_size(path, picture.width, picture.height)
    form = FORMATS[path.suffix.lower()]
    with replacing(path) as temporary:
        data, notes = encode_picture(picture, form, quality=quality)
        temporary.write_bytes(data)
    return WrittenPicture(path, notes)


def encode_picture(
    picture: Picture, form: Format, *, quality: int = 95
) -> tuple[bytes, tuple[str, ...]]:
    """Encode a picture as the contents of a file; :func:`write_picture` writes them to one.

    Args:
        picture: what to encode.
        form: the format, of a size that holds it.
        quality: 1 to 100, JPEG only.

    Returns:
        The contents, and a note on each thing that was left out.

    Raises:
        OutputError: if the picture is too large for the format.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture
        >>> from edge_sdk.imaging.encoding import PNG
        >>> from edge_sdk.imaging.writing import encode_picture
        >>> data, notes = encode_picture(Picture(torch.rand(3, 20, 30)), PNG)
        >>> data[1:4], notes
        (b'PNG', ())
    """
    if max(picture.width, picture.height) > form.largest_side_px:
        raise OutputError(
            f"{picture.width}×{picture.height} px is more than the {form.largest_side_px} px of a "
            f"{form.container}; take PNG or TIFF"
        )
    samples, notes = _samples(picture, form)
    exif, icc_profile, more = _written_metadata(picture, form, samples.shape[2] <= 2)
    descriptions = picture.metadata.descriptions
    encoded = encode(samples, form, exif, icc_profile, quality)
    notes = [*notes, *more, *left_out(form.container, descriptions)]
    return described(encoded, form.container, descriptions), tuple(notes)


def _samples(picture: Picture, form: Format) -> tuple[Samples, list[str]]:
    metadata, notes = picture.metadata, []
    deep = metadata.bit_depth == 16
    if deep and not form.has_16_bit:
        deep = False
        notes.append(f"16 bits per channel were rounded to 8: {form.container} holds no more")
    alpha = metadata.alpha
    if alpha is not None and not form.has_alpha:
        alpha = None
        notes.append(f"transparency was left out: {form.container} has none")
    gray = metadata.gray
    # No reader at hand takes gray with alpha from a 16-bit TIFF.
    if gray and not (form.has_gray and not (form is TIFF and deep and alpha is not None)):
        gray = False
        notes.append(f"gray was written as equal red, green and blue, as {form.container} needs it")
    height, width = picture.pixels.shape[-2:]
    channels = (1 if gray else 3) + (alpha is not None)
    samples = np.empty((height, width, channels), np.uint16 if deep else np.uint8)
    # A block of rows at a time: the levels in between take four times the room of the samples.
    for top in range(0, height, _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        planes = picture.pixels[:, rows].detach().cpu()
        if gray:
            planes = torch.tensordot(torch.tensor([_LUMA]), planes, dims=1)
        if alpha is not None:
            planes = torch.cat((planes, alpha[:, rows].detach().cpu()))
        samples[rows] = to_levels(planes, 16 if deep else 8).permute(1, 2, 0).numpy()
    return samples, notes


def _written_metadata(
    picture: Picture, form: Format, gray: bool
) -> tuple[bytes | None, bytes | None, list[str]]:
    exif, icc_profile = picture.metadata.exif, picture.metadata.icc_profile
    notes = []
    if exif is not None:
        exif = resized_exif(exif, picture.width, picture.height)
        if not form.has_metadata or (form is JPEG and len(exif) > _JPEG_EXIF_LIMIT):
            notes.append(f"EXIF of {len(exif)} bytes was left out: {form.container} cannot hold it")
            exif = None
    if icc_profile is not None:
        if not form.has_metadata:
            notes.append(f"the color profile was left out: {form.container} cannot hold it")
            icc_profile = None
        elif not gray and icc_profile[16:20] == b"GRAY":
            notes.append("the color profile was left out: it is one for gray alone")
            icc_profile = None
    return exif, icc_profile, notes

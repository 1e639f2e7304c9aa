"""Reading and writing pictures without losing what they hold, or saying what was lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.imaging.decoding import Decoded, decode, picture_format
from edge_sdk.imaging.encoding import FORMATS, JPEG, TIFF, Format, Samples, encode
from edge_sdk.imaging.exif import resized_exif
from edge_sdk.imaging.heic import decode_heic, is_heic
from edge_sdk.imaging.picture import Metadata, Picture, to_levels
from edge_sdk.imaging.raw import decode_raw, is_raw, may_be_raw
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
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(12)
            # Whatever is no picture, such as a long video, is not read any further.
            data = head + (file.read() if looks_like_picture(head) else b"")
    except FileNotFoundError as error:
        raise PictureError(f"{path}: no such file; check the path") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path}: is a folder; give the name of a picture") from error
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not data:
        raise PictureError(f"{path}: is empty; get a whole copy")
    if is_heic(head):
        return _picture(decode_heic(data, str(path)))
    return _picture((decode_raw if is_raw(data) else decode)(data, str(path)))


def looks_like_picture(head: bytes) -> bool:
    """Whether ``head``, the first 12 bytes of a file, is the start of a picture that is read.

    Example:
        >>> from edge_sdk.imaging.files import looks_like_picture
        >>> looks_like_picture(b"BM" + bytes(10)), looks_like_picture(b"PK" + bytes(10))
        (True, False)
    """
    return picture_format(head) is not None or is_heic(head) or may_be_raw(head)


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
    form = FORMATS[path.suffix.lower()]
    if max(picture.width, picture.height) > form.largest_side_px:
        raise OutputError(
            f"{path}: {picture.width}×{picture.height} px is more than the "
            f"{form.largest_side_px} px of a {form.container}; write a .png or .tif"
        )
    samples, notes = _samples(picture, form)
    exif, icc_profile, more = _written_metadata(picture, form, samples.shape[2] <= 2)
    with replacing(path) as temporary:
        temporary.write_bytes(encode(samples, form, exif, icc_profile, quality))
    return WrittenPicture(path, (*notes, *more))


def _picture(decoded: Decoded) -> Picture:
    samples = decoded.samples
    channels = samples.shape[2]
    deep = samples.dtype == np.uint16
    planes = np.ascontiguousarray(samples.transpose(2, 0, 1), dtype=np.float32)
    planes /= 65535 if deep else 255
    tensor = torch.from_numpy(planes)
    color = 1 if channels <= 2 else 3
    metadata = Metadata(
        exif=decoded.exif,
        icc_profile=decoded.icc_profile,
        bit_depth=16 if deep else 8,
        alpha=tensor[color:].clone() if channels > color else None,
        gray=color == 1,
        raw_noise=decoded.raw_noise,
    )
    pixels = tensor[:1].repeat(3, 1, 1) if color == 1 else tensor[:3].contiguous()
    return Picture(pixels, metadata)


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

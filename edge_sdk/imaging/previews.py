"""A quick look at a picture file: a few pixels of luma and its EXIF, without decoding all of it.

A JPEG's embedded thumbnail is taken where the file is whole, else the JPEG is decoded at an eighth
of its size; the previews of raw files are theirs too. Other formats have to be decoded.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from edge_sdk.errors import PictureError
from edge_sdk.extras import require
from edge_sdk.imaging.decoding import damage, picture_format
from edge_sdk.imaging.exif import orientation_of, read_exif
from edge_sdk.imaging.heic import is_heic, open_heic
from edge_sdk.imaging.raw import is_raw, may_be_raw
from edge_sdk.imaging.reading import read_picture

if TYPE_CHECKING:
    from PIL import Image

HEIC, RAW = "HEIC", "raw"
SHAPE = (24, 32)
"""Rows and columns of a preview."""
_DRAFT_PX = (64, 48)
_TAIL_BYTES = 1 << 16
_SMALL_BYTES = 1 << 18
"""Size of a JPEG up to which decoding it is as quick as looking for its end."""
_END_OF_JPEG = b"\xff\xd9"
_THUMBNAIL_START, _THUMBNAIL_SIZE = 513, 514
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, IndexError)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)

Luma = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Preview:
    """What a quick look shows.

    Attributes:
        luma: float32 [24, 32] in [0, 1], the whole picture as it is stored, not turned.
        width: columns of the picture as it is stored.
        height: rows.
        orientation: EXIF orientation, 1 to 8.
        container: format, as Pillow names it, or ``HEIC`` or ``raw``.
        exif: tags of the file; empty where there are none.
    """

    luma: Luma
    width: int
    height: int
    orientation: int
    container: str
    exif: Image.Exif


def read_preview(path: Path) -> Preview:
    """Look at a picture file.

    Args:
        path: a file that :func:`edge_sdk.imaging.read_picture` reads.

    Raises:
        PictureError: if it cannot be read, is no picture, or is found damaged; a JPEG that lost
            data in its middle is not, as in :func:`edge_sdk.imaging.read_picture`.
        MissingExtraError: if its format needs an extra.
    """
    try:
        with path.open("rb") as file:
            head = file.read(12)
            container = picture_format(head)
            if container is None and not is_heic(head) and not may_be_raw(head):
                raise PictureError(f"{path}: is no picture")
            if container == "JPEG":
                return _of_jpeg(file, path)
            data = head + file.read()
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror or error})") from error
    if is_heic(head):
        return _of_heic(data, path)
    if is_raw(data):
        return _of_raw(data, path)
    return _of_picture(io.BytesIO(data), str(container), path)


def _of_jpeg(file: BinaryIO, path: Path) -> Preview:
    from PIL import Image

    whole = _ends(file)
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=("JPEG",))
            size, exif = image.size, image.getexif()
            luma = _thumbnail(image, exif) if whole else None
            if luma is None:
                image.draft("L", _DRAFT_PX)
                luma = _reduced(np.asarray(image.convert("L"), np.float32), 255)
            return Preview(luma, *size, orientation_of(exif), "JPEG", exif)
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        raise PictureError(f"{path}: {damage(error, 'JPEG')}") from error


def _ends(file: BinaryIO) -> bool:
    """Whether a large JPEG has its end marker near the end of the file, where no thumbnail is."""
    size = file.seek(0, io.SEEK_END)
    if size <= _SMALL_BYTES:
        return False
    file.seek(size - _TAIL_BYTES)
    return _END_OF_JPEG in file.read()


def _thumbnail(image: Image.Image, exif: Image.Exif) -> Luma | None:
    """The thumbnail in the EXIF of a JPEG, without the bars that fill it up; None if there is none.

    What is damaged in it is no fault of the picture.
    """
    from PIL import ExifTags, Image

    try:
        directory = exif.get_ifd(ExifTags.IFD.IFD1)
        start, size = int(directory[_THUMBNAIL_START]), int(directory[_THUMBNAIL_SIZE])
        data = image.info["exif"].removeprefix(b"Exif\0\0")[start : start + size]
        small = Image.open(io.BytesIO(data), formats=("JPEG",)).convert("L")
    except _DAMAGED:
        return None
    levels = np.asarray(small, np.float32)
    height, width = levels.shape
    shown_height = min(height, round(width * image.height / image.width))
    shown_width = min(width, round(height * image.width / image.height))
    top, left = (height - shown_height) // 2, (width - shown_width) // 2
    return _reduced(levels[top : top + shown_height, left : left + shown_width], 255)


def _of_picture(file: io.BytesIO, container: str, path: Path) -> Preview:
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(file, formats=(container,))
            size = image.size
            image.load()
            exif = image.getexif()
            # Pillow would clip gray of 16 bits.
            deep = image.mode.startswith("I")
            levels = np.asarray(image if deep else image.convert("L"), np.float32)
            return Preview(
                _reduced(levels, 65535 if deep else 255),
                *size,
                # Pillow turns a TIFF upright itself, and no other format.
                1 if container == "TIFF" else orientation_of(exif),
                container,
                exif,
            )
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        raise PictureError(f"{path}: {damage(error, container)}") from error


def _of_heic(data: bytes, path: Path) -> Preview:
    from PIL import Image

    image = open_heic(data, str(path))
    kind, _, depth = image.mode.partition(";")
    try:
        levels = np.array(image, np.float32).reshape(image.size[1], image.size[0], -1)
    except (*_DAMAGED, RuntimeError) as error:
        raise PictureError(f"{path}: {damage(error, HEIC)}") from error
    levels = levels[..., :3] @ _LUMA if kind.startswith("RGB") else levels[..., 0]
    exif = read_exif(image.info["exif"], str(path)) if image.info.get("exif") else None
    luma = _reduced(levels, 2 ** int(depth or 8) - 1)
    width, height = image.size
    return Preview(luma, width, height, 1, HEIC, exif or Image.Exif())


def _of_raw(data: bytes, path: Path) -> Preview:
    from PIL import Image

    rawpy: Any = require("raw")
    exif = (read_exif(data, str(path)) if data[:2] in (b"II", b"MM") else None) or Image.Exif()
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            size = (int(raw.sizes.width), int(raw.sizes.height))
            found = raw.extract_thumb()
            if found.format == rawpy.ThumbFormat.JPEG:
                small = Image.open(io.BytesIO(found.data), formats=("JPEG",))
                small.draft("L", _DRAFT_PX)
                levels = np.asarray(small.convert("L"), np.float32)
            else:
                levels = np.asarray(found.data, np.float32)[..., :3] @ _LUMA
    except (rawpy.LibRawError, *_DAMAGED):
        # Without a preview it is developed, which also says what is wrong with it.
        picture = read_picture(path)
        size = (picture.width, picture.height)
        levels = picture.pixels.permute(1, 2, 0).numpy() @ _LUMA * 255
    return Preview(_reduced(levels, 255), *size, orientation_of(exif), RAW, exif)


def _reduced(levels: NDArray[np.float32], peak: float) -> Luma:
    """Means over the pixels that fall into each of 24×32, of levels up to a peak."""
    import cv2

    means = cv2.resize(levels, (SHAPE[1], SHAPE[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(means / peak, np.float32)

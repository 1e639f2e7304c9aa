"""The EXIF block of a picture, kept so that nothing in it contradicts the pixels."""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_log = logging.getLogger(__name__)

_ORIENTATION = 0x0112
_EXIF_IFD = 0x8769
_GPS_IFD = 0x8825
_INTEROP_IFD = 0xA005
_PIXEL_WIDTH = 0xA002
_PIXEL_HEIGHT = 0xA003
_DESCRIPTIVE_TAGS = frozenset(
    {
        0x010D,  # DocumentName
        0x010E,  # ImageDescription
        0x010F,  # Make
        0x0110,  # Model
        _ORIENTATION,
        0x011A,  # XResolution
        0x011B,  # YResolution
        0x0128,  # ResolutionUnit
        0x0131,  # Software
        0x0132,  # DateTime
        0x013B,  # Artist
        0x013C,  # HostComputer
        0x4746,  # Rating
        0x8298,  # Copyright
        *range(0x9C9B, 0x9CA0),  # title, comment, author, keywords and subject of Windows
        _EXIF_IFD,
        _GPS_IFD,
    }
)
"""Tags of the first directory that describe the shot; the others describe the file's layout."""

_DAMAGED = (SyntaxError, ValueError, TypeError, KeyError, EOFError, OSError, struct.error)


def orientation_of(exif: Image.Exif) -> int:
    """Orientation tag, 1 (upright) to 8; 1 where it is missing or has no meaning."""
    value = exif.get(_ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def kept_exif(exif: Image.Exif, width: int, height: int, name: str) -> bytes | None:
    r"""The EXIF block to keep with upright pixels of the given size.

    Orientation becomes 1, pixel dimensions become those given, the embedded thumbnail goes, and so
    do tags that describe the layout of the file they came from. Maker notes are kept byte by byte;
    offsets that a maker counts from the start of the old file no longer hold.

    Args:
        exif: as Pillow read it.
        width: width of the upright picture in px.
        height: height of the upright picture in px.
        name: what to call the file in the log, where damaged EXIF is reported.

    Returns:
        ``Exif\0\0`` and a TIFF structure; None if nothing worth keeping is there.
    """
    from PIL import Image

    try:
        kept = Image.Exif()
        for tag, value in exif.items():
            if tag in _DESCRIPTIVE_TAGS and tag not in (_EXIF_IFD, _GPS_IFD):
                kept[tag] = value
        for tag in (_EXIF_IFD, _GPS_IFD):
            directory = dict(exif.get_ifd(tag))
            if _INTEROP_IFD in directory:
                directory[_INTEROP_IFD] = exif.get_ifd(_INTEROP_IFD)
            kept.get_ifd(tag).update(directory)
        if not kept and not kept.get_ifd(_EXIF_IFD) and not kept.get_ifd(_GPS_IFD):
            return None
        return _serialized(kept, width, height)
    except _DAMAGED as error:
        _log.warning("%s: its EXIF is damaged and is left out (%s)", name, error)
        return None


def resized_exif(exif: bytes, width: int, height: int) -> bytes:
    """The same EXIF block with the pixel dimensions given.

    Args:
        exif: a block that :func:`kept_exif` made, or any other.
        width: width of the picture to be written in px.
        height: height of the picture to be written in px.
    """
    return _serialized(parsed_exif(exif), width, height)


def read_exif(tiff: bytes, name: str) -> Image.Exif | None:
    """EXIF of a file that is a TIFF, such as a DNG; None if damaged, which the log says.

    Args:
        tiff: the whole file.
        name: what to call it in the log.
    """
    try:
        return parsed_exif(tiff)
    except _DAMAGED as error:
        _log.warning("%s: its EXIF is damaged and is left out (%s)", name, error)
        return None


def parsed_exif(exif: bytes) -> Image.Exif:
    r"""Read an EXIF block, with or without the ``Exif\0\0`` in front."""
    from PIL import Image

    parsed = Image.Exif()
    parsed.load(exif if exif.startswith(b"Exif\0\0") else b"Exif\0\0" + exif)
    return parsed


def _serialized(exif: Image.Exif, width: int, height: int) -> bytes:
    exif[_ORIENTATION] = 1
    directory = exif.get_ifd(_EXIF_IFD)
    if _PIXEL_WIDTH in directory or _PIXEL_HEIGHT in directory:
        directory[_PIXEL_WIDTH] = width
        directory[_PIXEL_HEIGHT] = height
    return exif.tobytes()

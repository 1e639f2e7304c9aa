"""From a picture file to its samples, without PyTorch, which is no part of them."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.errors import PictureError
from edge_sdk.imaging.decoding import Decoded, decode, picture_format
from edge_sdk.imaging.encoding import FORMATS
from edge_sdk.imaging.heic import SUFFIXES as HEIC_SUFFIXES
from edge_sdk.imaging.heic import decode_heic, is_heic
from edge_sdk.imaging.raw import SUFFIXES as RAW_SUFFIXES
from edge_sdk.imaging.raw import decode_raw, is_raw, may_be_raw

SUFFIXES = (*FORMATS, *HEIC_SUFFIXES, *RAW_SUFFIXES)
"""Suffixes, in lower case, by which pictures are found in folders; how one is read, its content
says."""


def read_decoded(path: Path | str) -> Decoded:
    """Read a file as :func:`~edge_sdk.imaging.read_picture` does, as whole levels.

    Raises:
        PictureError: as :func:`~edge_sdk.imaging.read_picture`.
        MissingExtraError: as :func:`~edge_sdk.imaging.read_picture`.
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
    return decoded_bytes(data, str(path))


def decoded_bytes(data: bytes, name: str) -> Decoded:
    """Decode the contents of a file, which messages call ``name``.

    Raises:
        PictureError: as :func:`~edge_sdk.imaging.read_picture`.
        MissingExtraError: as :func:`~edge_sdk.imaging.read_picture`.
    """
    if not data:
        raise PictureError(f"{name}: is empty; get a whole copy")
    if is_heic(data[:12]):
        return decode_heic(data, name)
    return (decode_raw if is_raw(data) else decode)(data, name)


def looks_like_picture(head: bytes) -> bool:
    """Whether ``head``, the first 12 bytes of a file, is the start of a picture that is read.

    Example:
        >>> from edge_sdk.imaging.picture_files import looks_like_picture
        >>> looks_like_picture(b"BM" + bytes(10)), looks_like_picture(b"PK" + bytes(10))
        (True, False)
    """
    return picture_format(head) is not None or is_heic(head) or may_be_raw(head)

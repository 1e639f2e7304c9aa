"""HEIC and HEIF files, as phones write them: decoded by libheif, which the extra ``heic`` brings.

Nothing is registered with Pillow: what other code of the program reads stays as it is.
"""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.errors import MissingExtraError, PictureError, first_line
from edge_sdk.extras import require
from edge_sdk.imaging.decoding import Decoded, Samples
from edge_sdk.imaging.exif import kept_exif, read_exif

_log = logging.getLogger(__name__)

SUFFIXES = (".heic", ".heif", ".hif")
"""Suffixes that cameras give to such files."""
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
_OURS = (1, 2)
"""Codes of primaries (H.273) that are sRGB's, or not said."""
_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def is_heic(head: bytes) -> bool:
    """Whether ``head``, at least 12 bytes, is the start of a HEIC or HEIF file."""
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def open_heic(data: bytes, name: str) -> Any:
    """The main picture of a HEIC file, not decoded yet, as ``pi_heif`` offers it.

    Args:
        data: the whole file.
        name: what to call it in messages.

    Raises:
        MissingExtraError: if pi_heif is not installed.
        PictureError: if the file is damaged or has more pixels than Pillow would take.
    """
    from PIL import Image

    try:
        pi_heif: Any = require("heic")
    except MissingExtraError as error:
        raise MissingExtraError(f"{name}: is a HEIC picture, and {error}") from error
    try:
        _check_item_types(data)
        opened = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
        image = opened[opened.primary_index]
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError, IndexError) as error:
        raise _damaged(name, error) from error
    limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if limit and image.size[0] * image.size[1] > limit:
        raise PictureError(
            f"{name}: has more than {limit // 1_000_000} million pixels; crop it or reduce it first"
        )
    return image


def decode_heic(data: bytes, name: str) -> Decoded:
    """Decode the main picture of a HEIC file; its turns and mirrors are applied.

    Args:
        data: the whole file.
        name: what to call it in messages.

    Returns:
        Upright samples, of 16 bits where the file has more than 8.

    Raises:
        MissingExtraError: if pi_heif is not installed.
        PictureError: if the file is damaged, too large, or holds HDR or premultiplied colors.
    """
    image = open_heic(data, name)
    icc_profile: bytes | None = image.info.get("icc_profile")
    code: dict[str, int] = image.info.get("nclx_profile") or {}
    hdr = _HDR_TRANSFERS.get(code.get("transfer_characteristics", 0))
    if hdr is not None and icc_profile is None:
        raise PictureError(f"{name}: holds HDR colors ({hdr}); save it as a common picture first")
    if icc_profile is None and code.get("color_primaries", 1) not in _OURS:
        _log.warning("%s: has other primaries than sRGB and no profile; sRGB is assumed", name)
    kind, _, depth = image.mode.partition(";")
    if kind not in _CHANNELS:
        raise PictureError(f"{name}: has pixels of the kind {kind}; save it as RGB or gray")
    try:
        # A copy: the memory of an array that shares it goes with the picture.
        samples = np.array(image).reshape(image.size[1], image.size[0], _CHANNELS[kind])
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError) as error:
        raise _damaged(name, error) from error
    exif = read_exif(image.info["exif"], name) if image.info.get("exif") else None
    height, width = samples.shape[:2]
    return Decoded(
        _full_range(samples, int(depth or 8)),
        kept_exif(exif, width, height, name) if exif else None,
        icc_profile or None,
    )


def _check_item_types(data: bytes) -> None:
    """Refuse kinds of items that are no text: pi_heif takes them for text, and ends the process.

    Raises:
        ValueError: if there is one.
    """
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind != b"meta":
            continue
        for inner, first, last in _boxes(data, start + 4, end):
            if inner != b"iinf":
                continue
            wide = data[first : first + 1] not in (b"", b"\0")
            for _, at, close in _boxes(data, first + (8 if wide else 6), last):
                at += 8 if data[at : at + 1] < b"\3" else 10
                for text in (data[at : at + 4], *data[at + 4 : close].split(b"\0")):
                    text.decode()


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of what each box in a part of the file holds, as far as it is there."""
    while start + 8 <= min(end, len(data)):
        size, kind = struct.unpack_from(">I4s", data, start)
        head = 8
        if size == 1 and start + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, start + 8)
            head = 16
        close = end if size == 0 else start + size
        if size and size < head:
            return
        yield kind, start + head, min(close, end)
        start = close


def _full_range(samples: Samples, depth: int) -> Samples:
    """Levels of 8 bits as they are, of more over the whole range of 16."""
    if depth <= 8:
        return samples
    gain = 65535 / (2**depth - 1)
    full: NDArray[np.uint16] = (samples * np.float32(gain) + np.float32(0.5)).astype(np.uint16)
    return full


def _damaged(name: str, error: BaseException) -> PictureError:
    return PictureError(
        f"{name}: is a HEIC picture that is truncated, damaged or of an unusual kind "
        f"({first_line(error)}); get a whole copy or save it again"
    )

"""Raw files of cameras: recognized by their content, developed by LibRaw.

Development is the same for every frame of a burst: the white balance as shot, black and white level
as the file states them, no brightening by what the picture shows. Demosaicing is LibRaw's default
(AHD); the linear 16-bit result gets the sRGB curve (IEC 61966-2-1) and primaries.
"""

from __future__ import annotations

import io
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.errors import PictureError, first_line
from edge_sdk.extras import require
from edge_sdk.imaging.decoding import Decoded
from edge_sdk.imaging.exif import kept_exif, read_exif
from edge_sdk.imaging.raw_noise import RawNoise, read_raw_noise
from edge_sdk.imaging.tiff_directories import read_directories

_log = logging.getLogger(__name__)

SUFFIXES = (".dng", ".nef", ".arw", ".cr2", ".cr3", ".raf", ".rw2", ".orf")
"""Suffixes that cameras give to such files."""
_SIGNATURES = (b"FUJIFILM", b"IIU\0", b"IIRO", b"IIRS", b"MMOR")
"""Raw files that are no TIFF: Fujifilm, Panasonic, Olympus; Canon's CR3 says so at byte 4."""
_CR3 = b"ftypcrx "
_TAGS = {
    "photometric": 262,
    "strip offsets": 273,
    "strip sizes": 279,
    "tile offsets": 324,
    "tile sizes": 325,
    "dng version": 50706,
}
_COLOR_FILTER_ARRAY, _LINEAR_RAW = 32803, 34892


def may_be_raw(head: bytes) -> bool:
    """Whether ``head``, at least 12 bytes, is the start of a raw file that is no TIFF."""
    return head.startswith(_SIGNATURES) or head[4:12] == _CR3


def is_raw(data: bytes) -> bool:
    """Whether a file holds what a sensor measured rather than a picture.

    Args:
        data: the whole file.
    """
    if may_be_raw(data[:12]):
        return True
    return any(
        _TAGS["dng version"] in directory
        or set(directory.get(_TAGS["photometric"], ())) & {_COLOR_FILTER_ARRAY, _LINEAR_RAW}
        for directory in read_directories(data, _TAGS.values())
    )


def decode_raw(data: bytes, name: str) -> Decoded:
    """Develop a raw file.

    Args:
        data: the whole file.
        name: what to call it in messages.

    Returns:
        Upright uint16 [H, W, 3], sRGB.

    Raises:
        MissingExtraError: if rawpy is not installed.
        PictureError: if LibRaw cannot read it, it is truncated, or has more pixels than Pillow
            would take. A truncated file that is no TIFF is found only where LibRaw finds it.
    """
    rawpy: Any = require("raw")
    _check_whole(data, name)
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            _check_size(raw, name)
            if not raw.camera_whitebalance[0] > 0:
                _log.warning("%s: has no white balance; daylight is assumed", name)
            linear: NDArray[np.uint16] = raw.postprocess(
                use_camera_wb=True,
                output_color=rawpy.ColorSpace.sRGB,
                output_bps=16,
                gamma=(1, 1),
                no_auto_bright=True,
                adjust_maximum_thr=0.0,
            )
            noise: RawNoise | None = read_raw_noise(data, raw, name)
    except rawpy.LibRawError as error:
        raise PictureError(
            f"{name}: is a raw file that LibRaw cannot read ({_reason(error)}); convert it to DNG "
            "or TIFF"
        ) from error
    samples = _srgb_curve()[linear]
    height, width = samples.shape[:2]
    # Fujifilm's and Canon's newer files keep EXIF where this does not look.
    exif = read_exif(data, name) if read_directories(data, ()) else None
    kept = kept_exif(exif, width, height, name) if exif else None
    return Decoded(samples, kept, None, noise)


def _reason(error: Exception) -> str:
    """What LibRaw says, which rawpy gives in bytes."""
    said = error.args[0] if error.args else None
    return said.decode(errors="replace") if isinstance(said, bytes) else first_line(error)


def _srgb_curve() -> NDArray[np.uint16]:
    import torch

    from edge_sdk.imaging.color import linear_to_srgb

    levels = torch.arange(65536, dtype=torch.float64) / 65535
    curve = (linear_to_srgb(levels) * 65535).round()
    return curve.numpy().astype(np.uint16)


def _check_size(raw: Any, name: str) -> None:
    from PIL import Image

    limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if limit and raw.sizes.raw_width * raw.sizes.raw_height > limit:
        raise PictureError(
            f"{name}: has more than {limit // 1_000_000} million pixels; crop it or reduce it first"
        )


def _check_whole(data: bytes, name: str) -> None:
    """Every strip and tile lies in the file: LibRaw fills with zeros what does not."""
    for directory in read_directories(data, _TAGS.values()):
        for part in ("strip", "tile"):
            starts = directory.get(_TAGS[f"{part} offsets"], ())
            sizes = directory.get(_TAGS[f"{part} sizes"], ())
            if any(start + size > len(data) for start, size in zip(starts, sizes, strict=False)):
                raise PictureError(f"{name}: is truncated; get a whole copy")

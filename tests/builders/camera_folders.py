"""Files as cameras write them: EXIF times with fractions, makers, turns and embedded thumbnails."""

from __future__ import annotations

import functools
import io
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = (160, 120)


@functools.cache
def scene(number: int) -> NDArray[np.uint8]:
    """A picture of large shapes, 200×160 px, of which frames are cut."""
    coarse = np.random.default_rng(number).integers(20, 235, (10, 12, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((200, 160), Image.Resampling.BICUBIC))


def frame(
    number: int, left: int = 0, gain: float = 1.0, size: tuple[int, int] = SIZE
) -> Image.Image:
    width, height = size
    cut = scene(number)[10 : 10 + height, 10 + left : 10 + left + width].astype(np.float32)
    noise = np.random.default_rng(left).normal(0, 4, cut.shape)
    return Image.fromarray((cut * gain + noise).clip(0, 255).astype(np.uint8))


def exif_of(
    taken: str | None = None,
    fraction: str | None = None,
    *,
    changed: str | None = None,
    model: str | None = "Phone 7",
    orientation: int | None = None,
) -> Image.Exif:
    exif = Image.Exif()
    if model is not None:
        exif[0x010F], exif[0x0110] = "Maker", model
    if changed is not None:
        exif[0x0132] = changed
    if orientation is not None:
        exif[0x0112] = orientation
    directory = exif.get_ifd(0x8769)
    if taken is not None:
        directory[0x9003] = taken
    if fraction is not None:
        directory[0x9291] = fraction
    return exif


def with_thumbnail(exif: Image.Exif, thumbnail: Image.Image) -> bytes:
    """An EXIF block with a JPEG in its second directory, as cameras have it."""
    stream = io.BytesIO()
    thumbnail.save(stream, "JPEG")
    data = stream.getvalue()
    block = bytearray(exif.tobytes().removeprefix(b"Exif\0\0"))
    order = "<" if block[:2] == b"II" else ">"
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    (count,) = struct.unpack_from(f"{order}H", block, start)
    at = len(block)
    struct.pack_into(f"{order}I", block, start + 2 + 12 * count, at)
    block += struct.pack(f"{order}H", 2)
    block += struct.pack(f"{order}HHII", 513, 4, 1, at + 30)
    block += struct.pack(f"{order}HHII", 514, 4, 1, len(data)) + bytes(4) + data
    return b"Exif\0\0" + bytes(block)


def shoot(
    path: Path | str,
    number: int,
    taken: str | None,
    fraction: str | None = None,
    *,
    left: int = 0,
    gain: float = 1.0,
    size: tuple[int, int] = SIZE,
    model: str | None = "Phone 7",
    orientation: int | None = None,
    changed: str | None = None,
) -> Path:
    """Write a JPEG of a scene, taken at a time of 2024-01-01 such as ``12:00:01``."""
    day = None if taken is None else f"2024:01:01 {taken}"
    exif = exif_of(day, fraction, changed=changed, model=model, orientation=orientation)
    frame(number, left, gain, size).save(path, "JPEG", quality=92, exif=exif)
    return Path(path)

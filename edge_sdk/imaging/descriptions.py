"""What a file says of its picture beside EXIF and a profile: XMP, texts, what its values mean.

XMP and the texts of a PNG are kept where the format holds them, and so are the chunks by which a
PNG says that its values are no sRGB. All else is named when the picture is written.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_KEYWORD = "XML:com.adobe.xmp"
_JPEG_SEGMENT_LIMIT = 65_533
_PNG_START = 33
"""Where chunks begin behind a PNG's signature and header."""
_SRGB_GAMMA = 45455
_MEANINGS = ("gAMA", "cHRM", "cICP")
_IPTC = 0x0404
_RESOLUTION = 0x011A
_USUAL_DPI = (1, 72, 96)


@dataclass(frozen=True)
class Descriptions:
    """Descriptions of a picture.

    Attributes:
        xmp: XMP packet, or None.
        texts: keyword and text of each text chunk of a PNG.
        meanings: name and content of the chunks by which a PNG says what its values mean: ``gAMA``,
            ``cHRM``, ``cICP``. Empty where that is sRGB.
        unkept: what else the file held and what is not kept, by its name.

    Example:
        >>> from edge_sdk.imaging.descriptions import Descriptions
        >>> Descriptions(texts=(("parameters", "seed 42"),)).xmp is None
        True
    """

    xmp: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()
    meanings: tuple[tuple[str, bytes], ...] = ()
    unkept: tuple[str, ...] = ()


NO_DESCRIPTIONS = Descriptions()


def read_descriptions(image: Any, data: bytes, container: str) -> Descriptions:
    """Descriptions of a file that Pillow has loaded.

    Args:
        image: the picture, of Pillow's.
        data: the whole file.
        container: Pillow's name of the format.
    """
    info = image.info
    xmp = info.get("xmp")
    texts: list[tuple[str, str]] = []
    meanings: tuple[tuple[str, bytes], ...] = ()
    if container == "PNG":
        found = getattr(image, "text", {})
        texts = [
            (str(key), str(value))
            for key, value in found.items()
            if key != _XMP_KEYWORD and not key.startswith("Raw profile type")
        ]
        meanings = tuple(_meanings(data))
        if xmp is None and _XMP_KEYWORD in found:
            xmp = str(found[_XMP_KEYWORD]).encode()
    unkept = []
    photoshop = info.get("photoshop")
    if isinstance(photoshop, dict) and _IPTC in photoshop:
        unkept.append(f"IPTC of {len(photoshop[_IPTC])} bytes (captions, keywords)")
    dpi = info.get("dpi")
    if dpi and round(float(dpi[0])) not in _USUAL_DPI and _RESOLUTION not in image.getexif():
        unkept.append(f"its resolution of {float(dpi[0]):.0f} dpi")
    packet = bytes(xmp) if isinstance(xmp, bytes) else None
    return Descriptions(packet, tuple(texts), meanings, tuple(unkept))


def described(data: bytes, container: str, descriptions: Descriptions) -> bytes:
    """The file with the descriptions that its format holds.

    Args:
        data: a whole file without any.
        container: Pillow's name of the format.
        descriptions: what is put in.
    """
    if container == "PNG":
        chunks = [_chunk(name.encode(), content) for name, content in descriptions.meanings]
        chunks += [_text(key, value) for key, value in descriptions.texts]
        if descriptions.xmp is not None:
            text = descriptions.xmp.decode("utf-8", "replace")
            chunks.append(_international(_XMP_KEYWORD, text))
        return b"".join((data[:_PNG_START], *chunks, data[_PNG_START:]))
    if container == "JPEG" and _fits_jpeg(descriptions.xmp):
        content = _XMP_NAME + (descriptions.xmp or b"")
        segment = b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content
        # Behind JFIF's own segment, which comes first.
        start = 4 + struct.unpack_from(">H", data, 4)[0] if data[2:4] == b"\xff\xe0" else 2
        return data[:start] + segment + data[start:]
    return data


def left_out(container: str, descriptions: Descriptions) -> list[str]:
    """A note on each description that the format does not get."""
    notes = [f"{name} was left out" for name in descriptions.unkept]
    if container == "PNG":
        return notes
    if descriptions.xmp is not None and not (container == "JPEG" and _fits_jpeg(descriptions.xmp)):
        notes.append(f"XMP of {len(descriptions.xmp)} bytes was left out: {container} gets none")
    if descriptions.texts:
        names = ", ".join(f"'{key}'" for key, _ in descriptions.texts)
        notes.append(f"texts were left out ({names}): {container} has none")
    if descriptions.meanings:
        names = ", ".join(name for name, _ in descriptions.meanings)
        notes.append(
            f"what {names} said of the values was left out: {container} has no such chunk, so they "
            "are taken for sRGB"
        )
    return notes


def _fits_jpeg(xmp: bytes | None) -> bool:
    return xmp is not None and len(_XMP_NAME) + len(xmp) + 2 <= _JPEG_SEGMENT_LIMIT


def _meanings(data: bytes) -> Iterator[tuple[str, bytes]]:
    found = dict(_chunks_before_data(data))
    gamma = found.get("gAMA", b"")
    usual = len(gamma) == 4 and abs(struct.unpack(">I", gamma)[0] - _SRGB_GAMMA) <= 100
    if "cICP" not in found and ("gAMA" not in found or usual):
        return
    yield from found.items()


def _chunks_before_data(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 8
    while at + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            return
        name = kind.decode("latin-1")
        if name in _MEANINGS:
            yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def _text(key: str, value: str) -> bytes:
    try:
        return _chunk(b"tEXt", key.encode("latin-1") + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        return _international(key, value)


def _international(key: str, value: str) -> bytes:
    return _chunk(b"iTXt", key.encode("latin-1", "replace") + b"\0\0\0\0\0" + value.encode())


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", check)))

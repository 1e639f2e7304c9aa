"""A bundle as one zip file, in the one form of zip that every reader takes alike.

Entries are stored, not compressed, one right after the other from the first byte on; the central
directory follows with the same names, sizes and checksums in the same order, and the end record
ends the file. There are no comments, extra fields, flags, second disks or 64-bit sizes. A reader
that trusts local headers and one that trusts the directory so see the same files, and none sees
more bytes than there are.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from edge_sdk.bundle.names import MOST_LENGTH, check_names
from edge_sdk.errors import BundleError

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
VERSION = 20
DATE = 0x21
"""1 January 1980: what a bundle holds does not depend on the day."""
MOST_ENTRIES = 512
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class ZipEntry:
    """A file of the zip.

    Attributes:
        name: its name.
        start: offset of its first byte.
        size: bytes.
        crc: CRC-32 of its contents.
    """

    name: str
    start: int
    size: int
    crc: int


def write_zip(stream: BinaryIO, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files, by name and contents, in order."""
    offset, directory = 0, []
    for name, contents in files:
        encoded = name.encode("ascii")
        common = (VERSION, 0, 0, 0, DATE, zlib.crc32(contents), len(contents), len(contents))
        local = LOCAL.pack(b"PK\x03\x04", *common, len(encoded), 0)
        stream.write(local + encoded + contents)
        directory.append(
            CENTRAL.pack(b"PK\x01\x02", VERSION, *common, len(encoded), 0, 0, 0, 0, 0, offset)
            + encoded
        )
        offset += len(local) + len(encoded) + len(contents)
    joined = b"".join(directory)
    count = len(directory)
    stream.write(joined + END.pack(b"PK\x05\x06", 0, 0, count, count, len(joined), offset, 0))


def read_zip(stream: BinaryIO) -> tuple[ZipEntry, ...]:
    """Where the files of a zip lie; their contents are not looked at.

    Raises:
        BundleError: if the zip is of another form, or names cannot lie in one bundle.
    """
    total = stream.seek(0, 2)
    if not END.size <= total <= MOST_BYTES:
        raise BundleError(f"has {total} bytes and is no bundle; take another file", "container")
    stream.seek(0)
    if stream.read(2) != b"PK":
        raise BundleError("is no zip and no bundle; take another file", "container")
    stream.seek(total - END.size)
    sign, disk, first, here, count, length, start, comment = END.unpack(stream.read(END.size))
    if sign != b"PK\x05\x06":
        raise _other("has no end: it is cut off, or no zip")
    if disk or first or here != count or comment:
        raise _other("ends otherwise than edge-sdk ends one")
    longest = count * (CENTRAL.size + MOST_LENGTH)
    if count > MOST_ENTRIES or length > longest or start + length + END.size != total:
        raise _other(f"says that it has {count} entries, which do not fill it")
    stream.seek(start)
    entries, place = [], 0
    for name, offset, common in _directory(stream.read(length), count):
        size = common[-1]
        local = LOCAL.pack(b"PK\x03\x04", *common, len(name), 0) + name
        stream.seek(place)
        if offset != place or stream.read(len(local)) != local:
            raise _other("has an entry that its directory does not describe")
        entries.append(ZipEntry(name.decode("ascii"), place + len(local), size, common[5]))
        place += len(local) + size
    if place != start:
        raise _other("has bytes that belong to no entry")
    check_names(entry.name for entry in entries)
    return tuple(entries)


def _directory(text: bytes, count: int) -> Iterable[tuple[bytes, int, tuple[int, ...]]]:
    """Name, offset, and what local headers repeat, of each entry."""
    place = 0
    for _ in range(count):
        if place + CENTRAL.size > len(text):
            raise _other("has a directory that is cut off")
        sign, made_by, *rest = CENTRAL.unpack_from(text, place)
        common, (length, extra, comment, disk, internal, external, offset) = rest[:8], rest[8:]
        _, flags, method, _, _, _, packed, size = common
        plain = made_by == VERSION and common[0] == VERSION and not (flags or method)
        if sign != b"PK\x01\x02" or not plain or packed != size:
            raise _other("is compressed, encrypted or of another program")
        if extra or comment or disk or internal or external:
            raise _other("has extra fields, comments or attributes, as other programs write them")
        name = text[place + CENTRAL.size : place + CENTRAL.size + length]
        if len(name) != length or not name.isascii():
            raise _other("has a name that is cut off or not ASCII")
        yield name, offset, tuple(common)
        place += CENTRAL.size + length
    if place != len(text):
        raise _other("has a directory of another size than it says")


def _other(why: str) -> BundleError:
    return BundleError(
        f"this zip {why}; take the file that edge-sdk pack wrote, not one zipped anew", "container"
    )

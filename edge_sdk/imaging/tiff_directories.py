"""Numbers in all directories of a TIFF, also of one that is cut off.

Pillow's reader drops the rest of a directory at the first value that lies beyond the end of the
file, and with it the strips that tell a truncated file.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

_MOST_DIRECTORIES = 32
_SUBDIRECTORIES = 330
_FORMS = {1: "B", 3: "H", 4: "I", 12: "d", 13: "I"}
"""Types of TIFF that are read, and their format: whole numbers, and DOUBLE."""

Directory = dict[int, tuple[float, ...]]
"""Values by tag."""


def read_directories(data: bytes, tags: Collection[int]) -> list[Directory]:
    """Values of some tags in all directories of a file, subdirectories included.

    Args:
        data: the whole file.
        tags: which; those of other types than ``_FORMS`` and those that lie beyond the end are left
            out.

    Returns:
        One entry per directory; none if it is no TIFF.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return []
    wanted = frozenset((*tags, _SUBDIRECTORIES))
    found: list[Directory] = []
    waiting, seen = [struct.unpack_from(f"{order}I", data.ljust(8, b"\0"), 4)[0]], set()
    while waiting and len(found) < _MOST_DIRECTORIES:
        at = waiting.pop(0)
        if at == 0 or at in seen:
            continue
        seen.add(at)
        try:
            directory, following = _directory(data, at, order, wanted)
        except struct.error:
            # What points beyond the end is found by whoever decodes the file.
            continue
        found.append(directory)
        waiting += [following, *map(int, directory.get(_SUBDIRECTORIES, ()))]
    return found


def _directory(data: bytes, at: int, order: str, wanted: frozenset[int]) -> tuple[Directory, int]:
    (count,) = struct.unpack_from(f"{order}H", data, at)
    values: Directory = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, length = struct.unpack_from(f"{order}HHI", data, entry)
        if tag not in wanted or kind not in _FORMS:
            continue
        form = f"{order}{length}{_FORMS[kind]}"
        place = entry + 8
        if struct.calcsize(form) > 4:
            (place,) = struct.unpack_from(f"{order}I", data, place)
        if place + struct.calcsize(form) <= len(data):
            values[tag] = struct.unpack_from(form, data, place)
    (following,) = struct.unpack_from(f"{order}I", data, at + 2 + 12 * count)
    return values, following

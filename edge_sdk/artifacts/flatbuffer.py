"""Reading a flatbuffer by slot number, for formats whose Python classes are slow to import.

A table begins with the distance back to its vtable; the vtable gives, for each slot of the schema,
where in the table its value lies, or 0 if it was left out. A union takes two slots: type and value.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """One table of a flatbuffer.

    Reading beyond the buffer raises ``struct.error``: only a damaged file points there.
    """

    buffer: bytes
    position: int

    @classmethod
    def root(cls, buffer: bytes) -> Table:
        """The table that ``buffer`` begins with."""
        return cls(buffer, _unsigned(buffer, 0))

    def number(self, slot: int, form: str, default: int = 0) -> int:
        """Scalar of ``slot`` in the ``struct`` format ``form``."""
        place = self._place(slot)
        return (
            default if place is None else int(struct.unpack_from(f"<{form}", self.buffer, place)[0])
        )

    def text(self, slot: int) -> str:
        """String of ``slot``; empty if it was left out."""
        place = self._place(slot)
        if place is None:
            return ""
        start = place + _unsigned(self.buffer, place)
        length = _unsigned(self.buffer, start)
        return self.buffer[start + 4 : start + 4 + length].decode("utf-8", "replace")

    def table(self, slot: int) -> Table | None:
        """Table of ``slot``, or the value of a union there."""
        place = self._place(slot)
        return None if place is None else Table(self.buffer, place + _unsigned(self.buffer, place))

    def tables(self, slot: int) -> list[Table]:
        """Vector of tables of ``slot``."""
        place = self._place(slot)
        if place is None:
            return []
        start = place + _unsigned(self.buffer, place)
        places = (start + 4 + 4 * index for index in range(_unsigned(self.buffer, start)))
        return [Table(self.buffer, at + _unsigned(self.buffer, at)) for at in places]

    def data(self, slot: int) -> bytes:
        """Vector of bytes of ``slot``."""
        place = self._place(slot)
        if place is None:
            return b""
        start = place + _unsigned(self.buffer, place)
        return self.buffer[start + 4 : start + 4 + _unsigned(self.buffer, start)]

    def numbers(self, slot: int, form: str) -> tuple[Any, ...]:
        """Vector of scalars of ``slot`` in the ``struct`` format ``form``."""
        place = self._place(slot)
        if place is None:
            return ()
        start = place + _unsigned(self.buffer, place)
        return struct.unpack_from(f"<{_unsigned(self.buffer, start)}{form}", self.buffer, start + 4)

    def _place(self, slot: int) -> int | None:
        vtable = self.position - struct.unpack_from("<i", self.buffer, self.position)[0]
        if 4 + 2 * slot >= struct.unpack_from("<H", self.buffer, vtable)[0]:
            return None
        offset = struct.unpack_from("<H", self.buffer, vtable + 4 + 2 * slot)[0]
        return self.position + offset if offset else None


def _unsigned(buffer: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", buffer, place)[0])

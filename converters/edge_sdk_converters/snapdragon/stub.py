"""An empty shared library for x86-64 Linux, written without a compiler.

LiteRT's Qualcomm plugin is linked against ``libQnnLpai.so``, the backend of a low-power core, which
no package on PyPI carries and compiling for the HTP never calls. The dynamic linker is content with
any library of that name, so an empty one stands in.
"""

from __future__ import annotations

import struct

_HEADER, _SEGMENT, _SYMBOL, _ENTRY = 64, 56, 24, 16
"""Sizes of ELF's structures for 64 bits."""
_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_READ_WRITE = 6
_PAGE = 0x1000
_END, _HASH, _STRINGS, _SYMBOLS, _STRINGS_SIZE, _SYMBOL_SIZE, _NAME = 0, 4, 5, 6, 10, 11, 14


def empty_library(name: str) -> bytes:
    r"""An ELF shared object that defines nothing.

    It has what the dynamic linker needs and no more: one segment with everything in it, writable
    since the linker puts addresses into the table of the second; that table, which names the
    library's strings, symbols (the null symbol alone) and their hash table (one empty bucket); and
    a stack that is not executable, without which newer systems refuse to load it.

    Args:
        name: the library's own name, such as ``libQnnLpai.so``.

    Example:
        >>> from edge_sdk_converters.snapdragon.stub import empty_library
        >>> empty_library("libnothing.so")[:4]
        b'\x7fELF'
    """
    strings = b"\0" + name.encode("ascii") + b"\0"
    symbols = bytes(_SYMBOL)
    buckets = struct.pack("<4I", 1, 1, 0, 0)  # buckets, symbols, the bucket, the chain
    symbols_at = _HEADER + 3 * _SEGMENT
    buckets_at = symbols_at + len(symbols)
    table_at = buckets_at + len(buckets)
    strings_at = table_at + 7 * _ENTRY
    size = strings_at + len(strings)
    table = b"".join(
        struct.pack("<qQ", tag, value)
        for tag, value in (
            (_NAME, 1),
            (_HASH, buckets_at),
            (_STRINGS, strings_at),
            (_SYMBOLS, symbols_at),
            (_STRINGS_SIZE, len(strings)),
            (_SYMBOL_SIZE, _SYMBOL),
            (_END, 0),
        )
    )
    segments = b"".join(
        struct.pack("<2I6Q", kind, _READ_WRITE, start, start, start, length, length, alignment)
        for kind, start, length, alignment in (
            (_LOAD, 0, size, _PAGE),
            (_DYNAMIC, table_at, len(table), 8),
            (_STACK, 0, 0, 16),
        )
    )
    return _header(segments=3) + segments + symbols + buckets + table + strings


def _header(segments: int) -> bytes:
    identity = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)  # 64 bits, little-endian, version 1
    shared, x86_64 = 3, 62
    return identity + struct.pack(
        "<2HI3QI6H", shared, x86_64, 1, 0, _HEADER, 0, 0, _HEADER, _SEGMENT, segments, 0, 0, 0
    )

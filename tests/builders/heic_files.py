"""HEIC files without a loss, written by hand: HEVC pictures of PCM blocks (H.265, 7.3.8.7) in HEIF.

No encoder of HEVC is free of the GPL; blocks whose samples are stored as they are need none. The
only symbols that go through the arithmetic coder say so: one of the context ``part_mode`` and two
that end a run, for each block.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
_LPS = (
    (128, 176, 208, 240), (128, 167, 197, 227), (128, 158, 187, 216), (123, 150, 178, 205),
    (116, 142, 169, 195), (111, 135, 160, 185), (105, 128, 152, 175), (100, 122, 144, 166),
    (95, 116, 137, 158), (90, 110, 130, 150), (85, 104, 123, 142), (81, 99, 117, 135),
)  # fmt: skip
"""H.265, table 9-46, for the first states: one a block, of which a file has at most twelve."""


class Bits:
    """A string of bits, most significant first."""

    def __init__(self) -> None:
        self.bits: list[int] = []

    def u(self, count: int, value: int) -> Bits:
        self.bits += [value >> place & 1 for place in reversed(range(count))]
        return self

    def ue(self, *values: int) -> Bits:
        for value in values:
            length = (value + 1).bit_length()
            self.u(2 * length - 1, value + 1)
        return self

    def align(self, first: int) -> Bits:
        """A bit, and zeros up to the next byte."""
        self.bits.append(first)
        return self.fill()

    def fill(self) -> Bits:
        self.bits += [0] * (-len(self.bits) % 8)
        return self

    def bytes(self) -> bytes:
        assert len(self.bits) % 8 == 0
        return np.packbits(np.array(self.bits, np.uint8)).tobytes()


class Coder:
    """The arithmetic encoder (H.265, 9.3.4.3, turned round)."""

    def __init__(self, out: Bits) -> None:
        self.out = out
        self.state = 0
        self.start()

    def start(self) -> None:
        self.low, self.range, self.waiting, self.first = 0, 510, 0, True

    def likely(self) -> None:
        """The likely symbol of the one context."""
        self.range -= _LPS[self.state][self.range >> 6 & 3]
        self.state += 1
        self._renormalize()

    def end(self, ends: bool) -> None:
        """A symbol that says whether a run ends."""
        self.range -= 2
        if not ends:
            self._renormalize()
            return
        self.low += self.range
        self.range = 2
        self._renormalize()
        self._put(self.low >> 9 & 1)
        self.out.u(2, self.low >> 7 & 3 | 1)

    def _renormalize(self) -> None:
        while self.range < 256:
            if self.low < 256:
                self._put(0)
            elif self.low >= 512:
                self.low -= 512
                self._put(1)
            else:
                self.low -= 256
                self.waiting += 1
            self.range *= 2
            self.low *= 2

    def _put(self, bit: int) -> None:
        if not self.first:
            self.out.bits.append(bit)
        self.first = False
        self.out.bits += [1 - bit] * self.waiting
        self.waiting = 0


def _profile(bits: Bits) -> Bits:
    """Range extensions (4:4:4), level 4."""
    bits.u(2, 0).u(1, 0).u(5, 4).u(32, 1 << 27).u(4, 0b1001)
    return bits.u(43, 0).u(1, 0).u(8, 120)


def _nal(kind: int, payload: bytes) -> bytes:
    safe, zeros = bytearray(), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            safe.append(3)
            zeros = 0
        safe.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return struct.pack(">H", kind << 9 | 1) + bytes(safe)


def _parameters(width: int, height: int, depth: int) -> tuple[bytes, bytes, bytes]:
    video = Bits().u(4, 0).u(2, 3).u(6, 0).u(3, 0).u(1, 1).u(16, 0xFFFF)
    _profile(video).u(1, 1).ue(0, 0, 0).u(6, 0).ue(0).u(2, 0).align(1)
    sequence = _profile(Bits().u(4, 0).u(3, 0).u(1, 1))
    sequence.ue(0, 3).u(1, 0).ue(width, height).u(1, 0).ue(depth - 8, depth - 8, 0).u(1, 1)
    # Coding blocks of 32 px alone, transforms of 4 to 32; no lists, AMP or SAO, but PCM.
    sequence.ue(0, 0, 0).ue(2, 0, 0, 3, 0, 0).u(3, 0).u(1, 1).u(4, depth - 1).u(4, depth - 1)
    sequence.ue(2, 0).u(1, 1).ue(0).u(5, 0).align(1)
    picture = Bits().ue(0, 0).u(7, 0).ue(0, 0, 0).u(3, 0).ue(0, 0).u(6, 0).u(1, 0)
    picture.u(1, 1).u(1, 0).u(1, 1).u(2, 0).ue(0).u(2, 0).align(1)
    return _nal(32, video.bytes()), _nal(33, sequence.bytes()), _nal(34, picture.bytes())


def _slice(planes: NDArray[np.integer], depth: int) -> bytes:
    """The whole picture, [3, H, W] in the order of the file."""
    bits = Bits().u(2, 0b10).ue(0, 2, 0).align(1)
    coder = Coder(bits)
    _, height, width = planes.shape
    corners = [(y, x) for y in range(0, height, BLOCK) for x in range(0, width, BLOCK)]
    for y, x in corners:
        coder.likely()
        coder.end(True)
        bits.fill()
        block = planes[:, y : y + BLOCK, x : x + BLOCK].reshape(-1, 1).astype(np.int64)
        bits.bits += (block >> np.arange(depth - 1, -1, -1) & 1).flatten().tolist()
        coder.start()
        coder.end((y, x) == corners[-1])
    return _nal(20, bits.fill().bytes())


def _box(kind: bytes, *parts: bytes, version: int | None = None, flags: int = 0) -> bytes:
    head = b"" if version is None else struct.pack(">I", version << 24 | flags)
    data = head + b"".join(parts)
    return struct.pack(">I4s", 8 + len(data), kind) + data


def write_heic(
    path: Path | str,
    levels: NDArray[np.integer],
    *,
    depth: int = 8,
    exif: bytes | None = None,
    icc_profile: bytes | None = None,
    quarter_turns: int = 0,
    transfer: int = 13,
) -> None:
    """Write a picture.

    Args:
        path: the file.
        levels: [H, W, 3] of ``depth`` bits; sides are multiples of 32 px, twelve blocks at most.
        depth: 8, 10 or 12.
        exif: a TIFF structure.
        icc_profile: stored beside the code of the samples.
        quarter_turns: counterclockwise, that a reader makes.
        transfer: characteristics by H.273; 13 for sRGB, 16 for PQ.
    """
    height, width, _ = levels.shape
    planes = levels.transpose(2, 0, 1)[[1, 2, 0]]  # identity matrix: green, blue, red
    sets = _parameters(width, height, depth)
    coded = _slice(planes, depth)
    data = struct.pack(">I", len(coded)) + coded
    record = struct.pack(">BBI", 1, 4, 1 << 27) + bytes([0x90, 0, 0, 0, 0, 0, 120])
    record += bytes([0xF0, 0, 0xFC, 0xFF, 0xF8 | depth - 8, 0xF8 | depth - 8, 0, 0, 0x0F, 3])
    for kind, nal in zip((32, 33, 34), sets, strict=True):
        record += struct.pack(">BHH", 0x80 | kind, 1, len(nal)) + nal
    properties = [
        _box(b"hvcC", record),
        _box(b"ispe", struct.pack(">II", width, height), version=0),
        _box(b"colr", b"nclx", struct.pack(">HHHB", 1, transfer, 0, 0x80)),
    ]
    if icc_profile is not None:
        properties.append(_box(b"colr", b"prof", icc_profile))
    if quarter_turns:
        properties.append(_box(b"irot", bytes([quarter_turns])))
    joined = bytes([0x80 | 1, *range(2, len(properties) + 1)])
    items = [(b"hvc1", data)]
    if exif is not None:
        items.append((b"Exif", struct.pack(">I", 0) + exif))
    entries = [
        _box(b"infe", struct.pack(">HH4s", index, 0, kind), b"\0", version=2)
        for index, (kind, _) in enumerate(items, 1)
    ]
    head = _box(b"ftyp", b"heix", bytes(4), b"mif1heix")

    def meta(start: int) -> bytes:
        places, at = b"", start
        for index, (_, part) in enumerate(items, 1):
            places += struct.pack(">HHHII", index, 0, 1, at, len(part))
            at += len(part)
        parts = [
            _box(b"hdlr", bytes(4), b"pict", bytes(12), b"\0", version=0),
            _box(b"pitm", struct.pack(">H", 1), version=0),
            _box(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)), places, version=0),
            _box(b"iinf", struct.pack(">H", len(items)), *entries, version=0),
            _box(
                b"iprp",
                _box(b"ipco", *properties),
                _box(b"ipma", struct.pack(">IHB", 1, 1, len(joined)), joined, version=0),
            ),
        ]
        if exif is not None:
            parts.append(_box(b"iref", _box(b"cdsc", struct.pack(">HHH", 2, 1, 1)), version=0))
        return _box(b"meta", *parts, version=0)

    start = len(head) + len(meta(0)) + 8
    Path(path).write_bytes(head + meta(start) + _box(b"mdat", *(part for _, part in items)))

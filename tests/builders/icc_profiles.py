"""ICC profiles of the usual working spaces, written from their published primaries and curves."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

SRGB_COLUMNS = (
    (0.43607, 0.22249, 0.01392),
    (0.38515, 0.71687, 0.09708),
    (0.14307, 0.06061, 0.7141),
)
P3_COLUMNS = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE_COLUMNS = (
    (0.60974, 0.31111, 0.01947),
    (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
)
"""X, Y and Z of red, green and blue under D50."""
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
D50 = (0.9642, 1.0, 0.8249)

Planes = NDArray[np.float64]


def decoded(values: Planes, curve: str) -> Planes:
    if curve == "adobe":
        return values ** (563 / 256)
    return np.where(values > 0.04045, ((values + 0.055) / 1.055) ** 2.4, values / 12.92)


def encoded(light: Planes, curve: str) -> Planes:
    light = np.clip(light, 0, 1)
    if curve == "adobe":
        return light ** (256 / 563)
    return np.where(light > 0.0031308, 1.055 * light ** (1 / 2.4) - 0.055, light * 12.92)


def xyz(values: tuple[float, ...]) -> bytes:
    numbers = (round(value * 65536) for value in values)
    return b"XYZ " + bytes(4) + struct.pack(">3i", *numbers)


def para(numbers: tuple[float, ...]) -> bytes:
    """``y = ((a·x + b)^g`` from d on, ``c·x`` before it."""
    kind = {1: 0, 5: 3}[len(numbers)]
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + b"".join(
        struct.pack(">i", round(number * 65536)) for number in numbers
    )  # fmt: skip


def curv(values: tuple[int, ...]) -> bytes:
    return b"curv" + bytes(4) + struct.pack(f">I{len(values)}H", len(values), *values)


def desc(name: str) -> bytes:
    text = name.encode("utf-16-be")
    return b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text


def profile(
    name: str,
    columns: tuple[tuple[float, ...], ...],
    curve: bytes,
    tables: bytes | None = None,
    space: bytes = b"RGB ",
) -> bytes:
    """A display profile of version 4: description, white, primaries, and one curve for all."""
    tags = {b"desc": desc(name), b"cprt": desc("none"), b"wtpt": xyz(D50)}
    for color, column in zip(b"rgb", columns, strict=True):
        tags[bytes([color]) + b"XYZ"] = xyz(column)
        tags[bytes([color]) + b"TRC"] = curve
    if space == b"GRAY":
        tags = {b"desc": desc(name), b"cprt": desc("none"), b"wtpt": xyz(D50), b"kTRC": curve}
    if tables is not None:
        tags[b"A2B0"] = tables
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += struct.pack(">4sII", tag, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = start + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"test", 0x04300000, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def table_of(columns: tuple[tuple[float, ...], ...]) -> bytes:
    """The same colors as a table of two steps a color (``mft2``), linear in sRGB's curve."""
    curve = decoded(np.linspace(0, 1, 1024), "srgb")
    corners = [np.array(columns).T @ (r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
    levels = np.clip(np.array(corners) * 32768, 0, 65535).round().astype(">u2")
    data = b"mft2" + bytes(4) + struct.pack(">BBBB", 3, 3, 2, 0)
    data += struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536) + struct.pack(">HH", 1024, 2)
    data += (curve * 65535).round().astype(">u2").tobytes() * 3 + levels.tobytes()
    return data + struct.pack(">6H", *(0, 65535) * 3)


SRGB = profile("sRGB of the tests", SRGB_COLUMNS, para(SRGB_CURVE))
DISPLAY_P3 = profile("Display P3", P3_COLUMNS, para(SRGB_CURVE))
ADOBE_RGB = profile("Adobe RGB (1998)", ADOBE_COLUMNS, curv((563,)))
SAMPLED_P3 = profile(
    "Sampled P3",
    P3_COLUMNS,
    curv(tuple(round(65535 * (((v + 0.055) / 1.055) ** 2.4 if v > 0.04045 else v / 12.92))
               for v in np.linspace(0, 1, 1024))),
)  # fmt: skip
P3_BY_TABLES = profile("P3 by tables", P3_COLUMNS, para(SRGB_CURVE), table_of(P3_COLUMNS))
GRAY = profile("Gray", P3_COLUMNS, para((2.2,)), space=b"GRAY")
BROKEN = b"this is no profile" * 20
CURVES = {"srgb": "srgb", "p3": "srgb", "adobe": "adobe"}
COLUMNS = {"srgb": SRGB_COLUMNS, "p3": P3_COLUMNS, "adobe": ADOBE_COLUMNS}


def stored_in(values: Planes, space: str) -> Planes:
    """SRGB values [3, H, W] as the same colors are stored in another space."""
    mixing = np.linalg.inv(np.array(COLUMNS[space]).T) @ np.array(SRGB_COLUMNS).T
    light = np.einsum("oc,chw->ohw", mixing, decoded(values, "srgb"))
    return encoded(light, CURVES[space])

"""Minimal DNGs: one uncompressed color-filter array with the tags that a reader needs."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL, _DOUBLE = 1, 2, 3, 4, 5, 10, 12
_FORMS = {_BYTE: "B", _ASCII: "s", _SHORT: "H", _LONG: "I", _DOUBLE: "d"}
XYZ_TO_SRGB = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)


@dataclass(frozen=True)
class Sensor:
    """What a DNG says of its camera.

    Attributes:
        neutral: what the camera measures of white in red, green and blue; the largest is 1.
        black: level of a sample without light.
        white: level of a full sample.
        matrix: from XYZ to the camera's colors, by rows.
        profile: NoiseProfile, pairs S, O; none is written where it is empty.
    """

    neutral: tuple[float, float, float] = (0.5, 1.0, 0.6)
    black: int = 64
    white: int = 4095
    matrix: tuple[float, ...] = XYZ_TO_SRGB
    profile: tuple[float, ...] = ()


def mosaic(colors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep of [H, W, 3] the color that the pattern RGGB lets through, [H, W]."""
    kept = colors[..., 1].copy()
    kept[::2, ::2] = colors[::2, ::2, 0]
    kept[1::2, 1::2] = colors[1::2, 1::2, 2]
    return kept


def write_dng(
    path: Path,
    linear: NDArray[np.float64],
    neutral: tuple[float, float, float] = (0.5, 1.0, 0.6),
    orientation: int = 1,
) -> None:
    """Write a picture as a camera whose primaries are those of sRGB would measure it.

    Args:
        path: the file.
        linear: [H, W, 3], proportional to light, in [0, 1].
        neutral: as in :class:`Sensor`.
        orientation: the tag.
    """
    write_samples(path, mosaic(linear * np.asarray(neutral)), Sensor(neutral), orientation)


def write_samples(
    path: Path, samples: NDArray[np.float64], sensor: Sensor, orientation: int = 1
) -> None:
    """Write what a sensor measured, [H, W], 0 at its black level and 1 at its white level."""
    levels = np.round(sensor.black + samples * (sensor.white - sensor.black))
    stored = levels.clip(0, sensor.white).astype("<u2")
    height, width = stored.shape
    entries: list[tuple[int, int, tuple[float, ...] | bytes]] = [
        (254, _LONG, (0,)),
        (256, _LONG, (width,)),
        (257, _LONG, (height,)),
        (258, _SHORT, (16,)),
        (259, _SHORT, (1,)),
        (262, _SHORT, (32803,)),
        (271, _ASCII, b"Maker\0"),
        (272, _ASCII, b"Model\0"),
        (273, _LONG, (0,)),
        (274, _SHORT, (orientation,)),
        (277, _SHORT, (1,)),
        (278, _LONG, (height,)),
        (279, _LONG, (stored.nbytes,)),
        (284, _SHORT, (1,)),
        (33421, _SHORT, (2, 2)),
        (33422, _BYTE, (0, 1, 1, 2)),
        (50706, _BYTE, (1, 4, 0, 0)),
        (50707, _BYTE, (1, 1, 0, 0)),
        (50708, _ASCII, b"Maker Model\0"),
        (50714, _LONG, (sensor.black,)),
        (50717, _LONG, (sensor.white,)),
        (50721, _SRATIONAL, _fractions(sensor.matrix)),
        (50728, _RATIONAL, _fractions(sensor.neutral)),
        (50778, _SHORT, (21,)),
    ]
    if sensor.profile:
        entries.append((51041, _DOUBLE, sensor.profile))
    size = 8 + 2 + 12 * len(entries) + 4
    extra = b""
    table = b""
    for tag, kind, values in entries:
        if tag == 273:
            table += struct.pack("<HHII", tag, kind, 1, 0xFFFFFFFF)
            continue
        body, count = _packed(kind, values)
        if len(body) > 4:
            place = struct.pack("<I", size + len(extra))
            extra += body + b"\0" * (len(body) % 2)
        else:
            place = body.ljust(4, b"\0")
        table += struct.pack("<HHI", tag, kind, count) + place
    table = table.replace(b"\xff\xff\xff\xff", struct.pack("<I", size + len(extra)))
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries))
    path.write_bytes(head + table + struct.pack("<I", 0) + extra + stored.tobytes())


def _fractions(values: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(part for value in values for part in (round(value * 10000), 10000))


def _packed(kind: int, values: tuple[float, ...] | bytes) -> tuple[bytes, int]:
    if isinstance(values, bytes):
        return values, len(values)
    if kind in (_RATIONAL, _SRATIONAL):
        sign = "i" if kind == _SRATIONAL else "I"
        return struct.pack(f"<{len(values)}{sign}", *map(int, values)), len(values) // 2
    return struct.pack(f"<{len(values)}{_FORMS[kind]}", *values), len(values)

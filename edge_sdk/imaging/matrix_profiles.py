"""ICC profiles of the matrix kind, evaluated in floats: a curve for each color, then a matrix.

    (X, Y, Z) = M · (f_r(R), f_g(G), f_b(B)),

the relative colors of ICC.1:2022, under D50. Displays and working spaces (sRGB, Display P3, Adobe
RGB, ProPhoto) are of this kind; profiles of printers and scanners are tables instead.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

CURVE_POINTS = 65_536
"""Points that curves are computed at: as many as there are levels of 16 bits."""
_HEADER_BYTES = 128
_TABLES = (b"A2B0", b"A2B1", b"D2B0", b"D2B1")
_COLORS = "rgb"
_PARAMETERS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}
"""Numbers of a parametric curve by its type."""
_ROWS_AT_ONCE = 64


class ProfileError(ValueError):
    """A profile that is damaged or not of the matrix kind; the message is the reason."""


@dataclass(frozen=True, eq=False)
class MatrixProfile:
    """What a matrix profile holds.

    Attributes:
        matrix: float64 [3, 3], from linear red, green and blue to X, Y and Z under D50.
        curves: float64 [3, 65536], linear light of red, green and blue at evenly spaced values.
    """

    matrix: NDArray[np.float64]
    curves: NDArray[np.float64]


def parse_matrix_profile(data: bytes) -> MatrixProfile:
    """Read a profile.

    Args:
        data: the whole profile.

    Raises:
        ProfileError: if it is damaged, for other colors than RGB, or made of tables.
    """
    if len(data) < _HEADER_BYTES + 4 or data[36:40] != b"acsp":
        raise ProfileError("it is damaged")
    if data[16:20] != b"RGB ":
        raise ProfileError("it is not for RGB")
    try:
        tags = _tags(data)
        names = [f"{color}{kind}".encode() for kind in ("XYZ", "TRC") for color in _COLORS]
        if (
            data[20:24] != b"XYZ "
            or any(tag in tags for tag in _TABLES)
            or not set(names) <= set(tags)
        ):
            raise ProfileError("it is made of tables, not of curves and a matrix")
        matrix = np.array([_xyz(tags[name]) for name in names[:3]]).T
        # Most profiles have one curve for all three colors.
        known = {tag: _curve(tag) for tag in {tags[name] for name in names[3:]}}
        curves = np.stack([known[tags[name]] for name in names[3:]])
    except struct.error as error:
        raise ProfileError("it is damaged") from error
    if not np.isfinite(curves).all() or abs(np.linalg.det(matrix)) < 1e-6:
        raise ProfileError("it is damaged")
    return MatrixProfile(matrix, curves)


def convert_levels(
    pixels: NDArray[np.float32], source: MatrixProfile, target: MatrixProfile
) -> NDArray[np.float32]:
    """Colors of one profile in another, relative to white; what the other lacks is clipped.

    Args:
        pixels: float32 [3, H, W] in [0, 1], encoded as ``source`` says.
        source: what the values mean.
        target: what the result shall mean.

    Returns:
        Float32 [3, H, W] in [0, 1].
    """
    mixing = np.linalg.solve(target.matrix, source.matrix)
    grid = np.linspace(0.0, 1.0, CURVE_POINTS)
    rising = np.maximum.accumulate(target.curves, axis=1)
    converted = np.empty_like(pixels)
    for top in range(0, pixels.shape[1], _ROWS_AT_ONCE):
        rows = pixels[:, top : top + _ROWS_AT_ONCE]
        linear = np.stack([np.interp(rows[c], grid, source.curves[c]) for c in range(3)])
        mixed = np.einsum("oc,chw->ohw", mixing, linear)
        for c in range(3):
            converted[c, top : top + _ROWS_AT_ONCE] = np.interp(mixed[c], rising[c], grid)
    return converted


def _tags(data: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", data, _HEADER_BYTES)
    found = {}
    for at in range(_HEADER_BYTES + 4, _HEADER_BYTES + 4 + 12 * min(count, 1000), 12):
        name, start, size = struct.unpack_from(">4sII", data, at)
        if start + size > len(data):
            raise ProfileError("it is damaged")
        found[name] = data[start : start + size]
    return found


def _xyz(tag: bytes) -> tuple[float, ...]:
    if tag[:4] != b"XYZ ":
        raise ProfileError("it is damaged")
    return tuple(value / 65536 for value in struct.unpack_from(">3i", tag, 8))


def _curve(tag: bytes) -> Curve:
    """Linear light at evenly spaced values, by ``curv`` or ``para``."""
    x = np.linspace(0.0, 1.0, CURVE_POINTS)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        values = np.array(struct.unpack_from(f">{count}H", tag, 12), np.float64)
        if count == 1:
            return np.asarray(np.power(x, values[0] / 256))
        return np.interp(x, np.linspace(0.0, 1.0, count), values / 65535)
    if tag[:4] != b"para":
        raise ProfileError("it is damaged")
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind not in _PARAMETERS:
        raise ProfileError("it is damaged")
    numbers = struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)
    return _parametric(kind, [value / 65536 for value in numbers], x)


def _parametric(kind: int, numbers: list[float], x: Curve) -> Curve:
    """ICC.1:2022, table 68: (a·x + b)^g + e from x = d on, c·x + f before it."""
    g, a, b, c, d, e, f = 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind == 0:
        (g,) = numbers
    elif kind in (1, 2):
        g, a, b, *rest = numbers
        d = -b / a if a else 0.0
        e = f = rest[0] if rest else 0.0
    else:
        g, a, b, c, d, *rest = numbers
        e, f = rest or (0.0, 0.0)
    with np.errstate(over="ignore"):
        power = np.maximum(a * x + b, 0.0) ** g + e
    return np.clip(np.where(x >= d, power, c * x + f), 0.0, 1.0)

"""Noise of a raw file's samples as its NoiseProfile states it, and what developing does to it."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_sdk.imaging.tiff_directories import read_directories

_log = logging.getLogger(__name__)

_NOISE_PROFILE = 51041
_PHOTOMETRIC, _COLOR_FILTER_ARRAY = 262, 32803

_SINGULAR = 1e-3

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class RawNoise:
    """What a DNG states of its noise, and the gains and the matrix that it is developed with.

    Of a sample x in [0, 1], black level 0 and white level 1, the variance is S·x + O.

    Attributes:
        shot: S of red, green and blue, 0 or more.
        read: O of red, green and blue, the variance of a black sample, 0 or more.
        gains: what white balance multiplies red, green and blue by; the least is 1.
        matrix: rows of the matrix from balanced camera colors to linear sRGB; each adds up to 1.

    Example:
        >>> from edge_sdk.imaging.raw_noise import RawNoise
        >>> same = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
        >>> night = RawNoise((4e-3,) * 3, (2e-5,) * 3, (2.0, 1.0, 1.6), same)
        >>> night.gains[0]
        2.0
    """

    shot: Triple
    read: Triple
    gains: Triple
    matrix: tuple[Triple, Triple, Triple]


def read_raw_noise(data: bytes, raw: Any, name: str) -> RawNoise | None:
    """Read the tag NoiseProfile (51041) of a DNG with a Bayer pattern.

    Args:
        data: the whole file.
        raw: the same, as rawpy opened it.
        name: what to call it in the log, where a profile that means nothing is reported.

    Returns:
        ``None`` if the file has no such tag, its profile means nothing (another count than 2 or 6,
        a negative number, all 0), or its colors do not lie in squares of 2×2.
    """
    stated = _stated(data)
    if stated is None or raw.raw_type.name != "Flat" or raw.num_colors != 3:
        return None
    pattern = raw.raw_pattern
    if pattern is None or pattern.shape != (2, 2):
        return None
    if len(stated) == 2:
        stated = stated * 3
    shot, read = stated[::2], stated[1::2]
    if len(stated) != 6 or not all(math.isfinite(x) and x >= 0 for x in stated) or not any(stated):
        _log.warning("%s: its NoiseProfile means nothing and is left out", name)
        return None
    balance = raw.camera_whitebalance
    if not balance[0] > 0:
        balance = raw.daylight_whitebalance
    least = min(balance[:3])
    red, green, blue = (
        _triple([float(value) for value in row[:3]]) for row in raw.color_matrix[:3]
    )
    # Zeros stand for a camera whose colors are not known.
    if not least > 0 or not abs(np.linalg.det((red, green, blue))) > _SINGULAR:
        return None
    gains = _triple([float(value) / least for value in balance[:3]])
    return RawNoise(_triple(shot), _triple(read), gains, (red, green, blue))


def _stated(data: bytes) -> tuple[float, ...] | None:
    """Of the directory of the raw samples where that has one, else of the first that has."""
    found = [
        directory
        for directory in read_directories(data, (_NOISE_PROFILE, _PHOTOMETRIC))
        if _NOISE_PROFILE in directory
    ]
    found.sort(key=lambda directory: directory.get(_PHOTOMETRIC) != (_COLOR_FILTER_ARRAY,))
    return found[0][_NOISE_PROFILE] if found else None


def _triple(values: Any) -> Triple:
    red, green, blue = values
    return red, green, blue

"""When a picture was taken: by its EXIF, else by its name, else by the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.errors import PictureError

if TYPE_CHECKING:
    from PIL import Image

_EXIF_IFD = 0x8769
_DATE_TIME, _TAKEN, _FRACTION, _FRACTION_TAKEN = 0x0132, 0x9003, 0x9290, 0x9291
_NAMED = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(\d\d)[-_.]?(\d\d)[-_.T ]{0,3}(\d\d)[-_.h]?(\d\d)[-_.m]?(\d\d)"
    r"(?:[-_.]?(\d{3})(?!\d))?"
)
"""20240131_235959, with milliseconds or without, joined in the ways that phones do."""
_NAMED_MS = re.compile(r"(?<!\d)(1\d{12})(?!\d)")
"""Milliseconds since 1970."""
_FIRST_YEAR, _LAST_YEAR = 1980, 2100


class TimeSource(StrEnum):
    """How the time of a picture is known, the best first."""

    TAKEN = "EXIF DateTimeOriginal"
    CHANGED = "EXIF DateTime"
    NAME = "the file's name"
    FILE = "the file's modification time"


@dataclass(frozen=True)
class CaptureTime:
    """When a picture was taken.

    Attributes:
        seconds: on the camera's clock, whose zone is not known, since the start of 1970 there.
        source: how that is known; times of different sources are not comparable.
    """

    seconds: float
    source: TimeSource

    @property
    def text(self) -> str:
        """Date and time for people, to a hundredth of a second."""
        moment = datetime.fromtimestamp(self.seconds, UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 10_000:02d}"


def capture_time(exif: Image.Exif, path: Path) -> CaptureTime:
    """When a picture was taken.

    Args:
        exif: its tags.
        path: the file.

    Raises:
        PictureError: if it has no time of its own and the file is gone.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from edge_sdk.burst.folders.capture_time import capture_time
        >>> found = capture_time(Image.Exif(), Path("IMG_20240101_120000_BURST001.jpg"))
        >>> found.text, str(found.source)
        ('2024-01-01 12:00:00.00', "the file's name")
    """
    directory = exif.get_ifd(_EXIF_IFD)
    taken = _exif_time(directory.get(_TAKEN), directory.get(_FRACTION_TAKEN))
    if taken is not None:
        return CaptureTime(taken, TimeSource.TAKEN)
    changed = _exif_time(exif.get(_DATE_TIME), directory.get(_FRACTION))
    if changed is not None:
        return CaptureTime(changed, TimeSource.CHANGED)
    named = time_in_name(path.name)
    if named is not None:
        return CaptureTime(named, TimeSource.NAME)
    try:
        local = datetime.fromtimestamp(path.stat().st_mtime)
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror or error})") from error
    return CaptureTime(local.replace(tzinfo=UTC).timestamp(), TimeSource.FILE)


def time_in_name(name: str) -> float | None:
    """Seconds since the start of 1970 that the name of a file tells, or None.

    Args:
        name: such as ``PXL_20240131_235959123.jpg`` or ``1706745599123.jpg``.
    """
    for match in _NAMED.finditer(name):
        *date, fraction = match.groups()
        seconds = _seconds(*(int(part) for part in date))
        if seconds is not None:
            return seconds + (int(fraction) / 1000 if fraction else 0.0)
    found = _NAMED_MS.search(name)
    return None if found is None else int(found[1]) / 1000


def _exif_time(value: object, fraction: object) -> float | None:
    match = re.match(r"(\d{4})\D(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)\D(\d\d)", _text(value))
    seconds = None if match is None else _seconds(*(int(part) for part in match.groups()))
    if seconds is None:
        return None
    digits = re.match(r"\d+", _text(fraction))
    return seconds + (float(f"0.{digits[0]}") if digits else 0.0)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return value.strip(" \0") if isinstance(value, str) else ""


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float | None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None

"""What lies right inside a folder of pictures, and in which order it is taken."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.errors import InputError, PictureError


@dataclass(frozen=True)
class Inside:
    """What lies right inside a folder, in the order of names.

    Attributes:
        files: those that are not hidden, and links that lead nowhere, of which whoever opens them
            says so; no devices and pipes.
        folders: likewise.
    """

    files: tuple[Path, ...]
    folders: tuple[Path, ...]


def inside(folder: Path) -> Inside:
    """List a folder; numbers in names count by their value.

    Args:
        folder: to look into.

    Raises:
        InputError: if there is no such folder.
        PictureError: if it cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.burst.frames.folder import inside
        >>> Path("day/more").mkdir(parents=True)
        >>> for name in ("10.png", "9.png", ".hidden.png"):
        ...     Path("day", name).touch()
        >>> found = inside(Path("day"))
        >>> [path.name for path in found.files], [path.name for path in found.folders]
        (['9.png', '10.png'], ['more'])
    """
    try:
        names = sorted(folder.iterdir(), key=by_number)
    except FileNotFoundError as error:
        raise InputError(f"{folder}: no such folder; check the path") from error
    except NotADirectoryError as error:
        raise InputError(f"{folder}: is a file; name the folder that it lies in") from error
    except OSError as error:
        raise PictureError(f"{folder}: cannot be read ({error.strerror or error})") from error
    files, folders = [], []
    # Systems and cameras keep notes of their own in hidden files.
    for path in names:
        if path.name.startswith("."):
            continue
        if is_folder(path):
            folders.append(path)
        elif _may_be_file(path):
            files.append(path)
    return Inside(tuple(files), tuple(folders))


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder; not where that cannot be told."""
    try:
        return path.is_dir()
    except OSError:
        return False


def by_number(path: Path) -> list[tuple[int, str]]:
    """Key that sorts files by their names, numbers in them by their values."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in parts]


def _may_be_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True

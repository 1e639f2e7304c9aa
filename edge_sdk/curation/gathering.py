"""Which pictures a collection has."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging.picture_files import SUFFIXES


@dataclass(frozen=True)
class Collection:
    """Pictures that are curated together.

    Attributes:
        pictures: files, sorted by their absolute paths.
        folders: folders that were named.
        root: absolute folder that all that was named lies in.
    """

    pictures: tuple[Path, ...]
    folders: tuple[Path, ...]
    root: Path

    def below_root(self, picture: Path) -> Path:
        """Where a picture lies in the root."""
        return absolute(picture).relative_to(self.root)


def absolute(path: Path) -> Path:
    """An absolute path without ``..``; links are not followed."""
    return Path(os.path.normpath(path.absolute()))


def gather(subjects: Iterable[Path]) -> Collection:
    """Find the pictures of a collection.

    A file is taken as it is. Of a folder all files are taken that have a picture's suffix, those in
    folders inside it too; names that begin with a dot are passed over, and links to folders are not
    followed. What is named twice is taken once; the order of the names does not matter.

    Args:
        subjects: files and folders.

    Raises:
        InputError: if there are none, one is not there, or a folder holds no picture.
        PictureError: if a folder cannot be read.
    """
    found: dict[Path, Path] = {}
    folders, roots = [], []
    for subject in subjects:
        if subject.is_dir():
            folders.append(subject)
            roots.append(absolute(subject))
            paths = _inside(subject)
        elif os.path.lexists(subject):
            roots.append(absolute(subject).parent)
            paths = [subject]
        else:
            raise InputError(f"{subject}: no such file or folder; check the path")
        for path in paths:
            name = absolute(path)
            found[name] = min(path, found.get(name, path), key=str)
    if not found:
        raise InputError(
            "no pictures given; name files or folders: edge-sdk curate PICTURE … -o LIST.txt"
        )
    pictures = tuple(found[name] for name in sorted(found, key=str))
    return Collection(pictures, tuple(folders), Path(os.path.commonpath(roots)))


def _inside(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        place = error.filename or folder
        raise PictureError(f"{place}: cannot be read ({error.strerror or error})") from error

    found = []
    for place, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in files if _is_picture(name)]
    if not found:
        raise InputError(f"{folder}: holds no picture; add {', '.join(SUFFIXES)}")
    return found


def _is_picture(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES

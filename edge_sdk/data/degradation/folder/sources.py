"""Which pictures are degraded, and what their pairs are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.errors import InputError
from edge_sdk.imaging.encoding import FORMATS
from edge_sdk.imaging.heic import SUFFIXES as HEIC_SUFFIXES


@dataclass(frozen=True)
class Source:
    """A picture to make pairs of.

    Attributes:
        path: the file, which nothing is written to.
        names: file names of its pairs, one for the whole picture, or one for each crop.
    """

    path: Path
    names: tuple[str, ...]


def find_sources(subjects: Sequence[Path], crops: int) -> list[Source]:
    """Pictures that a user names: files as they are, and all pictures right inside a folder.

    Args:
        subjects: files and folders.
        crops: number of crops of each picture; 0 for the whole picture.

    Raises:
        InputError: if there are none, a folder holds none, or pairs of two would have one name.
    """
    found: dict[str, Path] = {}
    sources = []
    for path in dict.fromkeys(path for subject in subjects for path in _pictures(subject)):
        names = pair_names(path.stem, crops)
        for name in names:
            other = found.setdefault(name, path)
            if other != path:
                raise InputError(
                    f"{other} and {path} would both become {name}; degrade them into two folders"
                )
        sources.append(Source(path, names))
    if not sources:
        raise InputError(
            "no pictures given; name files or folders: edge-sdk degrade PICTURE … -o DIR"
        )
    return sources


def pair_names(stem: str, crops: int) -> tuple[str, ...]:
    """File names of the pairs of a picture; those of crops are numbered.

    Example:
        >>> from edge_sdk.data.degradation.folder.sources import pair_names
        >>> pair_names("cup", 0), pair_names("cup", 2)
        (('cup.png',), ('cup_0.png', 'cup_1.png'))
    """
    digits = len(str(crops - 1))
    return tuple(f"{stem}_{crop:0{digits}d}.png" for crop in range(crops)) or (f"{stem}.png",)


def _pictures(subject: Path) -> list[Path]:
    if not subject.is_dir():
        return [subject]
    suffixes = (*FORMATS, *HEIC_SUFFIXES)
    paths = sorted(path for path in subject.iterdir() if path.suffix.lower() in suffixes)
    paths = [path for path in paths if not path.name.startswith(".")]
    if not paths:
        raise InputError(f"{subject}: holds no picture; add {', '.join(suffixes)}")
    return paths


def check_apart(
    subjects: Sequence[Path], sources: Sequence[Source], places: Sequence[Path]
) -> None:
    """Make sure that nothing is written among the pictures.

    Args:
        subjects: what the user named.
        sources: the pictures of it.
        places: folders that are written to.

    Raises:
        InputError: if one is a folder of a picture, or lies in a folder that was named.
    """
    named = {subject.resolve() for subject in subjects if subject.is_dir()}
    beside = {source.path.resolve().parent for source in sources}
    for place in map(Path.resolve, places):
        if place in beside or named & {place, *place.parents}:
            raise InputError(
                f"{place}: lies in a folder of the pictures, or holds them; give another with -o"
            )

"""Pictures with the names of their classes: a folder for each class, or a table of files."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from edge_sdk.errors import InputError, MissingExtraError, PictureError
from edge_sdk.imaging import read_picture, to_levels
from edge_sdk.imaging.picture_files import SUFFIXES

_HEADER = ("file", "label")


@dataclass(frozen=True)
class LabelledFile:
    """A picture file and the number of its class, from 0."""

    path: Path
    label: int


@dataclass(frozen=True)
class LabelledPicture:
    """A picture and its class.

    Attributes:
        pixels: uint8 [3, H, W], sRGB.
        label: number of its class, from 0.
        name: its path.
    """

    pixels: Tensor
    label: int
    name: str


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures that were read.

    Attributes:
        pictures: those that could be.
        left_out: of every other the reason, one line that names it.
    """

    pictures: tuple[LabelledPicture, ...]
    left_out: tuple[str, ...]


def labelled_files(
    folder: Path, classes: Sequence[str], table: Path | None = None
) -> list[LabelledFile]:
    """Files of each class, in order; nothing is read of them.

    A file of unknown extension in a class's folder is among them, to be named when the rest is
    read; one in a table is refused. Hidden files are passed over.

    Args:
        folder: holds a folder for each class, searched recursively; with a table, the root of its
            paths.
        classes: names of the classes.
        table: CSV of ``file,label``, with this header.

    Raises:
        InputError: if the folder or the table is missing or no such thing, a class has no picture
            or is not known, or a file is listed that does not exist or is no picture.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.data.recognition.pictures import labelled_files
        >>> for name in ("cat", "dog"):
        ...     Path("pets", name).mkdir(parents=True)
        ...     Path("pets", name, "a.png").touch()
        >>> files = labelled_files(Path("pets"), ["cat", "dog"])
        >>> [(file.path.as_posix(), file.label) for file in files]
        [('pets/cat/a.png', 0), ('pets/dog/a.png', 1)]
    """
    if not folder.is_dir():
        what = "is a file; give the folder" if folder.exists() else "no such folder; give that"
        raise InputError(f"{folder}: {what} of the pictures")
    found = _in_folders(folder, classes) if table is None else _in_table(folder, classes, table)
    if table is not None:
        with_pictures = {file.label for file in found}
        for label, name in enumerate(classes):
            if label not in with_pictures:
                raise InputError(f"{table}: lists no picture of class '{name}'; add some")
    return found


def _in_folders(folder: Path, classes: Sequence[str]) -> list[LabelledFile]:
    there = sorted(
        path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    if len(there) < 2:
        names = f"one class alone, '{there[0]}'" if there else "no folder of a class"
        raise InputError(f"{folder}: holds {names}; give two or more, a folder for each")
    unknown = [name for name in there if name not in classes]
    if unknown:
        raise InputError(
            f"{folder / unknown[0]}: is no class of the model, which knows: {', '.join(classes)}; "
            "add it to model.classes, or move the folder away"
        )
    found = []
    for label, name in enumerate(classes):
        place = folder / name
        if not place.is_dir():
            raise InputError(f"{place}: no folder for class '{name}'; add it with its pictures")
        files = sorted(path for path in place.rglob("*") if path.is_file() and _shown(path, place))
        pictures = [path for path in files if path.suffix.lower() in SUFFIXES]
        if not pictures and files:
            raise _unknown_suffix(f"{files[0]}: ", files[0])
        if not pictures:
            raise InputError(f"{place}: class '{name}' has no picture; add some")
        found += [LabelledFile(path, label) for path in files]
    return found


def _shown(path: Path, below: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(below).parts)


def _in_table(folder: Path, classes: Sequence[str], table: Path) -> list[LabelledFile]:
    if table.suffix.lower() != ".csv":
        raise InputError(f"{table}: unknown extension '{table.suffix}'; give a .csv of file,label")
    if not table.is_file():
        raise InputError(f"{table}: no such table; check its path")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{table}: not a readable table ({error}); give a .csv in UTF-8"
        ) from error
    if not rows or tuple(cell.strip().lower() for cell in rows[0]) != _HEADER:
        raise InputError(f"{table}: does not begin with the line file,label; write it")
    found = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        found.append(_from_row(row, folder, classes, f"{table}, line {number}"))
    path, count = max(Counter(file.path for file in found).items(), key=_count, default=(table, 0))
    if count > 1:
        raise InputError(f"{table}: lists {path} more than once; leave one line")
    return found


def _count(item: tuple[Path, int]) -> int:
    return item[1]


def _from_row(row: Sequence[str], folder: Path, classes: Sequence[str], place: str) -> LabelledFile:
    if len(row) != len(_HEADER):
        raise InputError(f"{place}: has {len(row)} fields; give a file and its label")
    name, label = (cell.strip() for cell in row)
    path = folder / name
    if label not in classes:
        raise InputError(
            f"{place}: label '{label}' is no class of the model, which knows: {', '.join(classes)}"
        )
    if not path.is_file():
        raise InputError(f"{place}: {path} does not exist; correct the line, or remove it")
    if path.suffix.lower() not in SUFFIXES:
        raise _unknown_suffix(f"{place}: ", path)
    return LabelledFile(path, list(classes).index(label))


def _unknown_suffix(place: str, path: Path) -> InputError:
    return InputError(
        f"{place}unknown extension '{path.suffix}' of {path.name}; give PNG, JPEG, WebP, BMP, "
        "TIFF, HEIC or a camera's raw file"
    )


def read_labelled_file(file: LabelledFile) -> LabelledPicture:
    """Read a picture, in 8 bits.

    Raises:
        PictureError: if it cannot be read, or needs an extra that is not installed.
    """
    if file.path.suffix.lower() not in SUFFIXES:
        raise PictureError(str(_unknown_suffix(f"{file.path}: ", file.path)))
    try:
        pixels = read_picture(file.path).pixels
    except MissingExtraError as error:
        raise PictureError(f"{file.path}: {error}") from error
    return LabelledPicture(to_levels(pixels).byte(), file.label, str(file.path))


def read_labelled(files: Sequence[LabelledFile], classes: Sequence[str]) -> LabelledPictures:
    """Read pictures into memory, in 8 bits; one that cannot be read is left out and named.

    Args:
        files: what to read.
        classes: names of the classes.

    Raises:
        PictureError: if no picture of a class can be read; the message is that of the first.
    """
    pictures: list[LabelledPicture] = []
    left_out: list[str] = []
    reasons: dict[int, str] = {}
    for file in files:
        try:
            pictures.append(read_labelled_file(file))
        except PictureError as error:
            left_out.append(str(error))
            reasons.setdefault(file.label, str(error))
    read = {picture.label for picture in pictures}
    for label, reason in reasons.items():
        if label not in read:
            raise PictureError(f"class '{classes[label]}' has no readable picture: {reason}")
    return LabelledPictures(tuple(pictures), tuple(left_out))

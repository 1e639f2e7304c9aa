"""Scores that people gave: a table of pictures, each with a score or a class."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.data.quality.grades import CLASSES
from edge_sdk.errors import InputError

_KINDS = ("score", "class")


@dataclass(frozen=True)
class JudgedPicture:
    """A picture file and what a person said of it.

    Attributes:
        path: of the file.
        lowest: least score that the label allows, 0 to 100.
        highest: greatest; the same where the label is a score.
    """

    path: Path
    lowest: float
    highest: float


def read_judged(folder: Path, table: Path) -> list[JudgedPicture]:
    r"""Read a table of labels; no picture is opened.

    Args:
        folder: root of the paths in it.
        table: CSV in UTF-8 that begins with the line ``path,score`` or ``path,class``.

    Raises:
        InputError: if the table is missing or no such table, a score is not 0 to 100, a class is
            none of poor, medium and good, a file is listed twice or does not exist, or none is.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.data.quality.labels import read_judged
        >>> Path("a.png").touch()
        >>> count = Path("judged.csv").write_text("path,class\na.png,medium\n")
        >>> read_judged(Path(), Path("judged.csv"))
        [JudgedPicture(path=PosixPath('a.png'), lowest=30, highest=60)]
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError as error:
        raise InputError(f"{table}: no such table; check the path") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{table}: not a readable table ({error}); give a .csv in UTF-8"
        ) from error
    header = tuple(cell.strip().lower() for cell in rows[0]) if rows else ()
    if header not in [("path", kind) for kind in _KINDS]:
        raise InputError(f"{table}: does not begin with path,score or path,class; write that line")
    judged: dict[Path, JudgedPicture] = {}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        one = _judged(row, folder, header[1], f"{table}, line {number}")
        if one.path in judged:
            raise InputError(f"{table}, line {number}: lists {one.path} again; leave one line")
        judged[one.path] = one
    if not judged:
        raise InputError(f"{table}: lists no picture; add some")
    return list(judged.values())


def _judged(row: list[str], folder: Path, kind: str, place: str) -> JudgedPicture:
    if len(row) != 2:
        raise InputError(f"{place}: has {len(row)} fields; give a path and its {kind}")
    name, label = (cell.strip() for cell in row)
    path = folder / name
    if not path.is_file():
        raise InputError(f"{place}: {path} does not exist; correct the line, or remove it")
    lowest, highest = _scored(label, place) if kind == "score" else _classed(label, place)
    return JudgedPicture(path, lowest, highest)


def _scored(label: str, place: str) -> tuple[float, float]:
    try:
        score = float(label)
    except ValueError:
        score = math.nan
    if not 0 <= score <= 100:
        raise InputError(f"{place}: '{label}' is no score; give a number of 0 to 100")
    return score, score


def _classed(label: str, place: str) -> tuple[float, float]:
    if label not in CLASSES:
        raise InputError(f"{place}: '{label}' is no class; give one of {', '.join(CLASSES)}")
    starts = [*CLASSES.values(), 100]
    number = list(CLASSES).index(label)
    return starts[number], starts[number + 1]

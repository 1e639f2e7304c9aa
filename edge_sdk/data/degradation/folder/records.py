"""The files that say what a folder of pairs holds, and by which settings it was made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_sdk.digests import file_sha256
from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.json_records import from_json
from edge_sdk.outputs import replacing

CLEAN, DEGRADED = "clean", "degraded"
RECORDS, SETTINGS, SHEET, LOCK = "records.jsonl", "degradation.json", "sheet.html", ".lock"
FORMAT, VERSION = "edge-sdk degradation", 1


@dataclass(frozen=True)
class PairRecord:
    """A line of ``records.jsonl``.

    Attributes:
        name: file name of the pair in both folders.
        source: file name of the picture.
        source_sha256: of its file.
        left, top: corner of the crop in the picture, in pixels.
        width, height: of both pictures.
        seed: of all that was drawn for the pair; with the recipe and the clean picture it gives the
            degraded one again.
        steps: what was drawn, in the order in which it was applied.
        clean_sha256, degraded_sha256: of the two files.
    """

    name: str
    source: str
    source_sha256: str
    left: int
    top: int
    width: int
    height: int
    seed: int
    steps: tuple[dict[str, Any], ...]
    clean_sha256: str
    degraded_sha256: str

    @property
    def line(self) -> str:
        """The record as JSON, and the end of the line."""
        # In ASCII, since names of files may be no Unicode.
        return json.dumps(asdict(self)) + "\n"


def read_records(path: Path) -> dict[str, PairRecord]:
    """Records by name; a line that does not fit, such as one that was cut off, is passed over.

    Raises:
        OutputError: if the file cannot be read.
    """
    found = {}
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise OutputError(f"{path}: cannot be read ({error.strerror or error})") from error
    for line in lines:
        try:
            record = from_json(PairRecord, line)
        except InputError:
            continue
        found[record.name] = record
    return found


def write_records(path: Path, records: Iterable[PairRecord]) -> None:
    """Write all records, by name; they appear together or not.

    Raises:
        OutputError: if the file cannot be written.
    """
    lines = [record.line for record in sorted(records, key=lambda record: record.name)]
    with replacing(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def is_whole(record: PairRecord, folder: Path) -> bool:
    """Whether both files of a pair are there as they were written."""
    try:
        return (
            file_sha256(folder / CLEAN / record.name) == record.clean_sha256
            and file_sha256(folder / DEGRADED / record.name) == record.degraded_sha256
        )
    except PictureError:
        return False


def check_folder(folder: Path, settings: dict[str, Any], *, resume: bool) -> None:
    """Make sure that pairs of these settings may be written to a folder.

    Raises:
        OutputError: if it is a file, or holds something and ``resume`` is not given.
        InputError: if what it holds is no folder of pairs, or one of other settings.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder")
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"{folder}: the folder {folder.absolute().parent} does not exist")
    if not folder.is_dir() or {path.name for path in folder.iterdir()} <= {LOCK}:
        return
    if not resume:
        raise OutputError(
            f"{folder}: holds files already; give a new folder, or --resume to go on with its pairs"
        )
    try:
        found = json.loads((folder / SETTINGS).read_bytes())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"{folder}: holds other files and no pairs; give a new folder")
    # Through JSON, which makes lists of tuples.
    if found != json.loads(json.dumps(settings)):
        raise InputError(
            f"{folder}: was made by another recipe, seed or crop; give the same, or a new folder"
        )

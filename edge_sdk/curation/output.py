"""What a curation leaves: a list of the files that are kept, or a folder of copies of them."""

from __future__ import annotations

import json
import os
import shutil
from enum import Enum
from pathlib import Path
from typing import Any

from edge_sdk.curation.gathering import Collection
from edge_sdk.curation.verdicts import CurationResult
from edge_sdk.errors import InputError, OutputError, PictureError
from edge_sdk.imaging.picture_files import SUFFIXES
from edge_sdk.outputs import check_writable, replacing
from edge_sdk.progress import Progress

FORMAT, VERSION = "edge-sdk curation", 1
NEITHER = (*SUFFIXES, ".csv", ".html", ".jsonl", ".zip")
"""Suffixes of what is no list of ours, and that nobody gives to a folder."""


class Form(Enum):
    """What is written, told by the suffix; a name with any other suffix, or none, is a folder."""

    TEXT = ".txt"
    JSON = ".json"
    FOLDER = ""


def form_of(output: Path) -> Form:
    """What an output of this name is."""
    known = {form.value: form for form in Form}
    return known.get(output.suffix.lower(), Form.FOLDER)


def check_output(output: Path, collection: Collection) -> None:
    """Refuse, before any work, a place where something is or where pictures come from.

    Raises:
        InputError: if the suffix is that of another kind of file, or a folder of copies would lie
            inside a folder of the collection.
        OutputError: if something is there, or it cannot be written; an empty folder may be there.
    """
    if output.suffix.lower() in NEITHER:
        raise InputError(
            f"{output}: is neither a list, .txt or .json, nor the name of a folder; give one"
        )
    if form_of(output) is Form.FOLDER:
        place = output.resolve()
        for folder in collection.folders:
            if place == folder.resolve() or folder.resolve() in place.parents:
                raise InputError(
                    f"{output}: lies in {folder}, the pictures; give another folder with -o"
                )
        if output.is_dir() and not output.is_symlink():
            if any(output.iterdir()):
                raise OutputError(f"{output}: holds files already; give a new or empty folder")
            check_writable(output / "picture")
            return
    if os.path.lexists(output):
        raise OutputError(f"{output}: is there already; give another name with -o")
    check_writable(output)


def check_sheet(sheet: Path, output: Path | None, collection: Collection) -> None:
    """Refuse a page that would replace a picture or the output, or cannot be written.

    Raises:
        InputError: if it would.
        OutputError: if it cannot.
    """
    place = sheet.resolve()
    taken = [picture for picture in collection.pictures if picture.resolve() == place]
    taken += [] if output is None or output.resolve() != place else [output]
    if taken:
        raise InputError(f"{sheet}: would replace {taken[0]}; give the page another name")
    check_writable(sheet)


def write_output(
    result: CurationResult,
    collection: Collection,
    settings: dict[str, Any],
    report: Progress,
) -> None:
    """Write the list or the copies, whole or not at all; files of the collection are only read.

    Copies lie as their originals do below the folder that holds all that was named.

    Args:
        result: what is kept, with an output.
        collection: where it is from.
        settings: limits, for a list as JSON.
        report: told of each copy.

    Raises:
        OutputError: if it cannot be written.
        PictureError: if a file that is kept has gone.
    """
    output = result.output
    assert output is not None
    form = form_of(output)
    if form is Form.FOLDER:
        _write_copies(result.kept, output, collection, report)
        return
    text = _text(result, output) if form is Form.TEXT else _json(result, settings)
    with replacing(output) as temporary:
        temporary.write_bytes(text)


def _text(result: CurationResult, output: Path) -> bytes:
    for path in result.kept:
        if "\n" in str(path):
            raise OutputError(
                f"{output}: cannot hold {path}, whose name has a line break; write a .json"
            )
    return b"".join(os.fsencode(path) + b"\n" for path in result.kept)


def _json(result: CurationResult, settings: dict[str, Any]) -> bytes:
    left_out = [
        {
            "path": str(verdict.path),
            "reason": verdict.reason,
            "detail": verdict.detail,
            "like": None if verdict.like is None else str(verdict.like),
        }
        for verdict in result.verdicts
        if not verdict.kept
    ]
    record = {
        "format": FORMAT,
        "version": VERSION,
        "settings": settings,
        "kept": [str(path) for path in result.kept],
        "left_out": left_out,
    }
    return (json.dumps(record, indent=1) + "\n").encode()


def _write_copies(
    kept: tuple[Path, ...], output: Path, collection: Collection, report: Progress
) -> None:
    if output.is_dir():
        # Empty: what is renamed into its place finds none.
        output.rmdir()
    with replacing(output) as temporary:
        temporary.mkdir()
        for done, path in enumerate(kept):
            report("copy", done, len(kept))
            place = temporary / collection.below_root(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                raise PictureError(f"{path}: was there and has gone; start again")
            shutil.copy2(path, place)
        report("copy", len(kept), len(kept))

"""The folder of a set: scenes that appear whole or not at all, and the set around them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge_sdk.errors import InputError, OutputError
from edge_sdk.outputs import replacing
from edge_sdk.pairs.config import PairConfig
from edge_sdk.pairs.dataset.record import RECORD, VERSION

SET_FORMAT = "edge-sdk pairs"
SET_RECORD = "set.json"
SHEET = "sheet.html"
SCENES = "scenes"
TEMPORARY = ".making-"
LOCK = ".lock"


@contextmanager
def open_folder(folder: Path, config: PairConfig, overwrite: bool) -> Iterator[None]:
    """Make the folder of a set, or find an earlier one of the same settings there; keep others out.

    What a run that was killed left half made is removed.

    Raises:
        OutputError: if the place is a file, holds other files, cannot be written, or another
            process builds a set there.
        InputError: if the set there was made with other settings, unless ``overwrite``.
    """
    from filelock import FileLock, Timeout

    _check_folder(folder, config, overwrite)
    try:
        (folder / SCENES).mkdir(parents=True, exist_ok=True)
        # Freed when the process ends, however it ends.
        lock = FileLock(folder / LOCK, blocking=False).acquire()
    except Timeout as error:
        raise OutputError(
            f"{folder}: another edge-sdk pairs builds this set; wait for its end, or give another "
            "folder"
        ) from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
    with lock:
        try:
            for half in (folder / SCENES).glob(f"{TEMPORARY}*"):
                shutil.rmtree(half)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from error
        write_set_record(folder, config, [])
        yield


def _check_folder(folder: Path, config: PairConfig, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder")
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"{folder}: the folder {folder.absolute().parent} does not exist")
    earlier = folder / SET_RECORD
    if earlier.exists():
        found = read_json(earlier)
        if found is None or found.get("format") != SET_FORMAT:
            raise OutputError(f"{earlier}: is no record of a set; give a new or empty folder")
        if found.get("version") != VERSION and not overwrite:
            raise InputError(
                f"{folder}: is a set of version {found.get('version')}, not {VERSION}; give "
                "another folder, or --overwrite"
            )
        if found.get("settings") != asdict(config) and not overwrite:
            raise InputError(
                f"{folder}: was made with other settings; give the same, another folder, or "
                "--overwrite"
            )
    elif folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"{folder}: holds other files and no set; give a new or empty folder")


@contextmanager
def making_scene(folder: Path, name: str) -> Iterator[Path]:
    """A temporary folder that becomes the folder of a scene, or goes.

    Raises:
        OutputError: if something cannot be written.
    """
    place = folder / SCENES / name
    try:
        with tempfile.TemporaryDirectory(dir=folder / SCENES, prefix=TEMPORARY) as temporary:
            fresh = Path(temporary) / "new"
            fresh.mkdir()
            yield fresh
            if place.exists():
                place.rename(Path(temporary) / "old")
            fresh.rename(place)
    except OSError as error:
        raise OutputError(f"{place}: cannot be written ({error.strerror or error})") from error


def remove_others(folder: Path, names: set[str]) -> list[str]:
    """Remove scenes of an earlier run that are not among the shots any more; their names."""
    gone = []
    for place in sorted((folder / SCENES).iterdir()):
        if place.name not in names and (place / RECORD).is_file():
            shutil.rmtree(place)
            gone.append(place.name)
    return gone


def write_set_record(folder: Path, config: PairConfig, scenes: list[dict[str, Any]]) -> None:
    """Write ``set.json``.

    Args:
        folder: the set.
        config: its settings.
        scenes: one entry per scene; none while the set is being made.
    """
    record = {
        "format": SET_FORMAT,
        "version": VERSION,
        "scale": config.scale,
        "complete": bool(scenes),
        "accepted": sum(bool(scene["accepted"]) for scene in scenes),
        "settings": asdict(config),
        "scenes": scenes,
    }
    write_json(folder / SET_RECORD, record)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a record, whole or not at all."""
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """A record, or ``None`` where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None

"""Measurements on disk while a collection is measured, so that a stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from edge_sdk.curation.criteria.criterion import Measured, Number
from edge_sdk.curation.gathering import absolute
from edge_sdk.errors import InputError, OutputError
from edge_sdk.json_records import Head, from_json, read_record

HEAD = Head("edge-sdk curation journal", 1)


@dataclass(frozen=True)
class _Start:
    measured_as: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    path: str
    size: int
    mtime_ns: int
    width: int
    height: int
    numbers: Mapping[str, Number] = field(default_factory=dict)


Key = tuple[str, int, int]
"""Absolute path, bytes, and time of the last change in nanoseconds."""


def key_of(path: Path) -> Key | None:
    """What a picture's measurements are kept under; ``None`` if it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return str(absolute(path)), found.st_size, found.st_mtime_ns


def journal_of(output: Path) -> Path:
    """Where the measurements for an output lie until it is written."""
    return output.with_name(f"{output.name}.journal.jsonl")


class Journal:
    """Measurements of pictures, one JSON line each; unreadable ones are not kept.

    Used as a context it is removed at the end, and stays where an error or a signal ends the block
    after something was measured.

    Args:
        path: the file.
        measured_as: what is measured; other measurements cannot be gone on with.
        resume: go on with what is there.

    Raises:
        InputError: if there is a journal and ``resume`` is not set, none and it is, or one of other
            measurements.
        OutputError: if it cannot be written.
    """

    def __init__(self, path: Path, measured_as: tuple[str, ...], *, resume: bool) -> None:
        self.path = path
        self._known: dict[Key, _Line] = {}
        if resume:
            self._read(measured_as)
        elif path.exists():
            raise InputError(
                f"{path}: holds measurements of a run that was stopped; go on with --resume, or "
                "remove it"
            )
        try:
            self._file: IO[str] = path.open("a", encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
        if not resume:
            self._write({**vars(HEAD), "measured_as": measured_as})

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is None or not self._known:
            self.path.unlink(missing_ok=True)

    def find(self, path: Path, key: Key | None) -> Measured | None:
        """What is known of a picture, if it is the file that was measured."""
        line = None if key is None else self._known.get(key)
        return None if line is None else Measured(path, line.width, line.height, line.numbers)

    def add(self, measured: Measured, key: Key | None) -> None:
        """Keep what was measured of a picture, as it was when it was looked at."""
        if key is None or measured.failure is not None:
            return
        name, size, mtime_ns = key
        line = _Line(name, size, mtime_ns, measured.width, measured.height, measured.numbers)
        self._known[key] = line
        self._write(vars(line))

    def _write(self, values: Mapping[str, object]) -> None:
        try:
            self._file.write(json.dumps(values) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be written ({error.strerror or error})"
            ) from error

    def _read(self, measured_as: tuple[str, ...]) -> None:
        start, lines = _lines(self.path)
        if start.measured_as != measured_as:
            raise InputError(
                f"{self.path}: holds measurements by other criteria "
                f"({', '.join(start.measured_as)}); remove it and start without --resume"
            )
        self._known = {(line.path, line.size, line.mtime_ns): line for line in lines}


def saved(path: Path) -> int:
    """Number of pictures whose measurements a journal holds; 0 if there is none."""
    try:
        return len(_lines(path)[1])
    except InputError:
        return 0


def _lines(path: Path) -> tuple[_Start, list[_Line]]:
    """What a journal holds; a last line that was cut is taken off the file."""
    try:
        whole, _, cut = path.read_bytes().rpartition(b"\n")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no journal to resume from; start without --resume") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        first, *rest = whole.split(b"\n")
        start = read_record(_Start, first, HEAD)
        found = [from_json(_Line, line) for line in rest]
        if cut:
            with path.open("r+b") as file:
                file.truncate(len(whole) + 1)
    except InputError as error:
        raise InputError(f"{path}: {error}; remove it and start without --resume") from error
    return start, found

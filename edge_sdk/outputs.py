"""Results that appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from edge_sdk.errors import OutputError

LONGEST_NAME_BYTES = 230
"""Longest file name that leaves room for the temporary name beside it (most systems allow 255)."""


def check_writable(path: Path) -> None:
    """Fail early, before long work, where a result could not be written later.

    Raises:
        OutputError: if the parent folder is missing or not writable, or ``path`` is a folder, a
            link that leads back to itself, or a device, pipe or socket, which a file would replace.
    """
    try:
        _check_place(path, path.absolute().parent)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}); choose another place"
        ) from error


def _check_place(path: Path, parent: Path) -> None:
    if len(os.fsencode(path.name)) > LONGEST_NAME_BYTES:
        raise OutputError(
            f"{path.name[:32]}…: the name is too long for a file; choose a shorter one"
        )
    if not parent.is_dir():
        if parent.exists():
            raise OutputError(f"{path}: {parent} is a file and no folder; choose another place")
        raise OutputError(f"{path}: the folder {parent} does not exist; create it first")
    with suppress(FileNotFoundError):
        there = path.stat().st_mode
        if stat.S_ISDIR(there):
            raise OutputError(f"{path}: is a folder; give the name of a file")
        if not stat.S_ISREG(there):
            raise OutputError(f"{path}: is a device or pipe; give the name of a file")
    if not os.access(parent, os.W_OK):
        raise OutputError(f"{path}: the folder {parent} is not writable; choose another place")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success it replaces ``path``, else it is removed.

    Where ``path`` is a link, the file it leads to is replaced.

    Raises:
        OutputError: if the place cannot be written, or the disk is full.
    """
    check_writable(path)
    path = path.resolve()
    check_writable(path)
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


@contextmanager
def after_writing(path: Path) -> Iterator[None]:
    """Say that ``path`` is there where a result that was to come after it cannot be written.

    Raises:
        OutputError: as the result raises it, with that said.
    """
    try:
        yield
    except OutputError as error:
        raise OutputError(f"{error}; {path} was written before and is whole") from error


def is_same_file(first: Path, second: Path) -> bool:
    """Whether two paths lead to one file, by links too; neither needs to exist."""
    try:
        return first.samefile(second)
    except OSError:
        # Path.resolve refuses a link that leads back to itself.
        return os.path.realpath(first) == os.path.realpath(second)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size

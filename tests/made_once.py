"""Files that are dear to make and that many tests only read: made once in a run of all workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

MakeOnce = Callable[[str, Callable[[Path], object]], Path]
"""Folder of a name; the function fills the folder that it is given, for whoever comes first."""


def made_once_in(base: Path) -> MakeOnce:
    """Keep folders in ``base``; who comes second waits until a folder is whole."""

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, partial = base / name, base / f"{name}.partial"
        with FileLock(base / f"{name}.lock"):
            if not folder.is_dir():
                # What a test that failed here left is of no use.
                partial.mkdir(parents=True)
                make(partial)
                partial.rename(folder)
        return folder

    return made


def shared_base(factory: pytest.TempPathFactory, *, is_worker: bool) -> Path:
    """Folder that all workers of a run see and no other run does."""
    own = factory.getbasetemp()
    base = (own.parent if is_worker else own) / "made_once"
    base.mkdir(exist_ok=True)
    return base

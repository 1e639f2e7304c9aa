"""Packages that are folders, such as ``.mlpackage``: written whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_sdk.errors import OutputError, first_line
from edge_sdk.outputs import check_writable

_LEFTOVERS = ("executorch_debug_handle_mapping.json",)
"""Files that coremltools adds beside the package's manifest and that no app reads."""


MARKS = {".mlpackage": "Manifest.json", ".aimodel": "metadata.json"}
"""The file that a package holds at its top and by which it is known, by the package's suffix."""


def is_package(path: Path) -> bool:
    """Whether artifacts of the suffix are folders."""
    return path.suffix in MARKS


def check_package_place(path: Path) -> None:
    """Fail early where a package folder could not be written later; one there may be replaced.

    Raises:
        OutputError: if ``path`` cannot be written, or something else is in the way.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise OutputError(
            f"{path}: a file is in the way, and an {path.suffix} is a folder; remove it or choose "
            "another name"
        )
    mark = MARKS[path.suffix]
    if path.is_dir() and not (path / mark).is_file():
        raise OutputError(
            f"{path}: the folder there has no {mark}, so it is no {path.suffix} to replace; "
            "remove it or choose another name"
        )
    check_writable(path / mark if path.is_dir() else path)


def write_package(source: Path, path: Path) -> None:
    """Copy a package folder to ``path``, whole or not at all; a package there is replaced.

    Raises:
        OutputError: if ``path`` cannot be written.
    """
    place_package(lambda fresh: shutil.copytree(source, fresh), path)


def place_package(write: Callable[[Path], object], path: Path) -> None:
    """Have ``write`` make a package beside ``path`` and rename it into its place.

    Args:
        write: makes the package at the path that it is given.
        path: where the package goes; one that is there is replaced.

    Raises:
        OutputError: if ``path`` cannot be written.
    """
    with _staging(path) as staging:
        fresh = staging / path.name
        write(fresh)
        for name in _LEFTOVERS:
            (fresh / name).unlink(missing_ok=True)
        replaced = staging / "replaced"
        if path.exists():
            path.rename(replaced)
        try:
            fresh.rename(path)
        except OSError:
            if replaced.exists():
                replaced.rename(path)
            raise


@contextmanager
def _staging(path: Path) -> Iterator[Path]:
    """Give a scratch folder beside ``path``, on the same file system, and remove it afterwards."""
    try:
        staging = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
        try:
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or first_line(error)}); choose a folder "
            "you can write to"
        ) from error

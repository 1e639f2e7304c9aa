"""Measuring pictures, each by itself, in one process or several."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from edge_sdk.curation.criteria.criterion import Criterion, Measured, Number
from edge_sdk.curation.opened import open_picture
from edge_sdk.errors import EdgeSdkError
from edge_sdk.worker_processes import map_in_processes

CHUNK = 4
"""Pictures that a process is given at once."""


def measure_file(path: Path, criteria: Sequence[Criterion]) -> Measured:
    """Read a picture and measure it by all criteria.

    One that cannot be read is no error: it says why in ``failure``.

    Args:
        path: of the file.
        criteria: what measures it.
    """
    try:
        picture = open_picture(path)
    except EdgeSdkError as error:
        return Measured(path, 0, 0, failure=str(error).removeprefix(f"{path}: "))
    numbers: dict[str, Number] = {}
    for criterion in criteria:
        numbers |= criterion.measure(picture)
    return Measured(path, picture.width, picture.height, numbers)


def measure_files(
    paths: Sequence[Path], criteria: Sequence[Criterion], workers: int
) -> Generator[Measured, None, None]:
    """Measure pictures; what comes out is the same for any number of processes.

    Args:
        paths: the files.
        criteria: what measures them.
        workers: processes; 1 measures in this one.

    Yields:
        One for each file, in their order, as soon as those before it are there.

    Raises:
        InputError: if a process ended before its time.
    """
    if workers == 1 or len(paths) <= 1:
        yield from (measure_file(path, criteria) for path in paths)
        return
    yield from map_in_processes(
        _measure,
        paths,
        min(workers, len(paths)),
        "go on with --resume and fewer --workers",
        chunk=CHUNK,
        prepare=_keep,
        prepared_by=(tuple(criteria),),
    )


_criteria: tuple[Criterion, ...] = ()
"""Of a process that measures: given once, since a scorer may hold a network."""


def _keep(criteria: tuple[Criterion, ...]) -> None:
    global _criteria
    _criteria = criteria


def _measure(path: Path) -> Measured:
    return measure_file(path, _criteria)

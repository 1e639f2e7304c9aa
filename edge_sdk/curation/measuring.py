"""Measuring pictures, each by itself, in one process or several."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from edge_sdk.curation.criteria.criterion import Criterion, Measured, Number
from edge_sdk.curation.opened import open_picture
from edge_sdk.errors import EdgeSdkError, InputError

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
) -> Iterator[Measured]:
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
    # A fork would copy locks that threads of PyTorch and OpenCV hold.
    pool = ProcessPoolExecutor(
        min(workers, len(paths)), get_context("spawn"), _start, (tuple(criteria),)
    )
    try:
        yield from pool.map(_measure, paths, chunksize=CHUNK)
    except BrokenProcessPool as error:
        raise InputError(
            "a process that measured pictures was ended, as where memory is short; go on with "
            "--resume and fewer --workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_criteria: tuple[Criterion, ...] = ()
"""Of a process that measures: given once, since a scorer may hold a network."""


def _start(criteria: tuple[Criterion, ...]) -> None:
    """Prepare a process: one thread, and Ctrl-C left to the process that gives the work."""
    global _criteria
    import cv2
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    _criteria = criteria


def _measure(path: Path) -> Measured:
    return measure_file(path, _criteria)

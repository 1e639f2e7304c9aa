"""Work on one item after the other, spread over processes that start anew."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any, TypeVar

from edge_sdk.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    advice: str,
    *,
    chunk: int = 1,
    prepare: Callable[..., None] | None = None,
    prepared_by: tuple[Any, ...] = (),
) -> Iterator[Result]:
    """``function`` of every item, by processes of one thread each.

    Args:
        function: importable by its name, as are the classes of items and results.
        items: what it is called with.
        workers: processes, 1 or more.
        advice: what the error says to do where a process is ended.
        chunk: items that a process is given at once.
        prepare: called once in each process, with ``prepared_by``.
        prepared_by: its arguments.

    Yields:
        The results in the order of the items, each as soon as those before it are there.

    Raises:
        InputError: if a process ended before its time.
    """
    # A fork would copy locks that threads of PyTorch and OpenCV hold.
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start, (prepare, prepared_by))
    try:
        yield from pool.map(function, items, chunksize=chunk)
    except BrokenProcessPool as error:
        raise InputError(
            f"a worker process was ended, as where memory is short; {advice}"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def keep_to_one_thread() -> None:
    """Let OpenCV and PyTorch compute with one thread in this process.

    PyTorch is not imported for that: it takes longer than measuring hundreds of pictures.
    """
    import cv2

    cv2.setNumThreads(1)
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _start(prepare: Callable[..., None] | None, prepared_by: tuple[Any, ...]) -> None:
    """One thread, and Ctrl-C left to the process that gives the work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_to_one_thread()
    if prepare is not None:
        prepare(*prepared_by)

"""Runtimes written in C++ log to file descriptor 2, where no Python switch reaches."""

from __future__ import annotations

import atexit
import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard what the process writes to standard error, for the length of one call."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@functools.cache
def silence_exit() -> None:
    """Discard standard error once Python's own work is done: libraries log while they unload.

    What is registered with ``atexit`` later than this still reaches the user.
    """
    atexit.register(_end_stderr)


def _end_stderr() -> None:
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)

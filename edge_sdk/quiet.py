"""What other packages say and change, kept from the user for the length of one call."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import random
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def suppressed_messages() -> Iterator[None]:
    """Suppress warnings and log messages that packages give of their internals, for one call.

    Afterwards the filters and the format of warnings, the threshold of logging and the handlers of
    the root logger are restored: packages change them when they are imported or used.
    """
    threshold, handlers = logging.root.manager.disable, logging.root.handlers[:]
    form = warnings.formatwarning
    logging.disable(max(threshold, logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        warnings.formatwarning = form
        logging.root.handlers[:] = handlers
        logging.disable(threshold)


@contextmanager
def at_level(name: str, level: int) -> Iterator[None]:
    """Let a package's logger pass only messages of ``level`` and above, for one call."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(level)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def environment(*kept: str, **defaults: str) -> Iterator[None]:
    """Set variables that the user has not set, for one call.

    Args:
        kept: variables that something else may change meanwhile.
        defaults: values of those to set; they too are restored afterwards.

    Example:
        >>> import os
        >>> from edge_sdk.quiet import environment
        >>> with environment(EDGE_SDK_SHOWN="1"):
        ...     os.environ["EDGE_SDK_SHOWN"]
        '1'
        >>> "EDGE_SDK_SHOWN" in os.environ
        False
    """
    before = {name: os.environ.get(name) for name in (*kept, *defaults)}
    os.environ.update({name: text for name, text in defaults.items() if before[name] is None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def random_states() -> Iterator[None]:
    """Restore the generators of Python, NumPy and PyTorch after one call that seeds them."""
    import numpy as np
    import torch

    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - what users may seed
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard what the process writes to standard error, for the length of one call.

    Runtimes written in C++ log to file descriptor 2, where no Python switch reaches.
    """
    with _discarded(2):
        yield


@contextmanager
def quiet_output() -> Iterator[None]:
    """Discard what the process writes to standard output and error, for the length of one call.

    For libraries that talk on standard output, where answers to the user belong.
    """
    sys.stdout.flush()
    with _discarded(1), _discarded(2):
        yield
        sys.stdout.flush()


_LOCK = threading.Lock()
_DISCARDED: dict[int, list[int]] = {}
"""By descriptor: how many discard it now, and what it was before the first of them."""


@contextmanager
def _discarded(descriptor: int) -> Iterator[None]:
    """Threads may overlap: the first of them turns the descriptor away, the last one back."""
    with _LOCK:
        if descriptor not in _DISCARDED:
            kept, nowhere = os.dup(descriptor), os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
            _DISCARDED[descriptor] = [0, kept]
        _DISCARDED[descriptor][0] += 1
    try:
        yield
    finally:
        with _LOCK:
            _DISCARDED[descriptor][0] -= 1
            count, kept = _DISCARDED[descriptor]
            if count == 0:
                os.dup2(kept, descriptor)
                os.close(kept)
                del _DISCARDED[descriptor]


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

"""coremltools without its log output: one import, and one context for every call into it."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import warnings
from collections.abc import Iterator
from types import ModuleType

from edge_sdk import extras
from edge_sdk.artifacts.quiet import quiet_stderr

LOGGER_NAME = "coremltools"
_TENSORFLOW_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


class _Recorder(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())


@contextlib.contextmanager
def silenced() -> Iterator[list[str]]:
    """Keep coremltools' warnings and progress bars from the user for the length of a call.

    Python's standard error is redirected meanwhile, for the whole process: the progress bars offer
    no other switch.

    Yields:
        The errors that coremltools logs meanwhile, oldest first. It names there the operator that
        it was converting when it raised.
    """
    logger = logging.getLogger(LOGGER_NAME)
    errors: list[str] = []
    recorder = _Recorder(errors)
    handlers, propagate = logger.handlers[:], logger.propagate
    logger.handlers[:], logger.propagate = [recorder], False
    # Packages that coremltools imports warn through loggers of their own.
    threshold = logging.root.manager.disable
    logging.disable(max(threshold, logging.WARNING))
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield errors
    finally:
        logging.disable(threshold)
        logger.handlers[:], logger.propagate = handlers, propagate


def import_coremltools() -> ModuleType:
    """Import coremltools without the version warnings that it logs on the way.

    Raises:
        MissingExtraError: if coremltools is not installed.
    """
    # coremltools imports TensorFlow where it finds it, and TensorFlow's C++ side reads this
    # variable once, while it is loaded, and writes past Python's standard error.
    given = os.environ.get(_TENSORFLOW_LOG_LEVEL)
    os.environ.setdefault(_TENSORFLOW_LOG_LEVEL, "2")
    try:
        with silenced(), quiet_stderr():
            return extras.require("coreml")
    finally:
        if given is None:
            del os.environ[_TENSORFLOW_LOG_LEVEL]


def one_line(error: BaseException) -> str:
    """First line of an error's message without its full stop; its type's name if it has none."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return first.rstrip(".:") or type(error).__name__

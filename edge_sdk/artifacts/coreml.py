"""coremltools without its log output: one import, and one context for every call into it."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from types import ModuleType

from edge_sdk import extras
from edge_sdk.quiet import environment, quiet_stderr, suppressed_messages

LOGGER_NAME = "coremltools"


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
    try:
        # Packages that coremltools imports warn through loggers of their own.
        with suppressed_messages(), contextlib.redirect_stderr(io.StringIO()):
            yield errors
    finally:
        logger.handlers[:], logger.propagate = handlers, propagate


def import_coremltools() -> ModuleType:
    """Import coremltools without the version warnings that it logs on the way.

    Raises:
        MissingExtraError: if coremltools is not installed.
    """
    # coremltools imports TensorFlow where it finds it, and TensorFlow's C++ side reads this
    # variable once, while it is loaded, and writes past Python's standard error.
    with environment(TF_CPP_MIN_LOG_LEVEL="2"), silenced(), quiet_stderr():
        return extras.require("coreml")


def one_line(error: BaseException) -> str:
    """First line of an error's message without its full stop; its type's name if it has none."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return first.rstrip(".:") or type(error).__name__

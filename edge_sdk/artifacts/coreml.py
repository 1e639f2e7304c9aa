"""coremltools without its log output: one import, and one context for every call into it."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from types import ModuleType

from edge_sdk import extras
from edge_sdk.quiet import environment, quiet_stderr, suppressed_messages

LOGGER_NAME = "coremltools"
UNUSED = ("executorch", "sklearn", "tensorflow")
"""Packages that coremltools imports for models that are not PyTorch's: seconds, and no use here."""
_alone = [False]


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


def use_alone() -> None:
    """Say that nobody else uses coremltools in this process: it loads in half the time.

    For programs of our own. In another's, coremltools must find what it looks for, since it would
    refuse TensorFlow's models for the rest of the process.
    """
    _alone[0] = True


def import_coremltools() -> ModuleType:
    """Import coremltools without the version warnings that it logs on the way.

    Raises:
        MissingExtraError: if coremltools is not installed.
    """
    # coremltools imports TensorFlow where it finds it, and TensorFlow's C++ side reads this
    # variable once, while it is loaded, and writes past Python's standard error.
    unseen = UNUSED if _alone[0] else ()
    with environment(TF_CPP_MIN_LOG_LEVEL="2"), silenced(), quiet_stderr(), hidden(*unseen):
        return extras.require("coreml")


@contextlib.contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Let packages that are not loaded yet look as if they were not installed, for one call.

    Example:
        >>> from edge_sdk.artifacts.coreml import hidden
        >>> with hidden("wave"):
        ...     import wave
        Traceback (most recent call last):
        ModuleNotFoundError: import of wave halted; None in sys.modules
        >>> import wave
    """
    hid = [name for name in packages if name not in sys.modules]
    try:
        sys.modules.update(dict.fromkeys(hid))  # type: ignore[arg-type]
        yield
    finally:
        for name in hid:
            sys.modules.pop(name, None)


def one_line(error: BaseException) -> str:
    """First line of an error's message without its full stop; its type's name if it has none."""
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return first.rstrip(".:") or type(error).__name__

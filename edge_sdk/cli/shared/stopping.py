"""Stopping a long command from outside: SIGINT (Ctrl-C) and SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """A signal that requested an end; no :class:`Exception`, so that nothing takes it for one.

    Args:
        number: number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number

    @property
    def status(self) -> int:
        """Exit status by the convention of shells: 128 and the number of the signal."""
        return 128 + self.number


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise :class:`Stopped` where SIGINT or SIGTERM arrives; the handlers before come back."""

    def stop(number: int, _: FrameType | None) -> None:
        raise Stopped(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

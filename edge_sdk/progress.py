"""One way for long work to report how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""``progress(label, done, total)``: what is being done, its steps done so far and its steps in all.

Functions that take long have a parameter ``on_progress: Progress | None``, called in the caller's
thread; what it raises ends the work.
"""


def silent(label: str, done: int, total: int) -> None:
    """Report nothing: what ``on_progress=None`` stands for."""

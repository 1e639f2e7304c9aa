"""Ctrl-C that was pressed, kept: a package in whose callback it arrives may swallow it."""

from __future__ import annotations

import signal

noted: list[int] = []
"""Signals that have arrived."""


def check() -> None:
    """End here if Ctrl-C was pressed and whoever was at work has gone on.

    Raises:
        KeyboardInterrupt: if it was.
    """
    if signal.SIGINT in noted:
        raise KeyboardInterrupt

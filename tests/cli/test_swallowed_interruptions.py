"""Ctrl-C that a package swallows in a callback of its own is noticed at the next step."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from edge_sdk.cli.shared import interruptions
from edge_sdk.cli.shared.console import progress_bars


@pytest.fixture
def pressed() -> Iterator[list[int]]:
    yield interruptions.noted
    interruptions.noted.clear()


def test_the_next_step_ends_the_command(pressed: list[int]) -> None:
    with progress_bars() as report:
        report("pack", 0, 2)
        pressed.append(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            report("pack", 1, 2)

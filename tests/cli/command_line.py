"""What a command printed and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def error_line(self) -> str:
        """The one line that a user's error prints; fails if there is more or less."""
        lines = self.err.splitlines()
        assert self.status == 2
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        assert "Traceback" not in self.err
        return lines[0]


Run = Callable[..., Outcome]

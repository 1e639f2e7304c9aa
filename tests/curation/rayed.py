"""Criteria that end the process they measure in, for workers of Ray."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.curation import Criterion, Finding, Measured, OpenedPicture


@dataclass(frozen=True)
class EndsItsProcess(Criterion):
    """Kills the process that measures a picture of this width, so long as a mark can be taken.

    Attributes:
        width: of that picture.
        marks: folder of marks, one of which is used up each time.
    """

    name = "ending"
    width: int
    marks: str

    def measure(self, picture: OpenedPicture) -> Mapping[str, float]:
        """Nothing, or the end."""
        if picture.width == self.width:
            for mark in sorted(Path(self.marks).iterdir()):
                mark.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
        return {}

    def judge(self, pictures: Sequence[Measured]) -> list[Finding | None]:
        """Everything passes."""
        return [None for _ in pictures]

"""A target that is known by name, and waits for what its vendor alone offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.errors import MissingExtraError
from edge_sdk_converters.checks.request import check_request

if TYPE_CHECKING:
    from torch import nn

    from edge_sdk.exported import Example
    from edge_sdk.targets import LoweringReport


class WaitingConverter(ABC):
    """Has all that a converter has, and refuses; a target of its own says what it lacks."""

    name = ""
    format = ""
    backend = ""
    suffix = ""
    precisions: tuple[str, ...] = ("fp16",)
    extra = ""
    runs_here = False

    def convert(
        self, model: nn.Module, example: Example, path: Path, precision: str = "fp16"
    ) -> LoweringReport:
        """Refuse, and say what is missing.

        Raises:
            InputError: if the precision or the suffix is not this target's.
            OutputError: if ``path`` cannot be written.
            MissingExtraError: always otherwise; it says what is missing, or what to take instead.
        """
        check_request(self.name, self.suffix, self.precisions, Path(path), precision)
        raise MissingExtraError(self.lacking())

    @abstractmethod
    def lacking(self) -> str:
        """What is missing, and what to take instead."""

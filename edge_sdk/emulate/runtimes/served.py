"""A file that its runtime runs in a process of its own, which ``serving`` is the program of."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.emulate.runtimes import serving
from edge_sdk.emulate.runtimes.child import Child
from edge_sdk.emulate.runtimes.serving import ARRAYS, ERROR, packed, read_message, unpacked
from edge_sdk.errors import ArtifactError, first_line


class ServedFile(Child):
    """The process of one file.

    Args:
        path: the file.
        what: the runtime, for messages.
        program: module whose ``opened`` opens the file there.
        arguments: what ``opened`` takes beside the file's path.
    """

    def __init__(
        self, path: Path, what: str, program: ModuleType, arguments: Sequence[str] = ()
    ) -> None:
        # -P: the folder of the program holds modules named as packages that it imports.
        command = [sys.executable, "-P", "-W", "ignore", serving.__file__]
        super().__init__(path, what, [*command, str(program.__file__), str(path), *arguments])

    def description(self) -> dict[str, Any]:
        """What the process tells of the model once it has loaded it.

        Raises:
            ArtifactError: if the runtime does not load the file.
        """
        with self.exchange() as (_, answers):
            told: dict[str, Any] = json.loads(self._answer(answers, "cannot load it"))
            return told

    def run(self, arrays: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
        """Arrays by name in, arrays by name out, as the model stores them.

        Raises:
            ArtifactError: if the runtime fails to run the file.
        """
        content = packed(arrays)
        with self.exchange() as (given, answers):
            serving.write_message(given, ARRAYS, content)
            answer = self._answer(answers, "fails to run it")
        return unpacked(answer)

    def _answer(self, answers: IO[bytes], fault: str) -> bytes:
        message = read_message(answers)
        if message is None:
            raise EOFError
        kind, content = message
        if kind == ERROR:
            told = first_line(RuntimeError(content.decode(errors="replace")))
            raise ArtifactError(
                f"{self._path}: {self._what} {fault} ({told}); convert the model again"
            )
        return content

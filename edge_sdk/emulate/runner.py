"""One interface for every runtime: load an artifact, run named arrays through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class RunnerInfo:
    """What a runner is and what agreement with it proves.

    Attributes:
        name: short name, such as ``executorch``.
        runtime: the runtime with its version, such as ``ExecuTorch 1.5.1``.
        proves: one sentence: what a match with PyTorch shows, and what it does not.
    """

    name: str
    runtime: str
    proves: str


class Runner(Protocol):
    """A loaded artifact. Arrays go in and come out in NCHW, whatever the artifact stores."""

    @property
    def info(self) -> RunnerInfo:
        """The runtime behind this runner."""
        ...

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        """Run the artifact once.

        Args:
            inputs: arrays by input name, float32, N×C×H×W, in the artifact's static shape.

        Returns:
            Arrays by output name, float32, N×C×H×W.

        Raises:
            ArtifactError: if a name or shape does not fit the artifact, or the runtime fails.
        """
        ...

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array that :meth:`run` expects, by name, in order; N×C×H×W."""
        ...


class RunnerFactory(Protocol):
    """Opens an artifact of one format."""

    def __call__(self, path: Path) -> Runner:
        """Load the artifact at ``path``.

        Raises:
            MissingExtraError: if the runtime is not installed.
            ArtifactError: if the file is damaged or of another format.
        """
        ...

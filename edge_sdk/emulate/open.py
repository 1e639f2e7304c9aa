"""Opens an artifact with the runtime that its suffix names."""

from __future__ import annotations

import importlib
from pathlib import Path

from edge_sdk.emulate.runner import Runner, RunnerFactory
from edge_sdk.errors import ArtifactError

RUNNERS = {
    ".pte": ("edge_sdk.emulate.executorch", "ExecuTorchRunner"),
    ".tflite": ("edge_sdk.emulate.litert", "LiteRTRunner"),
    ".mlpackage": ("edge_sdk.emulate.coreml", "CoreMLRunner"),
}
"""Module and class of the runner for each suffix, imported when first needed."""


def open_artifact(path: Path) -> Runner:
    """Load the artifact at ``path``.

    Raises:
        MissingExtraError: if its runtime is not installed.
        ArtifactError: if the suffix is unknown, there is no such file, or it is damaged.
    """
    path = Path(path)
    if path.suffix not in RUNNERS:
        raise ArtifactError(
            f"{path}: no runtime for suffix '{path.suffix}'; known are: {', '.join(RUNNERS)}"
        )
    if not path.exists():
        raise ArtifactError(f"{path}: no such file; convert the model first")
    module, name = RUNNERS[path.suffix]
    factory: RunnerFactory = getattr(importlib.import_module(module), name)
    return factory(path)

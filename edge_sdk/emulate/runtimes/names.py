"""Runtimes by their names, and the files that they run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edge_sdk.errors import ArtifactError, InputError

EAGER = "torch"
"""Runtime name of PyTorch itself."""


@dataclass(frozen=True)
class Runtime:
    """A runtime that this package drives.

    Attributes:
        name: what the user calls it.
        suffix: suffix of the artifacts that it runs.
        module: module of its runner, imported when first needed.
        runner: class of its runner.
        packages: what the runner imports, so that their memory can be separated from the model's.
        extra: extra of ``edge-sdk`` that installs the packages.
        takes_trial: whether the runner tries foreign files in a process of its own.
        takes_threads: whether the runner takes a number of threads.
    """

    name: str
    suffix: str
    module: str
    runner: str
    packages: tuple[str, ...]
    extra: str
    takes_trial: bool = True
    takes_threads: bool = False


SYNONYMS = {"eager": EAGER, "tflite": "litert"}
"""Names that runtimes have elsewhere, and what they are called here."""


RUNTIMES = {
    runtime.name: runtime
    for runtime in (
        Runtime(
            "executorch",
            ".pte",
            "edge_sdk.emulate.runtimes.executorch",
            "ExecuTorchRunner",
            ("executorch.runtime",),
            "executorch",
        ),
        Runtime(
            "litert",
            ".tflite",
            "edge_sdk.emulate.runtimes.litert",
            "LiteRTRunner",
            ("ai_edge_litert.interpreter", "ai_edge_litert.schema_py_generated"),
            "tflite",
            takes_threads=True,
        ),
        Runtime(
            "litert-gpu",
            ".tflite",
            "edge_sdk.emulate.runtimes.litert_gpu",
            "LiteRTGpuRunner",
            ("ai_edge_litert.compiled_model", "ai_edge_litert.schema_py_generated"),
            "tflite",
        ),
        Runtime(
            "coreml",
            ".mlpackage",
            "edge_sdk.emulate.runtimes.coreml",
            "CoreMLRunner",
            ("coremltools",),
            "coreml",
            takes_trial=False,
        ),
    )
}
"""All runtimes by name; the first of a suffix is the one that its files open with."""


SUFFIXES = tuple(dict.fromkeys(runtime.suffix for runtime in RUNTIMES.values()))
"""Suffixes of the artifacts that can be opened."""


def runtime_name(requested: str) -> str:
    """The name that a runtime has here, PyTorch's among them.

    Raises:
        InputError: if there is no such runtime.
    """
    name = SYNONYMS.get(requested, requested)
    known = (EAGER, *RUNTIMES)
    if name not in known:
        raise InputError(f"unknown runtime '{requested}'; choose one of: {', '.join(known)}")
    return name


def find_runtime(path: Path, name: str | None = None) -> Runtime:
    """The runtime ``name``, or the default one of the artifact's suffix.

    Raises:
        InputError: if no runtime has that name, or it does not run such files.
        ArtifactError: if the suffix is unknown.
    """
    if path.suffix not in SUFFIXES:
        raise ArtifactError(
            f"{path}: no runtime for suffix '{path.suffix}'; known are: {', '.join(SUFFIXES)}"
        )
    fitting = [runtime for runtime in RUNTIMES.values() if runtime.suffix == path.suffix]
    if name is None:
        return fitting[0]
    if name not in RUNTIMES:
        raise InputError(f"unknown runtime '{name}'; choose one of: {', '.join(RUNTIMES)}")
    if RUNTIMES[name] not in fitting:
        known = ", ".join(runtime.name for runtime in fitting)
        raise InputError(f"{path}: runtime '{name}' does not run such files; choose: {known}")
    return RUNTIMES[name]

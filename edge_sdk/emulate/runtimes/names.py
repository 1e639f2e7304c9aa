"""Runtimes by their names, and the files that they run: one table for every command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.emulate.runtimes.evidence import Evidence
from edge_sdk.emulate.runtimes.runner import Runner
from edge_sdk.errors import ArtifactError, InputError
from edge_sdk.registry import Registry

TORCH = "torch"
"""Name of PyTorch itself, which runs models and no files."""


@dataclass(frozen=True)
class Runtime:
    """A runtime that the SDK drives.

    Attributes:
        runner: class of its runner; takes the path of a file (PyTorch's takes a module).
        suffix: suffix of the artifacts that it runs; ``None`` for PyTorch.
        target: converter that makes files for it; ``None`` for PyTorch.
        packages: what the runner imports, so that their memory can be separated from the model's.
        extra: extra of ``edge-sdk`` that installs the packages; ``None`` if none does.
        on_request: whether files of the suffix open with it only where it is requested.
        own_files: which files of the suffix it alone runs, and it runs no others; ``None`` for a
            runtime of all that no other owns.
        emulates: whether it emulates a processor, so that its time says nothing of a phone's.
        takes_trial: whether the runner tries foreign files in a process of its own.
        takes_threads: whether the runner takes a number of threads.
        fix_threads: fixes the number of threads of the whole process, before a file is loaded.
        own_threads: whether it has threads that nothing fixes.
        codes_db: least agreement in dB with the PyTorch graph of the same int8 codes, where it is
            held to more than others.
        evidence: what kind of thing it is, beside what runs on a phone.

    Example:
        >>> from edge_sdk.emulate import RUNTIMES
        >>> runtime = RUNTIMES.find("torch")
        >>> runtime.suffix is None, runtime.target is None
        (True, True)
    """

    runner: Callable[..., Runner]
    suffix: str | None = None
    target: str | None = None
    packages: tuple[str, ...] = ()
    extra: str | None = None
    on_request: bool = False
    own_files: Callable[[Path], bool] | None = None
    emulates: bool = False
    takes_trial: bool = True
    takes_threads: bool = False
    fix_threads: Callable[[int], None] | None = None
    own_threads: bool = False
    codes_db: float | None = None
    evidence: Evidence = Evidence.RUNTIME


RUNTIMES: Registry[Runtime] = Registry(
    "runtime", "edge_sdk.emulate.runtimes", "edge_sdk.runtimes", lambda runtime: runtime.runner
)


def runtime_name(requested: str) -> str:
    """The name of a runtime, of that or another one that it goes by, as ``tflite`` for ``litert``.

    Raises:
        InputError: if there is no such runtime.
    """
    # The usual one needs no look at the others.
    return TORCH if requested == TORCH else RUNTIMES.canonical(requested)


def artifact_suffixes() -> tuple[str, ...]:
    """Suffixes of the artifacts that can be opened, sorted."""
    found = {runtime.suffix for runtime in RUNTIMES.entries().values()}
    return tuple(sorted(suffix for suffix in found if suffix is not None))


def runtimes_of(suffix: str) -> tuple[str, ...]:
    """Names of the runtimes that run artifacts of a suffix, the one that opens them first."""
    found = {name: each for name, each in RUNTIMES.entries().items() if each.suffix == suffix}
    return tuple(sorted(found, key=lambda name: (found[name].on_request, name)))


def runtimes_for(path: Path) -> tuple[str, ...]:
    """Names of the runtimes that run a file, by its suffix and what it holds; the usual first."""
    fitting = {name: RUNTIMES.find(name).own_files for name in runtimes_of(path.suffix)}
    owners = tuple(name for name, owns in fitting.items() if owns is not None and owns(path))
    return owners or tuple(name for name, owns in fitting.items() if owns is None)


def find_runtime(path: Path, name: str | None = None) -> str:
    """The name of the runtime ``name``, or of the one that opens such artifacts.

    Raises:
        InputError: if no runtime has that name, or it does not run such files.
        ArtifactError: if the suffix is unknown.
    """
    fitting = runtimes_for(path)
    if not fitting:
        raise ArtifactError(
            f"{path}: no runtime for suffix '{path.suffix}'; known are: "
            f"{', '.join(artifact_suffixes())}"
        )
    if name is None:
        return fitting[0]
    known = runtime_name(name)
    if known not in fitting:
        raise InputError(
            f"{path}: runtime '{name}' does not run such files; choose: {', '.join(fitting)}"
        )
    return known

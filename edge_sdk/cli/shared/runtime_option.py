"""The option ``--runtime``, which several commands take."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.errors import ArtifactError, InputError

RUNTIME_NAMES = "coreai, coreml, executorch, litert, litert-gpu, qnn-htp, torch"
"""Those of the SDK, for help; written out, since help does not look for them."""


def parse_runtimes(text: str | None) -> tuple[str, ...] | None:
    """Read names of runtimes separated by commas; ``None`` where the option is absent.

    Raises:
        InputError: if one is unknown.
    """
    from edge_sdk.emulate.runtimes.names import runtime_name

    if text is None:
        return None
    return tuple(dict.fromkeys(runtime_name(part.strip()) for part in text.split(",")))


def file_runtimes(path: Path, requested: tuple[str, ...] | None) -> list[str]:
    """Runtimes to run a file in: those requested that run it, else its own.

    Raises:
        InputError: if none of those requested runs such files.
        ArtifactError: if there is no such file, or its suffix is unknown.
    """
    from edge_sdk.emulate.runtimes.names import find_runtime, runtimes_for

    own = find_runtime(path)
    if not path.exists():
        raise ArtifactError(f"{path}: no such file; convert the model first")
    if requested is None:
        return [own]
    fitting = [name for name in requested if name in runtimes_for(path)]
    if not fitting:
        raise InputError(
            f"{path}: {', '.join(requested)} does not run such files; its own runtime is {own}"
        )
    return fitting

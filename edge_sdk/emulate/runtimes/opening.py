"""Opens an artifact with the runtime that its suffix names, or with another one requested."""

from __future__ import annotations

from pathlib import Path

from edge_sdk.emulate.runtimes.names import RUNTIMES, find_runtime
from edge_sdk.emulate.runtimes.runner import Runner
from edge_sdk.errors import ArtifactError


def open_artifact(
    path: str | Path,
    runtime: str | None = None,
    *,
    threads: int | None = None,
    trial: bool = True,
) -> Runner:
    """Load the artifact at ``path``.

    Args:
        path: ``.pte``, ``.tflite`` or ``.mlpackage``.
        runtime: a name in :data:`~edge_sdk.emulate.runtimes.names.RUNTIMES`; ``None`` for the one
            that opens files of the suffix.
        threads: threads of LiteRT's interpreter; other runtimes take theirs from the process.
        trial: whether a file made elsewhere is tried in a process of its own first.

    Returns:
        The loaded file, which takes and gives float32 arrays N×C×H×W by name.

    Raises:
        MissingExtraError: if its runtime is not installed.
        InputError: if the runtime is unknown or does not run such files.
        ArtifactError: if the suffix is unknown, there is no such file, or it is damaged.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk import convert, open_artifact
        >>> made = convert(nn.Conv2d(3, 8, 3), "executorch", "conv.pte", example=(1, 3, 16, 16))
        >>> runner = open_artifact(made.path)
        >>> runner.info.name, runner.precision
        ('executorch', 'fp32')
        >>> (name,) = runner.input_shapes
        >>> picture = torch.rand(runner.input_shapes[name])
        >>> [array.shape for array in runner.run({name: picture.numpy()}).values()]
        [(1, 8, 14, 14)]
    """
    path = Path(path)
    chosen = RUNTIMES.find(find_runtime(path, runtime))
    if not path.exists():
        raise ArtifactError(f"{path}: no such file; convert the model first")
    options: dict[str, object] = {}
    if chosen.takes_trial:
        options["trial"] = trial
    if chosen.takes_threads and threads is not None:
        options["num_threads"] = threads
    return chosen.runner(path, **options)

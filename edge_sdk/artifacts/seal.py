"""Damage is found before a runtime sees the file.

Both ExecuTorch and LiteRT check a file's flatbuffer but trust some of what it points to, and end
the process on some damaged files. So the converters append a seal, a checksum that the runtimes do
not read; a file without one, made elsewhere, is first opened in a process of its own.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from edge_sdk.errors import ArtifactError

SEAL_MAGIC = b"EDGESEAL"
"""Begins the seal: these 8 bytes and the SHA-256 of everything before them end the file."""

_SEAL_LENGTH = len(SEAL_MAGIC) + 32


def seal(artifact: bytes) -> bytes:
    """Return ``artifact`` with its seal appended."""
    return artifact + SEAL_MAGIC + hashlib.sha256(artifact).digest()


def check_artifact(path: Path, magic: bytes, kind: str, trial: str | None) -> bytes:
    """Make sure that handing ``path`` to its runtime cannot end this process.

    Args:
        path: the artifact.
        magic: bytes 4 to 8 of the format.
        kind: the format's name with its article, for the message.
        trial: Python program that loads and runs the file named by ``sys.argv[1]`` once; it is
            needed for a file without a seal only. ``None`` where this process may end, because it
            was started for this file alone.

    Returns:
        The file's bytes.

    Raises:
        ArtifactError: if the file is missing, damaged, cut short or of another format.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.artifacts import check_artifact
        >>> count = Path("cut.pte").write_bytes(b"ET12")
        >>> check_artifact(Path("cut.pte"), b"ET12", "ExecuTorch program", trial=None)
        Traceback (most recent call last):
            ...
        edge_sdk.errors.ArtifactError: cut.pte: ...
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be read ({error.strerror}); check the name and its permissions"
        ) from error
    if content[4:8] != magic:
        raise ArtifactError(f"{path}: not {kind}; convert the model to {path.suffix} again")
    if content[-_SEAL_LENGTH:-32] != SEAL_MAGIC:
        if trial is not None:
            _try_in_subprocess(path, trial)
    elif hashlib.sha256(content[:-_SEAL_LENGTH]).digest() != content[-32:]:
        raise ArtifactError(f"{path}: damaged (its checksum differs); copy or convert it again")
    return content


def _try_in_subprocess(path: Path, trial: str) -> None:
    """Run ``trial`` on a file in a process that may crash."""
    try:
        result = subprocess.run(  # noqa: S603 - our own interpreter and our own program text
            [sys.executable, "-P", "-c", trial, str(path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ArtifactError(f"{path}: its runtime hangs on it; convert the model again") from error
    if result.returncode != 0:
        raise ArtifactError(
            f"{path}: its runtime cannot load and run it (damaged, cut short, or made for another "
            "backend or version); convert the model again"
        )

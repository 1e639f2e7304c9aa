"""How a file is recognized as the one that was read: its contents, not its name or age."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edge_sdk.errors import PictureError


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's contents, 64 hexadecimal digits.

    Raises:
        PictureError: if the file cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror})") from error

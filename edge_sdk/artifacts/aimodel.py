"""Folders of Apple's Core AI: the seal by which a damaged one is found before the runtime sees it.

Apple's runtime ends its process on some damaged folders and computes with the wrong weights of
others, since it does not read the hash that it keeps beside the program. So the converter writes a
SHA-256 of all that the folder holds into its metadata, where the format has room for what a creator
adds, and nothing else than a whole folder with that seal is handed on.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from edge_sdk.errors import ArtifactError

METADATA = "metadata.json"
PROGRAM = "main.mlirb"
FILES = ("main.hash", PROGRAM, METADATA)
"""All that the folder of a model holds."""

_ADDED = "creatorDefinedMetadata"
_SEAL = "edge-sdk.sha256"
_DATE = "creationDate"


def seal_aimodel(folder: Path) -> None:
    """Write the seal into a folder that Apple's converter has saved, and drop its date.

    Args:
        folder: with :data:`FILES` and no others.
    """
    metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    metadata.pop(_DATE, None)
    _take_seal(metadata)
    digest = _digest(folder, metadata)
    metadata.setdefault(_ADDED, {})[_SEAL] = digest
    text = json.dumps(metadata, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / METADATA).write_text(text + "\n", encoding="utf-8")


def check_aimodel(folder: Path) -> None:
    """Refuse a folder that edge-sdk has not written, or that is not as it was written.

    Args:
        folder: an ``.aimodel``.

    Raises:
        ArtifactError: if it is no such folder, is not sealed, or anything in it has changed.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.artifacts.aimodel import check_aimodel
        >>> Path("empty.aimodel").mkdir()
        >>> check_aimodel(Path("empty.aimodel"))
        Traceback (most recent call last):
            ...
        edge_sdk.errors.ArtifactError: empty.aimodel: ...
    """
    if not folder.is_dir():
        known = "is a file, and an .aimodel is a folder" if folder.exists() else "no such folder"
        raise ArtifactError(f"{folder}: {known}; convert the model to .aimodel again")
    try:
        names = sorted(entry.name for entry in folder.iterdir())
        if names != sorted(FILES):
            raise ArtifactError(
                f"{folder}: holds {', '.join(names) or 'nothing'} instead of {', '.join(FILES)}; "
                "copy it whole or convert the model again"
            )
        metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtifactError(
            f"{folder}: cannot be read ({error.strerror}); check its permissions"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ArtifactError(
            f"{folder}: damaged ({METADATA} is no JSON); copy or convert it again"
        ) from error
    digest = _take_seal(metadata)
    if digest is None:
        raise ArtifactError(
            f"{folder}: not sealed by edge-sdk, and Apple's runtime fails on damaged files without "
            "a word; convert the model to .aimodel here"
        )
    if digest != _digest(folder, metadata):
        raise ArtifactError(f"{folder}: damaged (its checksum differs); copy or convert it again")


def _take_seal(metadata: Any) -> Any:
    """Take the seal out of the metadata, if there is one."""
    added = metadata.get(_ADDED) if isinstance(metadata, dict) else None
    digest = added.pop(_SEAL, None) if isinstance(added, dict) else None
    if digest is not None and not added:
        del metadata[_ADDED]
    return digest


def _digest(folder: Path, metadata: dict[str, Any]) -> str:
    """SHA-256 of the files, each behind its name and length; of the metadata, of what it says."""
    total = hashlib.sha256()
    for name in FILES:
        if name == METADATA:
            content = json.dumps(metadata, sort_keys=True).encode()
        else:
            try:
                content = (folder / name).read_bytes()
            except OSError as error:
                raise ArtifactError(
                    f"{folder}: cannot be read ({error.strerror}); check its permissions"
                ) from error
        total.update(f"{name} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()

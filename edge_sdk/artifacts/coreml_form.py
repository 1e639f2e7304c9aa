"""One form of bytes for one Core ML package: coremltools writes another one each time."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path

SPECIFICATION = Path("Data/com.apple.CoreML/model.mlmodel")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "coreml.edge-sdk")


def settle_package(package: Path) -> None:
    """Write a package anew so that it depends on its model alone.

    The maps of the specification are sorted, and the random identifiers of the package's manifest
    become ones that are derived from the SHA-256 of what they identify. A folder for
    weights that there are none of is left out: whoever copies files alone would lose it.

    Args:
        package: an ``.mlpackage`` folder, as coremltools has saved it.
    """
    from coremltools.proto import Model_pb2

    model = Model_pb2.Model()
    model.ParseFromString((package / SPECIFICATION).read_bytes())
    (package / SPECIFICATION).write_bytes(model.SerializeToString(deterministic=True))
    path = package / "Manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    items = {
        key: item
        for key, item in manifest["itemInfoEntries"].items()
        if not _is_empty(package / "Data" / item["path"])
    }
    names = {key: _identifier(package / "Data" / item["path"]) for key, item in items.items()}
    manifest["itemInfoEntries"] = {
        names[key]: items[key] for key in sorted(names, key=lambda key: names[key])
    }
    manifest["rootModelIdentifier"] = names[manifest["rootModelIdentifier"]]
    path.write_text(json.dumps(manifest, indent=4), encoding="utf-8")


def _is_empty(item: Path) -> bool:
    """Whether a folder has nothing in it, as that of the weights of a model without; it goes."""
    if not item.is_dir() or any(item.iterdir()):
        return False
    item.rmdir()
    return True


def _identifier(item: Path) -> str:
    files = sorted(item.rglob("*")) if item.is_dir() else [item]
    total = hashlib.sha256(item.name.encode())
    for file in files:
        if file.is_file():
            total.update(file.relative_to(item.parent).as_posix().encode() + file.read_bytes())
    return str(uuid.uuid5(_NAMESPACE, total.hexdigest()))

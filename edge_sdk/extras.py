"""Optional dependencies: imported where needed, named with their install command if absent."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shlex
from importlib import metadata
from types import ModuleType
from urllib.parse import unquote, urlparse

from edge_sdk.errors import MissingExtraError

EXTRA_MODULES = {
    "executorch": ("executorch", "torchao"),
    "coreai": ("coreai", "coreai_torch", "coreai_opt"),
    "coreml": ("coremltools",),
    "tflite": ("tensorflow", "ai_edge_litert"),
    "qualcomm": ("onnxruntime_qnn", "onnx", "tensorflow", "ai_edge_litert"),
    "litert-torch": ("litert_torch",),
    "ethos": ("ethosu", "tosa_reference_model"),
    "train": ("lightning", "optimi", "yaml"),
    "examples": ("skimage",),
    "raw": ("rawpy",),
    "heic": ("pi_heif",),
    "sign": ("cryptography",),
    "ray": ("ray", "pyarrow"),
}
"""Importable top-level modules that each extra of the distribution brings."""


def install_command(extra: str) -> str:
    """Return the exact command that adds ``extra`` to this installation.

    An editable checkout is installed again from its folder; any other installation from its name.
    """
    option, target = "", "edge-sdk"
    try:
        direct_url = metadata.distribution("edge-sdk").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        direct_url = None
    if direct_url is not None:
        record = json.loads(direct_url)
        if record.get("dir_info", {}).get("editable"):
            option, target = "-e ", unquote(urlparse(record["url"]).path)
    return f"pip install {option}{shlex.quote(f'{target}[{extra}]')}"


def is_installed(extra: str) -> bool:
    """Return whether every module of ``extra`` can be imported, without importing any.

    An extra that is none of ours, as a converter of another package may name, counts as installed.
    """
    modules = EXTRA_MODULES.get(extra, ())
    return all(importlib.util.find_spec(module) is not None for module in modules)


def require(extra: str, module: str | None = None) -> ModuleType:
    """Import ``module`` (default: the first one of ``extra``) or say how to install it.

    Raises:
        MissingExtraError: if a module of the extra is not installed.
    """
    missing = [name for name in EXTRA_MODULES[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"{missing[0]} is not installed; install it with: {install_command(extra)}"
        )
    return importlib.import_module(module or EXTRA_MODULES[extra][0])

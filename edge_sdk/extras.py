"""Optional dependencies: imported where needed, named with their install command if absent."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shlex
from importlib import metadata
from types import ModuleType
from urllib.parse import unquote, urlparse

from edge_sdk.errors import MissingExtraError, first_line

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
EXACT = ("qualcomm", "coreai")
"""Extras whose pinned packages change what we call from one release to the next."""


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
        MissingExtraError: if a module of the extra is not installed or does not load, or a package
            of :data:`EXACT` has another version than the extra's.
    """
    missing = [name for name in EXTRA_MODULES[extra] if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"{missing[0]} is not installed; install it with: {install_command(extra)}"
        )
    pinned = _pinned(extra) if extra in EXACT else {}
    for package, version in pinned.items():
        _check_version(package, _version(package), version, extra)
    name = module or EXTRA_MODULES[extra][0]
    try:
        found = importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"{name} is installed but does not load ({first_line(error)}); put right what that "
            f"names, or install it again with: {install_command(extra)} --force-reinstall"
        ) from error
    # A copy of the package that lies before the installed one tells its own version.
    package = name.replace("_", "-")
    if package in pinned:
        _check_version(package, getattr(found, "__version__", None), pinned[package], extra)
    return found


def _pinned(extra: str) -> dict[str, str]:
    """Packages of one version alone in an extra, as the installed distribution declares them."""
    try:
        declared = metadata.requires("edge-sdk") or []
    except metadata.PackageNotFoundError:
        return {}
    ours = re.compile(rf"""extra == ['"]{re.escape(extra)}['"]""")
    found = (re.match(r"([\w.-]+)==([\w.]+)", line) for line in declared if ours.search(line))
    return {each[1]: each[2] for each in found if each is not None}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _check_version(package: str, found: str | None, needed: str, extra: str) -> None:
    if found is not None and found != needed:
        raise MissingExtraError(
            f"{package} {found} is installed where {needed} is needed; install it with: "
            f"{install_command(extra)}"
        )

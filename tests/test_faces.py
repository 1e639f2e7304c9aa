"""What the packages offer: every name resolves, to the same object however it is reached."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FACES = {
    ".".join(part for part in face.parent.relative_to(ROOT).parts if part != "converters"): face
    for top in ("edge_sdk", "converters/edge_sdk_converters")
    for face in sorted((ROOT / top).rglob("__init__.pyi"))
}
PROMISED = {
    "EdgeSdkError",
    "ZoomConfig",
    "agreement_db",
    "burst_network",
    "convert",
    "enhance",
    "find_converter",
    "fuse",
    "load_model",
    "open_artifact",
    "quantize",
    "read_picture",
    "resize_bicubic",
    "simulate",
    "train",
    "verify",
    "write_picture",
    "zoom",
    "zoom_files",
}
"""Functions that programs may rely on."""
RESULTS = {
    "Certificate",
    "ConvertedModel",
    "EnhancedPicture",
    "FrameReport",
    "LoweringReport",
    "Metadata",
    "Parity",
    "Picture",
    "Quantized",
    "Rectangle",
    "Runner",
    "SimulatedFiles",
    "TrainResult",
    "WrittenPicture",
    "ZoomResult",
    "ZoomedFile",
}
"""What they return."""

SUBMODULES_FIRST = """
import importlib, json, pkgutil, sys
import edge_sdk
for module in pkgutil.walk_packages(edge_sdk.__path__, "edge_sdk."):
    if not module.name.startswith("edge_sdk.training"):
        importlib.import_module(module.name)
print(json.dumps({name: type(getattr(edge_sdk, name)).__name__ for name in edge_sdk.__all__}))
"""


def listed(face: Path) -> dict[str, str]:
    """Module of each name of a stub, below its package."""
    found: dict[str, str] = {}
    for node in ast.parse(face.read_text(encoding="utf-8")).body:
        assert isinstance(node, ast.ImportFrom)
        assert node.level == 1
        assert node.module is not None
        found |= {alias.name: node.module for alias in node.names}
    return found


def test_every_package_has_a_face() -> None:
    packages = {
        f"edge_sdk.{folder.name}"
        for folder in (ROOT / "edge_sdk").iterdir()
        if (folder / "__init__.py").is_file()
    }
    # The command line offers one function, which imports nothing by itself.
    assert packages - {"edge_sdk.cli"} <= set(FACES)
    assert {"edge_sdk", "edge_sdk_converters"} <= set(FACES)


@pytest.mark.parametrize("package", FACES)
def test_names_resolve_to_what_their_module_holds(package: str) -> None:
    face = importlib.import_module(package)
    names = listed(FACES[package])
    assert face.__all__ == sorted(names)
    for name, module in names.items():
        assert getattr(face, name) is getattr(
            importlib.import_module(f"{package}.{module}"), name
        ), name


@pytest.mark.parametrize("package", FACES)
def test_no_name_is_that_of_a_file_or_folder(package: str) -> None:
    # Importing that file would put the module in the place of the function.
    beside = {path.stem for path in FACES[package].parent.iterdir()}
    assert beside.isdisjoint(listed(FACES[package]))


def test_what_programs_rely_on_is_there() -> None:
    assert set(listed(FACES["edge_sdk"])) >= PROMISED | RESULTS


def test_the_same_name_is_the_same_object_in_every_face() -> None:
    import edge_sdk

    for package, face in FACES.items():
        for name in PROMISED & set(listed(face)):
            # Rounding a picture to its bit depth, and a model to int8: the field calls both so.
            if (package, name) != ("edge_sdk.imaging", "quantize"):
                found = getattr(importlib.import_module(package), name)
                assert found is getattr(edge_sdk, name), f"{package}.{name}"


@pytest.mark.slow
def test_names_stay_what_they_are_when_every_file_has_been_imported() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SUBMODULES_FIRST], capture_output=True, text=True, check=True
    )
    kinds = json.loads(result.stdout.splitlines()[-1])
    assert {kinds[name] for name in PROMISED - {"EdgeSdkError", "ZoomConfig"}} == {"function"}
    assert kinds["EdgeSdkError"] == kinds["ZoomConfig"] == "type"


LONG = 5
"""Files of a folder from which on a reader needs to be told where to begin."""


def test_reading_orders_name_files_that_exist() -> None:
    found = 0
    for top in ("edge_sdk", "converters/edge_sdk_converters"):
        for init in sorted((ROOT / top).rglob("__init__.py")):
            text = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
            _, _, order = text.partition("Reading order: ")
            found += bool(order)
            for name in order.split("``")[1::2]:
                place = init.parent / name
                assert place.is_dir() or place.with_suffix(".py").is_file(), f"{init}: {name}"
            # Where every file is found by itself, none comes first.
            alike = "one subject a file" in text or "One command a file" in text
            files = [path for path in init.parent.glob("*.py") if path != init]
            assert order or alike or len(files) < LONG, f"{init}: has no reading order"
    assert found > len(FACES)

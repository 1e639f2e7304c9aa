"""Examples in docstrings run as they stand, and every public function and class has one."""

from __future__ import annotations

import ast
import doctest
import importlib
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.needs import needs

ROOT = Path(__file__).parent.parent
SOURCES = {"edge_sdk": ROOT / "edge_sdk", "edge_sdk_converters": ROOT / "converters"}
FACES = [
    ROOT / "edge_sdk" / "__init__.pyi",
    *sorted((ROOT / "edge_sdk").glob("*/__init__.pyi")),
    ROOT / "converters" / "edge_sdk_converters" / "__init__.pyi",
]
Definition = ast.FunctionDef | ast.ClassDef

NEEDS = {
    "executorch": (
        "edge_sdk.artifacts.codes.reading:read_codes",
        "edge_sdk.artifacts.pte:read_pte",
        "edge_sdk.deploy.conversion:convert",
        "edge_sdk.deploy.verification:verify",
        "edge_sdk.emulate.bench.rounds:measure",
        "edge_sdk.emulate.runtimes.opening:open_artifact",
        "edge_sdk.emulate.whole_pictures:ArtifactMethod",
        "edge_sdk.targets:find_converter",
        "edge_sdk_converters.executorch.coreml:ExecuTorchCoreMLConverter",
        "edge_sdk_converters.executorch.vulkan:ExecuTorchVulkanConverter",
        "edge_sdk_converters.executorch.xnnpack:ExecuTorchConverter",
    ),
    "coreai": (
        "edge_sdk_converters.coreai.converter:CoreAIConverter",
        "edge_sdk.emulate.runtimes.coreai:CoreAIRunner",
    ),
    "coreml": (
        "edge_sdk_converters.coreml:CoreMLConverter",
        "edge_sdk_converters.executorch.coreml:ExecuTorchCoreMLConverter",
    ),
    "tflite": ("edge_sdk_converters.tflite.converter:TFLiteConverter",),
    "train": (
        "edge_sdk.training.recipe.file:load_train_config",
        "edge_sdk.training.run.from_recipe:train",
    ),
    "examples": ("edge_sdk.data.probes.examples:example_photo",),
}
"""Examples that need an extra."""
SLOW = {
    *NEEDS["executorch"],
    *NEEDS["coreai"],
    *NEEDS["coreml"],
    *NEEDS["tflite"],
    "edge_sdk.training.run.from_recipe:train",
    "edge_sdk.quantization.tuning:tune",
    "edge_sdk.deploy.quantize:quantize_loaded",
}
"""Examples that convert, tune or train: their packages alone take seconds to import."""


@cache
def definitions(file: Path) -> dict[str, Definition]:
    """Functions and classes of a module, and the methods of its classes, by name."""
    found: dict[str, Definition] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, Definition):
            found[node.name] = node
        if isinstance(node, ast.ClassDef):
            methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            found |= {f"{node.name}.{method.name}": method for method in methods}
    return found


def public() -> Iterator[tuple[str, str]]:
    """Module and name of each function and class that a package offers, where it is defined."""
    for face in FACES:
        for node in ast.parse(face.read_text(encoding="utf-8")).body:
            assert isinstance(node, ast.ImportFrom)
            assert node.module is not None
            file = face.parent / f"{node.module.replace('.', '/')}.py"
            defined = definitions(file)
            for alias in node.names:
                if alias.name in defined:
                    yield f"{package_of(face)}.{node.module}", alias.name


def package_of(face: Path) -> str:
    place = face.parent.relative_to(ROOT)
    return ".".join(part for part in place.parts if part != "converters")


def with_examples() -> Iterator[tuple[str, str]]:
    """Module and name of whatever has an example, public or not."""
    for package, root in SOURCES.items():
        for file in sorted((root if root.name == package else root / package).rglob("*.py")):
            if ">>>" not in file.read_text(encoding="utf-8"):
                continue
            module = package_of(file).split(".")
            if file.stem != "__init__":
                module.append(file.stem)
            for name, node in definitions(file).items():
                if ">>>" in (ast.get_docstring(node) or ""):
                    yield ".".join(module), name


def marked(module: str, name: str) -> object:
    full = f"{module}:{name}"
    marks = [needs(*(extra for extra, places in NEEDS.items() if full in places))]
    if full in SLOW:
        marks.append(pytest.mark.slow)
    return pytest.param(module, name, marks=marks, id=full)


PUBLIC = sorted(set(public()))
ALL = sorted({*PUBLIC, *with_examples()})


def docstring(module: str, name: str) -> str:
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found.__doc__ or ""


def test_what_is_looked_at() -> None:
    assert len(PUBLIC) > 150
    assert ("edge_sdk.reparam.fusing", "fuse") in PUBLIC
    assert ("edge_sdk.renamed", "with_current_names") in ALL


def test_what_is_marked_has_an_example() -> None:
    assert {place for places in NEEDS.values() for place in places} | SLOW <= {
        f"{module}:{name}" for module, name in ALL
    }


@pytest.mark.parametrize(("module", "name"), [marked(*each) for each in ALL])
def test_example(
    module: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    monkeypatch.chdir(tmp_path)
    text = docstring(module, name)
    assert "Example:" in text, f"{module}.{name} has no section Example:"
    test = doctest.DocTestParser().get_doctest(text, {}, f"{module}.{name}", None, 0)
    assert test.examples, f"{module}.{name} has no example"
    assert not any(doctest.SKIP in example.options for example in test.examples)
    told = io.StringIO()
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    result = runner.run(test, out=told.write)
    assert result.failed == 0, told.getvalue()

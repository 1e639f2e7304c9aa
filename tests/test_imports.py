from __future__ import annotations

import json
import pkgutil
import subprocess
import sys

import pytest

import edge_sdk

HEAVY = ("tensorflow", "coremltools", "executorch", "torchao", "lightning", "cv2", "PIL", "skimage")
SUBPACKAGES = [
    module.name
    for module in pkgutil.iter_modules(edge_sdk.__path__, "edge_sdk.")
    if not module.name.rpartition(".")[2].startswith("_")
]

LOADED = """
import importlib, json, sys
for name in {names}:
    importlib.import_module(name)
print(json.dumps([name for name in {heavy} if name in sys.modules]))
"""


def loaded_by(names: list[str]) -> list[str]:
    program = LOADED.format(names=names, heavy=HEAVY)
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded: list[str] = json.loads(result.stdout.splitlines()[-1])
    return loaded


@pytest.mark.slow
def test_public_subpackages_are_light() -> None:
    assert "edge_sdk.reparam" in SUBPACKAGES
    assert loaded_by(["edge_sdk", *SUBPACKAGES]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBPACKAGES)
def test_each_subpackage_can_be_imported_first(name: str) -> None:
    assert loaded_by([name]) == []


@pytest.mark.slow
def test_recipes_are_light() -> None:
    assert loaded_by(["edge_sdk.training.recipe.config"]) == []

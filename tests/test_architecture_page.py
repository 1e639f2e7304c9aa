"""The page on the architecture names what there is, in the order that imports are held to."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "design" / "architecture.md").read_text(encoding="utf-8")
OURS = {"edge_sdk": ROOT / "edge_sdk", "edge_sdk_converters": ROOT / "converters"}
NAMES = sorted(set(re.findall(r"`([a-z_]\w*(?:\.\w+)+)`", PAGE)) - {"torch.fx.GraphModule"})
FOLDERS = sorted(set(re.findall(r"`([\w/]+)/`", PAGE)))
ROWS = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ", PAGE.split("\n## Fusing\n")[0], re.MULTILINE)


def top_level_names(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def exists(name: str) -> bool:
    """Whether a dotted name is a package, a module, or what a module defines."""
    parts = name.split(".")
    place = OURS["edge_sdk_converters"] if parts[0] == "edge_sdk_converters" else OURS["edge_sdk"]
    for index, part in enumerate(parts):
        if (place / part).is_dir():
            place /= part
            continue
        module, rest = place / f"{part}.py", parts[index + 1 :]
        return module.is_file() and (not rest or rest[0] in top_level_names(module))
    return True


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name: str) -> None:
    assert exists(name)


def test_names_that_are_not_there_are_told() -> None:
    assert len(NAMES) > 100
    assert not exists("burst.driver.nothing")
    assert not exists("registration.config.Nothing")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_is_there(folder: str) -> None:
    assert (ROOT / folder).is_dir()


def test_packages_stand_in_the_order_that_imports_are_held_to() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = contracts["tool"]["importlinter"]["contracts"][0]["layers"]
    held = [{name.removeprefix("edge_sdk.") for name in layer.split(" | ")} for layer in layers]
    assert [set(re.findall(r"\w+", row)) for row in ROWS] == held


def test_every_package_is_named() -> None:
    named = {name for row in ROWS for name in re.findall(r"\w+", row)}
    there = {path.stem for path in OURS["edge_sdk"].iterdir() if path.suffix in ("", ".py")}
    assert there - {"__init__", "__pycache__", "py"} == named - {"edge_sdk_converters"}

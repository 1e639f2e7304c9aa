"""Tables by name: what is found, where, and what is refused."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_sdk.errors import InputError, RegistrationError
from edge_sdk.registry import Registry

GROUP = "edge_sdk.test_fruit"
BUILT_IN = {
    "__init__.py": "",
    "table.py": """
from edge_sdk.registry import Registry
FRUIT = Registry("fruit", "orchard", "edge_sdk.test_fruit", lambda entry: entry)
""",
    "red_apple.py": """
from orchard.table import FRUIT
class RedApple: pass
FRUIT.register("red-apple", RedApple, synonyms=("apple",))
""",
    "trees/__init__.py": "",
    "trees/pear.py": """
from orchard.table import FRUIT
class Pear: pass
FRUIT.register("pear", Pear)
""",
}
OUTSIDE = """
from orchard.table import FRUIT
class {kind}: pass
FRUIT.register("{name}", {kind}, synonyms={synonyms})
"""


@pytest.fixture
def fruit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[type]]:
    """A package ``orchard`` with two kinds of fruit, one in a subpackage."""
    for name, text in BUILT_IN.items():
        path = tmp_path / "orchard" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    from orchard.table import FRUIT  # type: ignore[import-not-found]

    yield FRUIT
    for name in set(sys.modules) - before:
        del sys.modules[name]


def outside(folder: Path, module: str, name: str, kind: str = "Kiwi", synonyms: str = "()") -> None:
    """Write a module that registers one kind of fruit."""
    (folder / f"{module}.py").write_text(OUTSIDE.format(name=name, kind=kind, synonyms=synonyms))


def installed(folder: Path, package: str, *entries: str) -> None:
    """Write what pip leaves of a package with entry points."""
    about = folder / f"{package}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("\n".join((f"[{GROUP}]", *entries)) + "\n")


def loaded() -> set[str]:
    return {name for name in sys.modules if name.startswith("orchard.")}


def test_nothing_is_imported_before_a_name_is_asked_for(fruit: Registry[type]) -> None:
    assert loaded() == {"orchard.table"}
    assert fruit.find("red-apple").__name__ == "RedApple"
    assert loaded() == {"orchard.table", "orchard.red_apple"}
    assert fruit.names() == ("pear", "red-apple")


def test_synonyms_lead_to_the_entry_and_are_not_listed(fruit: Registry[type]) -> None:
    assert fruit.canonical("apple") == "red-apple"
    assert fruit.find("apple") is fruit.find("red-apple")
    assert list(fruit.entries()) == ["pear", "red-apple"]


@pytest.mark.parametrize("name", ["fig", "", "Pear", "../pear", "table", "orchard.pear"])
def test_an_unknown_name_is_answered_with_the_known(fruit: Registry[type], name: str) -> None:
    with pytest.raises(InputError) as caught:
        fruit.find(name)
    assert str(caught.value) == f"unknown fruit '{name}'; choose one of: pear, red-apple"
    assert fruit.get(name) is None


def test_a_program_adds_what_it_imports(fruit: Registry[type], tmp_path: Path) -> None:
    outside(tmp_path, "garden", "kiwi")
    __import__("garden")
    assert fruit.find("kiwi").__module__ == "garden"
    assert fruit.names() == ("kiwi", "pear", "red-apple")


def test_an_installed_package_is_imported_when_its_name_is_asked_for(
    fruit: Registry[type], tmp_path: Path
) -> None:
    outside(tmp_path, "garden", "kiwi")
    installed(tmp_path, "greengrocer", "kiwi = garden")
    assert fruit.names() == ("kiwi", "pear", "red-apple")
    assert "garden" not in sys.modules
    assert fruit.find("kiwi").__module__ == "garden"
    assert list(fruit.entries()) == ["kiwi", "pear", "red-apple"]


@pytest.mark.parametrize(
    ("name", "synonyms", "taken"),
    [
        ("pear", "()", "pear"),
        ("apple", "()", "apple"),
        ("kiwi", "('red-apple',)", "red-apple"),
        ("kiwi", "('apple',)", "apple"),
    ],
)
def test_a_collision_names_both(
    fruit: Registry[type], tmp_path: Path, name: str, synonyms: str, taken: str
) -> None:
    outside(tmp_path, "garden", name, synonyms=synonyms)
    with pytest.raises(RegistrationError) as caught:
        __import__("garden")
    mine = {"pear": "orchard.trees.pear.Pear"}.get(taken, "orchard.red_apple.RedApple")
    assert str(caught.value) == (
        f"fruit '{taken}' is registered by both {mine} and garden.Kiwi; rename one of them"
    )
    assert "garden" not in sys.modules
    assert fruit.names() == ("pear", "red-apple")


def test_two_installed_packages_that_collide_are_both_named(
    fruit: Registry[type], tmp_path: Path
) -> None:
    for module in ("garden", "market"):
        outside(tmp_path, module, "kiwi")
        installed(tmp_path, module, f"kiwi = {module}")
    for ask in (lambda: fruit.find("kiwi"), fruit.entries):
        with pytest.raises(RegistrationError) as caught:
            ask()
        for word in ("fruit 'kiwi'", "garden.Kiwi", "market.Kiwi"):
            assert word in str(caught.value)
    assert fruit.names() == ("kiwi", "pear", "red-apple")


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("kiwi = nowhere_at_all", "cannot be imported (No module named 'nowhere_at_all')"),
        ("kiwi = broken", "cannot be imported (division by zero)"),
        ("kiwi = garden", "does not register it"),
        ("apricot = garden", "does not register it"),
    ],
)
def test_a_broken_promise_is_named(
    fruit: Registry[type], tmp_path: Path, entry: str, reason: str
) -> None:
    outside(tmp_path, "garden", "plum", synonyms="('apricot',)")
    (tmp_path / "broken.py").write_text("1 / 0")
    installed(tmp_path, "greengrocer", entry)
    name, _, value = entry.partition(" = ")
    for ask in (lambda: fruit.find(name), fruit.entries):
        with pytest.raises(RegistrationError) as caught:
            ask()
        text = str(caught.value)
        assert text.startswith(f"fruit '{name}' comes from {value}, which {reason}; ")
        assert "\n" not in text


def test_a_module_that_is_loaded_again_replaces_its_own_entry(
    fruit: Registry[type], tmp_path: Path
) -> None:
    outside(tmp_path, "garden", "kiwi")
    module: types.ModuleType = __import__("garden")
    first = fruit.find("kiwi")
    exec((tmp_path / "garden.py").read_text(), vars(module))
    assert fruit.find("kiwi") is module.Kiwi
    assert fruit.find("kiwi") is not first

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

from edge_sdk import extras
from edge_sdk.errors import MissingExtraError
from edge_sdk.extras import EXTRA_MODULES, install_command, is_installed, require


class Installed:
    """A distribution with the given record of where it came from."""

    requires = None

    def __init__(self, record: dict | None) -> None:
        self.record = record

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self.record is None else json.dumps(self.record)


def install_from(monkeypatch: pytest.MonkeyPatch, record: dict | None) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda _: Installed(record))


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    right = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None):
        return None if name in modules else right(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)


@pytest.mark.parametrize("extra", EXTRA_MODULES)
def test_a_missing_extra_is_named_with_its_command(extra: str, monkeypatch) -> None:
    install_from(monkeypatch, None)
    for module in EXTRA_MODULES[extra]:
        with monkeypatch.context() as patch:
            patch.setattr(
                importlib.util,
                "find_spec",
                lambda name, _=None, absent=module: None if name == absent else object(),
            )
            assert not is_installed(extra)
            with pytest.raises(MissingExtraError) as caught:
                require(extra)
        command = f"pip install 'edge-sdk[{extra}]'"
        assert str(caught.value) == f"{module} is not installed; install it with: {command}"


@pytest.mark.parametrize(
    ("record", "target"),
    [
        (None, ["edge-sdk[train]"]),
        ({"url": "https://example.org/edge_sdk.whl", "archive_info": {}}, ["edge-sdk[train]"]),
        ({"url": "file:///src/edge", "dir_info": {}}, ["edge-sdk[train]"]),
        ({"url": "file:///src/edge", "dir_info": {"editable": True}}, ["-e", "/src/edge[train]"]),
        (
            {"url": "file:///my%20code/edge%20sdk", "dir_info": {"editable": True}},
            ["-e", "/my code/edge sdk[train]"],
        ),
        (
            {"url": "file:///it's/edge", "dir_info": {"editable": True}},
            ["-e", "/it's/edge[train]"],
        ),
    ],
)
def test_the_command_suits_the_installation_and_any_shell(record, target, monkeypatch) -> None:
    install_from(monkeypatch, record)
    assert shlex.split(install_command("train")) == ["pip", "install", *target]


def test_a_source_tree_that_is_not_installed_gets_the_plain_command(monkeypatch) -> None:
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", absent)
    assert install_command("coreml") == "pip install 'edge-sdk[coreml]'"


def test_require_returns_the_module(monkeypatch) -> None:
    monkeypatch.setitem(EXTRA_MODULES, "plain", ("json", "csv"))
    assert is_installed("plain")
    assert require("plain").__name__ == "json"
    assert require("plain", "csv").__name__ == "csv"
    without(monkeypatch, "csv")
    with pytest.raises(MissingExtraError, match="csv is not installed"):
        require("plain", "json")


def test_every_extra_with_modules_is_declared() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    declared = set(project["project"]["optional-dependencies"])
    assert declared - set(EXTRA_MODULES) == {"all", "dev", "site"}
    assert set(EXTRA_MODULES) <= declared


@pytest.fixture
def shadow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Puts a module of the given text before an installed one, or before none."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def put(name: str, text: str) -> None:
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / f"{name}.py").write_text(text)
        names.append(name)
        importlib.invalidate_caches()

    yield put
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("extra", ["qualcomm", "coreai", "heic"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise ImportError('libX.so: cannot open shared object file\\nmore')", "libX.so: cannot"),
        ("raise OSError('GLIBC_2.38 not found')", "GLIBC_2.38 not found"),
        ("import a_module_that_nobody_has", "No module named 'a_module_that_nobody_has'"),
    ],
)
def test_a_package_that_does_not_load_is_one_line(
    extra: str, text: str, told: str, shadow, monkeypatch
) -> None:
    install_from(monkeypatch, None)
    monkeypatch.setattr(extras, "_version", lambda _: None)
    for name in EXTRA_MODULES[extra]:
        shadow(name, text)
    with pytest.raises(MissingExtraError) as caught:
        require(extra)
    words = str(caught.value)
    assert words.startswith(f"{EXTRA_MODULES[extra][0]} is installed but does not load ({told}")
    assert words.endswith(f"pip install 'edge-sdk[{extra}]' --force-reinstall")
    assert "\n" not in words


@pytest.mark.parametrize(
    ("extra", "package"), [("qualcomm", "onnxruntime-qnn"), ("coreai", "coreai-torch")]
)
def test_another_version_than_the_extras_is_named(
    extra: str, package: str, shadow, monkeypatch
) -> None:
    install_from(monkeypatch, None)
    lines = [f"{package}==9.8.7; extra == '{extra}'", "torchao<0.19; extra == 'executorch'"]
    monkeypatch.setattr(metadata, "requires", lambda _: lines)
    for name in EXTRA_MODULES[extra]:
        shadow(name, "")
    for found, words in (
        ("9.8.7", ""),
        ("1.23.0", f"{package} 1.23.0 is installed where 9.8.7 is"),
    ):
        monkeypatch.setattr(metadata, "version", lambda _, found=found: found)
        if not words:
            assert require(extra).__name__ == EXTRA_MODULES[extra][0]
            continue
        with pytest.raises(MissingExtraError, match=words) as caught:
            require(extra)
        assert str(caught.value).endswith(f"pip install 'edge-sdk[{extra}]'")


def test_a_copy_before_the_installed_package_tells_its_own_version(shadow, monkeypatch) -> None:
    lines = ["onnxruntime-qnn==2.6.0; extra == 'qualcomm'"]
    monkeypatch.setattr(metadata, "requires", lambda _: lines)
    monkeypatch.setattr(metadata, "version", lambda _: "2.6.0")
    for name in EXTRA_MODULES["qualcomm"]:
        shadow(name, "__version__ = '1.23.0'")
    with pytest.raises(MissingExtraError, match=r"qnn 1\.23\.0 is installed where 2\.6"):
        require("qualcomm")


def test_the_pinned_packages_are_those_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
    for extra in extras.EXACT:
        lines = project["project"]["optional-dependencies"][extra]
        pins = dict(line.split(";")[0].split("==") for line in lines if "==" in line)
        assert extras._pinned(extra) == pins != {}

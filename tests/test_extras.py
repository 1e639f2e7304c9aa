from __future__ import annotations

import importlib.util
import json
import shlex
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from edge_sdk.errors import MissingExtraError
from edge_sdk.extras import EXTRA_MODULES, install_command, is_installed, require


class Installed:
    """A distribution with the given record of where it came from."""

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

from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace

import pytest

from edge_sdk.errors import InputError
from edge_sdk.targets import GROUP, Converter, converter_names, find_converter


class Good:
    name = "good"
    suffix = ".good"
    precisions = ("fp32",)
    extra = "train"

    def convert(self, model, example, path, precision):
        raise NotImplementedError


class NoMethod:
    name = "bad"
    suffix = ".bad"
    precisions = ("fp32",)
    extra = "train"


class WithArguments(Good):
    def __init__(self, needed: int) -> None:
        self.needed = needed


def register(monkeypatch: pytest.MonkeyPatch, **targets: str) -> None:
    entries = [metadata.EntryPoint(name, value, GROUP) for name, value in targets.items()]

    def entry_points(*, group: str, name: str | None = None):
        assert group == GROUP
        return [entry for entry in entries if name in (None, entry.name)]

    monkeypatch.setattr("edge_sdk.targets.metadata", SimpleNamespace(entry_points=entry_points))


def test_the_three_targets_are_registered() -> None:
    assert {"coreml", "executorch", "tflite"} <= set(converter_names())
    assert list(converter_names()) == sorted(set(converter_names()))


@pytest.mark.parametrize(
    ("name", "suffix"), [("coreml", ".mlpackage"), ("executorch", ".pte"), ("tflite", ".tflite")]
)
def test_entry_points_load_what_they_name(name: str, suffix: str) -> None:
    converter = find_converter(name)
    assert isinstance(converter, Converter)
    assert (converter.name, converter.suffix, converter.extra) == (name, suffix, name)
    assert {"fp32"} <= set(converter.precisions)


@pytest.mark.parametrize("name", ["onnx", "", "TFLITE"])
def test_an_unknown_target_is_answered_with_the_known(name: str) -> None:
    with pytest.raises(InputError) as caught:
        find_converter(name)
    known = ", ".join(converter_names())
    assert str(caught.value) == f"unknown target '{name}'; choose one of: {known}"


def test_a_third_party_adds_a_target(monkeypatch) -> None:
    register(monkeypatch, good=f"{__name__}:Good", another=f"{__name__}:Good")
    assert converter_names() == ("another", "good")
    assert isinstance(find_converter("good"), Good)


@pytest.mark.parametrize("part", ["NoMethod", "WithArguments", "Missing", "Good.convert"])
def test_a_broken_registration_is_named(part: str, monkeypatch) -> None:
    register(monkeypatch, bad=f"{__name__}:{part}", worse="no_such_module_here:Thing")
    for name in ("bad", "worse"):
        with pytest.raises(InputError, match=f"target '{name}' comes from .* remove or update"):
            find_converter(name)


def test_without_any_target_the_message_says_so(monkeypatch) -> None:
    register(monkeypatch)
    with pytest.raises(InputError, match="choose one of: none"):
        find_converter("tflite")

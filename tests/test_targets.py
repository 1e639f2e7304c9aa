from __future__ import annotations

from importlib import metadata
from types import SimpleNamespace

import pytest

from edge_sdk.errors import InputError, MissingExtraError
from edge_sdk.targets import (
    GROUP,
    UNLISTED_GROUP,
    Converter,
    Target,
    converter_names,
    find_converter,
    for_soc,
    runs_here,
    soc_of,
    targets_of,
)


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
        if group == UNLISTED_GROUP:
            return []
        assert group == GROUP
        return [entry for entry in entries if name in (None, entry.name)]

    monkeypatch.setattr("edge_sdk.targets.metadata", SimpleNamespace(entry_points=entry_points))


def test_the_three_targets_are_registered() -> None:
    assert {"coreml", "executorch", "tflite"} <= set(converter_names())
    assert list(converter_names()) == sorted(set(converter_names()))


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("coreai", ".aimodel"),
        ("coreml", ".mlpackage"),
        ("executorch", ".pte"),
        ("tflite", ".tflite"),
    ],
)
def test_entry_points_load_what_they_name(name: str, suffix: str) -> None:
    converter = find_converter(name)
    assert isinstance(converter, Converter)
    assert (converter.name, converter.suffix, converter.extra) == (name, suffix, name)
    assert {"fp32"} <= set(converter.precisions)


def test_format_backend_and_precision_are_explicit() -> None:
    found = {name: targets_of(find_converter(name)) for name in converter_names()}
    assert found["executorch"] == tuple(
        Target("executorch", "xnnpack", precision) for precision in ("fp32", "int8")
    )
    assert found["executorch-vulkan"] == (
        Target("executorch", "vulkan", "fp32"),
        Target("executorch", "vulkan", "fp16"),
    )
    assert found["executorch-coreml"] == (Target("executorch", "coreml", "fp16"),)
    assert [target.precision for target in found["tflite"]][:2] == ["fp32", "fp16"]
    assert str(found["coreml"][0]) == "coreml-mlprogram fp32"
    everything = [target for targets in found.values() for target in targets]
    assert len(everything) == len(set(everything))


def test_what_no_desktop_runtime_executes_is_noted() -> None:
    here = {name for name in converter_names() if runs_here(find_converter(name))}
    assert here == {"coreai", "coreml", "executorch", "snapdragon", "tflite"}


def test_a_third_partys_plain_converter_is_a_target_too() -> None:
    assert targets_of(Good()) == (Target("good", "good", "fp32"),)
    assert runs_here(Good())


def test_an_alias_leads_to_the_same_converter_and_is_not_listed() -> None:
    assert type(find_converter("executorch-xnnpack")) is type(find_converter("executorch"))
    assert "executorch-xnnpack" not in converter_names()


@pytest.mark.parametrize(
    ("name", "variable"),
    [("executorch-qnn", "QNN_SDK_ROOT"), ("executorch-mediatek", "NEURON_BUFFER_ALLOCATOR_LIB")],
)
def test_a_vendors_target_says_what_it_needs(
    name: str, variable: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    assert name not in converter_names()
    converter = find_converter(name)
    assert isinstance(converter, Converter)
    instead = "--target snapdragon" if name == "executorch-qnn" else f"needs .* set {variable}"
    with pytest.raises(MissingExtraError, match=instead) as caught:
        converter.convert(None, None, tmp_path / "net.pte", "fp16")
    assert "\n" not in str(caught.value)
    monkeypatch.setenv(variable, "/somewhere")
    with pytest.raises(MissingExtraError, match=f"{variable} is set, but"):
        converter.convert(None, None, tmp_path / "net.pte", "fp16")
    with pytest.raises(InputError, match="no precision"):
        converter.convert(None, None, tmp_path / "net.pte", "fp64")
    assert list(tmp_path.iterdir()) == []


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


def test_without_any_target_the_message_is_clear(monkeypatch) -> None:
    register(monkeypatch)
    with pytest.raises(InputError, match="choose one of: none"):
        find_converter("tflite")


VENDORS = ("mediatek", "tensor", "samsung", "intel")


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendors_package_that_installed_empty_is_noticed(
    vendor: str, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converter = find_converter(f"litert-{vendor}")
    assert f"litert-{vendor}" not in converter_names()
    assert not runs_here(converter)
    module = type(converter).module
    said = []
    for held in (None, "__init__.py", "libcompiler.so.1"):
        if held is not None:
            (tmp_path / module).mkdir(exist_ok=True)
            (tmp_path / module / held).touch()
            monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(MissingExtraError, match="take --target tflite") as caught:
            converter.convert(None, None, tmp_path / "net.tflite", "int8")
        said.append(str(caught.value))
        assert "\n" not in said[-1]
    assert "is not installed" in said[0]
    assert "installed empty" in said[1]
    assert f"{type(converter).package} is installed, and" in said[2]
    with pytest.raises(InputError, match="no precision"):
        converter.convert(None, None, tmp_path / "net.tflite", "fp64")


def test_a_chip_is_taken_by_a_target_that_compiles_for_one_alone() -> None:
    assert for_soc(find_converter("tflite"), None).name == "tflite"
    assert soc_of(find_converter("tflite")) == ""
    assert soc_of(find_converter("snapdragon")) == "SM8650"
    assert soc_of(for_soc(find_converter("snapdragon"), "sm8550")) == "SM8550"
    with pytest.raises(InputError, match="'tflite' makes files for any chip; leave --soc out"):
        for_soc(find_converter("tflite"), "SM8650")
    with pytest.raises(InputError, match="unknown chip 'SM8651'; did you mean SM8650"):
        for_soc(find_converter("snapdragon"), "SM8651")

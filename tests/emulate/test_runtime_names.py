"""One table of runtimes: what they are called, what else, and which files they run."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_sdk.cli.shared.runtime_option import RUNTIME_NAMES
from edge_sdk.emulate.parity.gates import agreement_gate_db
from edge_sdk.emulate.runtimes.names import (
    RUNTIMES,
    TORCH,
    Runtime,
    artifact_suffixes,
    find_runtime,
    runtime_name,
    runtimes_for,
    runtimes_of,
)
from edge_sdk.errors import ArtifactError, InputError, RegistrationError
from edge_sdk.targets import converter_names, find_converter

NAMES = ("coreai", "coreml", "executorch", "litert", "litert-gpu", "qnn-htp", "torch")


def test_the_table_and_the_help_list_the_same() -> None:
    assert RUNTIMES.names() == NAMES
    assert RUNTIME_NAMES.split(", ") == list(NAMES)


@pytest.mark.parametrize(
    ("old", "name"), [("eager", "torch"), ("tflite", "litert"), *zip(NAMES, NAMES, strict=True)]
)
def test_a_runtime_goes_by_the_names_it_had(old: str, name: str) -> None:
    assert runtime_name(old) == name


@pytest.mark.parametrize("name", ["", "npu", "LiteRT", "runner", "opening"])
def test_an_unknown_runtime_is_answered_with_the_known(name: str) -> None:
    with pytest.raises(InputError) as caught:
        runtime_name(name)
    known = ", ".join(NAMES)
    assert str(caught.value) == f"unknown runtime '{name}'; choose one of: {known}"


def test_files_open_with_the_runtime_of_their_suffix() -> None:
    assert artifact_suffixes() == (".aimodel", ".mlpackage", ".pte", ".tflite")
    assert runtimes_of(".tflite") == ("litert", "litert-gpu", "qnn-htp")
    assert runtimes_for(Path("m.tflite")) == ("litert", "litert-gpu")
    for suffix, name in ((".mlpackage", "coreml"), (".pte", "executorch"), (".tflite", "litert")):
        assert find_runtime(Path(f"m{suffix}")) == name
    assert find_runtime(Path("m.tflite"), "tflite") == "litert"
    assert find_runtime(Path("m.tflite"), "litert-gpu") == "litert-gpu"
    for wrong in ("executorch", "eager", "qnn-htp"):
        with pytest.raises(InputError, match="does not run such files; choose: litert, litert-gpu"):
            find_runtime(Path("m.tflite"), wrong)
    with pytest.raises(ArtifactError, match=r"no runtime for suffix '.onnx'; known are: .aimodel"):
        find_runtime(Path("m.onnx"))


def test_each_says_what_makes_its_files() -> None:
    for name, runtime in RUNTIMES.entries().items():
        if name == TORCH:
            assert (runtime.suffix, runtime.target) == (None, None)
            continue
        assert runtime.target in converter_names()
        assert find_converter(str(runtime.target)).suffix == runtime.suffix


def test_a_runtime_may_be_held_to_more_than_others() -> None:
    assert agreement_gate_db("int8", "executorch") == 70
    assert agreement_gate_db("w8", "executorch") == 60
    for other in ("litert", "coreml", "of another package"):
        assert agreement_gate_db("int8", other) == 50


@pytest.mark.parametrize("name", ["torch", "eager", "litert", "tflite", "litert-gpu"])
def test_a_name_or_synonym_is_not_taken_twice(name: str) -> None:
    with pytest.raises(RegistrationError) as caught:
        RUNTIMES.register(name, Runtime(find_runtime))
    text = str(caught.value)
    assert f"runtime '{name}' is registered by both edge_sdk.emulate.runtimes." in text
    assert "and edge_sdk.emulate.runtimes.names.find_runtime" in text
    assert RUNTIMES.names() == NAMES

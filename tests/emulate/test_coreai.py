"""Apple's Core AI runtime in a process of its own: what it is given, and how it fails."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest

from edge_sdk.artifacts.aimodel import FILES, METADATA, PROGRAM, seal_aimodel
from edge_sdk.emulate.runtimes import child, coreai
from edge_sdk.emulate.runtimes.opening import open_artifact
from edge_sdk.errors import ArtifactError, MissingExtraError
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import EnhanceLike, picture, seeded
from tests.needs import needs

pytestmark = needs("coreai")
SHAPE = (1, 1, 8, 12)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "net.aimodel"
    find_converter("coreai").convert(seeded(EnhanceLike), picture(*SHAPE), path, "fp32")
    return path


@pytest.fixture
def package(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "net.aimodel"))


def refusal(path: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        open_artifact(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    return text


def unreached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a start of the runtime an error of the test."""

    def start(*_: object, **__: object) -> None:
        raise AssertionError("the runtime was started")

    monkeypatch.setattr(subprocess, "Popen", start)


def test_one_process_serves_all_runs_and_ends_with_the_runner(original: Path) -> None:
    runner = open_artifact(original)
    assert isinstance(runner, coreai.CoreAIRunner)
    assert (runner.precision, runner.delegation, runner.info.name) == ("fp32", None, "coreai")
    assert "not an iPhone" in runner.info.proves
    assert runner.output_shapes == {"output": (1, 1, 16, 24)}
    process, model = runner._child.process, seeded(EnhanceLike)
    for seed in range(3):
        x = picture(*SHAPE, seed=seed)
        found = runner.run({"input": x.numpy()})["output"]
        np.testing.assert_allclose(found, model(x).detach().numpy(), atol=2e-6)
        assert runner._child.process is process
        assert process.poll() is None
    del runner
    gc.collect()
    assert process.poll() == 0


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("place", [0.0, 0.3, 0.7, 0.999])
def test_damage_is_found_before_the_runtime_sees_it(
    name: str, place: float, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreached(monkeypatch)
    content = bytearray((package / name).read_bytes())
    content[int(place * len(content))] ^= 1
    (package / name).write_bytes(content)
    assert "copy" in refusal(package) or "not sealed" in refusal(package)


def test_what_is_cut_short_or_incomplete_is_refused(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreached(monkeypatch)
    program = (package / PROGRAM).read_bytes()
    (package / PROGRAM).write_bytes(program[:-1])
    assert "its checksum differs" in refusal(package)
    (package / PROGRAM).unlink()
    assert "instead of main.hash" in refusal(package)
    (package / PROGRAM).write_bytes(program)
    (package / "more.txt").write_text("more")
    assert "holds main.hash, main.mlirb, metadata.json, more.txt" in refusal(package)


@pytest.mark.parametrize(
    "text", ["{}", "[]", "null", "{", '{"creatorDefinedMetadata": 3}', "[" * 99999]
)
def test_a_folder_made_elsewhere_is_refused(
    text: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreached(monkeypatch)
    (package / METADATA).write_text(text)
    told = refusal(package)
    assert "not sealed by edge-sdk" in told or "is no JSON" in told


def test_what_is_no_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreached(monkeypatch)
    assert "no such file" in refusal(tmp_path / "missing.aimodel")
    (tmp_path / "file.aimodel").write_text("a file")
    assert "is a file" in refusal(tmp_path / "file.aimodel")
    (tmp_path / "empty.aimodel").mkdir()
    assert "holds nothing" in refusal(tmp_path / "empty.aimodel")


def test_a_model_may_say_more_of_itself(package: Path) -> None:
    metadata = json.loads((package / METADATA).read_text())
    metadata["creatorDefinedMetadata"] = {"own": "words"}
    (package / METADATA).write_text(json.dumps(metadata))
    seal_aimodel(package)
    assert open_artifact(package).precision == "fp32"


@pytest.mark.parametrize("content", [b"", b"ML\xefR", b"ML\xefR" + bytes(range(256))])
def test_a_program_that_ends_the_runtime_is_one_line(content: bytes, package: Path) -> None:
    (package / PROGRAM).write_bytes(content)
    seal_aimodel(package)
    assert "Core AI" in refusal(package)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_a_process_that_dies_is_one_line_and_ends_nobody_else(
    number: signal.Signals, original: Path
) -> None:
    runner, inputs = open_artifact(original), {"input": picture(*SHAPE).numpy()}
    assert isinstance(runner, coreai.CoreAIRunner)
    runner.run(inputs)
    os.kill(runner._child.process.pid, number)
    for _ in range(2):
        with pytest.raises(ArtifactError, match=rf"has ended \(signal {int(number)}\)") as caught:
            runner.run(inputs)
        assert "\n" not in str(caught.value)
    other = open_artifact(original)
    assert other.run(inputs)["output"].shape == (1, 1, 16, 24)


def test_no_answer_ends_the_process(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = open_artifact(original)
    assert isinstance(runner, coreai.CoreAIRunner)
    monkeypatch.setattr(child, "PATIENCE_S", 0.2)
    os.kill(runner._child.process.pid, signal.SIGSTOP)
    with pytest.raises(ArtifactError, match="no answer in 0 s"):
        runner.run({"input": picture(*SHAPE).numpy()})
    assert runner._child.process.wait(timeout=5) == -signal.SIGKILL


def test_arrays_that_do_not_fit_are_refused(original: Path) -> None:
    runner = open_artifact(original)
    for wrong in (
        {"other": picture(*SHAPE).numpy()},
        {"input": picture(1, 1, 8, 8).numpy()},
        {"input": picture(*SHAPE).double().numpy()},
    ):
        with pytest.raises(ArtifactError, match="takes"):
            runner.run(wrong)


def test_the_extra_is_named_where_it_is_missing(
    original: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(extra: str) -> None:
        raise MissingExtraError(f"install {extra}")

    monkeypatch.setattr(coreai, "require", missing)
    with pytest.raises(MissingExtraError, match="install coreai"):
        open_artifact(original)

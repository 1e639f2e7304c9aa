"""Qualcomm's emulator: the file's own binary, for the file's own chip, and no damaged file."""

from __future__ import annotations

import gc
import importlib.util
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edge_sdk import convert, open_artifact, verify
from edge_sdk.artifacts import read_codes
from edge_sdk.artifacts.dispatch import STAMP, read_compiled
from edge_sdk.artifacts.seal import SEAL_MAGIC, seal
from edge_sdk.deploy import other_cpus
from edge_sdk.emulate import Job, measure
from edge_sdk.emulate.runtimes.names import find_runtime, runtimes_for
from edge_sdk.emulate.runtimes.qnn_htp import QnnHtpRunner
from edge_sdk.errors import ArtifactError, InputError, MissingExtraError

pytestmark = pytest.mark.slow

THEN_CONVERT = """
import sys
import numpy
from edge_sdk import convert, open_artifact
runner = open_artifact(sys.argv[1])
runner.run({"input": numpy.zeros((1, 1, 24, 32), numpy.float32)})
convert("sr_x2_y", "tflite", sys.argv[2], "int8", size=(24, 32), check=False)
print([name for name in ("onnx", "onnxruntime") if name in sys.modules])
"""


class Ends(nn.Module):
    """Inputs that may not be mixed up, and outputs in another order than they are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        late = self.mix(x) + 2 * y - z
        return late, y - 0.25 * z


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("htp")
    made = {}
    for precision in ("int8", "fp16"):
        path = folder / f"{precision}.tflite"
        convert("sr_x2_y", "snapdragon", path, precision, size=(24, 32), check=False)
        made[precision] = path
    return made


@pytest.mark.qualcomm
def test_its_files_open_with_it_and_with_no_other(files, tmp_path: Path) -> None:
    path = files["int8"]
    assert runtimes_for(path) == ("qnn-htp",)
    assert find_runtime(path) == find_runtime(path, "qnn-htp") == "qnn-htp"
    with pytest.raises(InputError, match="'litert' does not run such files; choose: qnn-htp"):
        open_artifact(path, "litert")
    plain = convert("sr_x2_y", "tflite", tmp_path / "p.tflite", size=(24, 32), check=False).path
    with pytest.raises(InputError, match="choose: litert, litert-gpu"):
        open_artifact(plain, "qnn-htp")
    with pytest.raises(ArtifactError, match=r"compiled for no vendor.*--target snapdragon"):
        QnnHtpRunner(plain)


@pytest.mark.qualcomm
def test_it_says_what_it_is_and_what_it_computes_in(files) -> None:
    for precision, path in files.items():
        runner = open_artifact(path)
        assert (runner.info.name, runner.precision) == ("qnn-htp", precision)
        assert "SM8650" in runner.info.runtime
        assert "Qualcomm's own HTP emulator" in runner.info.proves
        assert "not compared with a phone" in runner.info.proves
        assert runner.delegation is not None
        assert (runner.delegation.delegate, runner.delegation.partitions) == ("HTP", 1)
        assert runner.input_shapes == {"input": (1, 1, 24, 32)}
        assert runner.output_shapes == {"output": (1, 1, 48, 64)}
    assert set(open_artifact(files["int8"]).steps) == {"input", "output"}
    assert read_codes(files["int8"]) is None


@pytest.mark.qualcomm
def test_floats_are_computed_in_half_precision_and_not_better(files) -> None:
    found = verify("sr_x2_y", [files["fp16"]])
    assert found.passed
    # Float32 would agree beyond 100 dB, which no chip does.
    assert 60 < found.rows[-1].psnr_db < 90


@pytest.mark.qualcomm
def test_int8_stays_within_a_few_codes_of_the_cpus(files, tmp_path: Path) -> None:
    plain = convert(
        "sr_x2_y", "tflite", tmp_path / "p.tflite", "int8", size=(24, 32), check=False
    ).path
    x = {"input": np.random.default_rng(0).random((1, 1, 24, 32), dtype=np.float32)}
    ours, cpus = (open_artifact(path).run(x)["output"] for path in (files["int8"], plain))
    assert np.abs(ours - cpus).max() * 255 < 4.5
    assert np.mean(ours == cpus) > 0.5


@pytest.mark.qualcomm
def test_printed_words_of_the_library_do_not_reach_the_user(files, capfd) -> None:
    runner = open_artifact(files["fp16"])
    runner.run({"input": np.zeros((1, 1, 24, 32), np.float32)})
    assert capfd.readouterr() == ("", "")


@pytest.mark.qualcomm
def test_ends_keep_their_order(tmp_path: Path) -> None:
    model = Ends().eval()
    shape = (1, 3, 8, 12)
    made = convert(model, "snapdragon", tmp_path / "e.tflite", "fp16", example=[shape] * 3)
    inputs = [torch.rand(shape) for _ in range(3)]
    runner = open_artifact(made.path)
    named = {f"input_{n}": each.numpy() for n, each in enumerate(inputs)}
    found = runner.run(named)
    with torch.no_grad():
        for n, expected in enumerate(model(*inputs)):
            np.testing.assert_allclose(found[f"output_{n}"], expected.numpy(), atol=4e-3)


@pytest.mark.qualcomm
def test_a_damaged_file_is_refused_before_the_emulator_sees_it(
    files, tmp_path: Path, monkeypatch
) -> None:
    content = files["int8"].read_bytes()
    (part,) = read_compiled(content).parts

    def never(*_: object) -> None:
        raise AssertionError("the emulator was started")

    monkeypatch.setattr("edge_sdk.emulate.runtimes.qnn_htp.ServedFile", never)
    path = tmp_path / "damaged.tflite"
    for place in (part.start, part.start + part.size // 2, len(content) - 41, len(content) - 1):
        damaged = bytearray(content)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError, match="damaged") as caught:
            open_artifact(path)
        assert "\n" not in str(caught.value)


@pytest.mark.qualcomm
def test_a_file_without_a_seal_is_run_and_its_damage_is_one_line(files, tmp_path: Path) -> None:
    content = files["int8"].read_bytes()
    assert content[-40:-32] == SEAL_MAGIC
    (part,) = read_compiled(content).parts
    path = tmp_path / "foreign.tflite"
    path.write_bytes(content[:-40])
    assert open_artifact(path).precision == "int8"
    path.write_bytes(content[: part.start] + bytes(len(content) - 40 - part.start))
    with pytest.raises(ArtifactError, match="emulator of SM8650 cannot load it") as caught:
        open_artifact(path)
    assert "\n" not in str(caught.value)


@pytest.mark.qualcomm
def test_one_process_serves_all_runs_and_ends_with_the_runner(files) -> None:
    runner = open_artifact(files["fp16"])
    assert isinstance(runner, QnnHtpRunner)
    process, x = runner._child.process, np.full((1, 1, 24, 32), 0.5, np.float32)
    first, second = (runner.run({"input": x})["output"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert process.poll() is None
    del runner
    gc.collect()
    assert process.poll() == 0


@pytest.mark.qualcomm
def test_an_emulator_that_dies_is_one_line_and_ends_nobody_else(files) -> None:
    runner, inputs = open_artifact(files["int8"]), {"input": np.zeros((1, 1, 24, 32), np.float32)}
    assert isinstance(runner, QnnHtpRunner)
    os.kill(runner._child.process.pid, signal.SIGSEGV)
    with pytest.raises(ArtifactError, match=r"SM8650 has ended \(signal 11\)") as caught:
        runner.run(inputs)
    assert "\n" not in str(caught.value)
    assert open_artifact(files["int8"]).run(inputs)["output"].shape == (1, 1, 48, 64)


@pytest.mark.qualcomm
def test_tensorflow_converts_after_the_emulator_has_run(files, tmp_path: Path) -> None:
    # ONNX Runtime and then TensorFlow in one process ended it by SIGSEGV.
    done = subprocess.run(
        [sys.executable, "-c", THEN_CONVERT, str(files["int8"]), str(tmp_path / "p.tflite")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    assert (tmp_path / "p.tflite").stat().st_size > 0


@pytest.mark.qualcomm
@pytest.mark.parametrize(
    ("chip", "words"),
    [(b"SM9999", "unknown chip 'SM9999'"), (b"SM865\0", "did you mean SM8650")],
)
def test_a_file_for_an_unknown_chip_is_not_run(
    files, tmp_path: Path, chip: bytes, words: str
) -> None:
    content = files["int8"].read_bytes()[:-40]
    # The compiler's own text has the name too; the stamp is in the flatbuffer, before it.
    assert STAMP.encode() in content[: read_compiled(content).parts[0].start]
    path = tmp_path / "other.tflite"
    path.write_bytes(seal(content.replace(b"SM8650", chip, 1)))
    with pytest.raises(ArtifactError, match=words) as caught:
        open_artifact(path)
    assert "\n" not in str(caught.value)
    path.write_bytes(seal(content.replace(b"Qualcomm", b"Samsung\0", 1)))
    with pytest.raises(ArtifactError, match="compiled for Samsung, not Qualcomm"):
        open_artifact(path)


@pytest.mark.qualcomm
def test_a_benchmark_has_its_memory_and_no_time(files) -> None:
    (found,) = measure([Job(str(files["fp16"]), "qnn-htp", threads=1)], runs=20, rounds=2)
    assert found.failure is None
    assert found.runs == 1
    assert found.peak_bytes > 0
    assert all(map(math.isnan, (found.median_s, found.low_s, found.high_s, found.load_s)))


@pytest.mark.qualcomm
def test_another_processor_does_not_run_them(files, monkeypatch) -> None:
    monkeypatch.setattr(other_cpus, "check_cpu", lambda _: None)
    told = "compiled for a Snapdragon's NPU, and its runtime is qnn-htp, which has no build for arm"
    with pytest.raises(InputError, match=told) as caught:
        other_cpus.check_cpus([(files["int8"], "int8")], [], "arm64")
    assert "\n" not in str(caught.value)


@pytest.mark.qualcomm
def test_one_target_is_verified_for_a_chip() -> None:
    found = verify("sr_x2_y", precision="int8", target="snapdragon", soc="SM8750")
    assert found.passed
    assert [row.step for row in found.rows] == ["torch", "fused", "quantized", "snapdragon.tflite"]
    assert found.rows[-1].runner is not None
    assert "SM8750" in found.rows[-1].runner.runtime


def test_a_target_and_a_chip_are_for_what_is_converted_here(tmp_path: Path) -> None:
    for words, chosen in (
        ("no precision 'fp32'", {"target": "snapdragon", "precision": "fp32"}),
        ("unknown chip 'SM1'", {"target": "snapdragon", "soc": "SM1"}),
        ("name it by --target", {"soc": "SM8650"}),
        ("unknown target 'toaster'", {"target": "toaster"}),
        ("any chip; leave --soc out", {"target": "tflite", "soc": "SM8650"}),
        ("runs files of target 'executorch-vulkan'", {"target": "executorch-vulkan"}),
    ):
        with pytest.raises(InputError, match=words):
            verify("sr_x2_y", **chosen)
    with pytest.raises(InputError, match="leave them out of files"):
        verify("sr_x2_y", [tmp_path / "m.tflite"], target="tflite")


def test_without_the_extra_the_command_is_named(tmp_path: Path, monkeypatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "onnxruntime_qnn" else found(name, *rest),
    )
    with pytest.raises(MissingExtraError, match=r"pip install .*\[qualcomm\]"):
        verify("sr_x2_y", target="snapdragon")
    with pytest.raises(MissingExtraError, match=r"pip install .*\[qualcomm\]"):
        convert("sr_x2_y", "snapdragon", tmp_path / "net.tflite")

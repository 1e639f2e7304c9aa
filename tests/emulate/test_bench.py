"""Measurements come from processes of their own, and a process that dies is a row."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_sdk.emulate.bench import memory
from edge_sdk.emulate.bench.measure import Job
from edge_sdk.emulate.bench.rounds import measure
from edge_sdk.errors import InputError
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import EnhanceLike, picture, seeded
from tests.needs import needs

pytestmark = [needs("executorch", "tflite"), pytest.mark.slow]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bench")
    paths = {}
    for target, suffix in (("executorch", ".pte"), ("tflite", ".tflite")):
        paths[target] = folder / f"net{suffix}"
        example = picture(1, 1, 16, 16)
        find_converter(target).convert(seeded(EnhanceLike), example, paths[target], "fp32")
    return paths


def children() -> list[int]:
    task = Path(f"/proc/{os.getpid()}/task")
    return [int(pid) for file in task.glob("*/children") for pid in file.read_text().split()]


def test_every_row_has_its_figures(artifacts: dict[str, Path]) -> None:
    jobs = [
        Job(str(artifacts["tflite"]), "litert", 1),
        Job(str(artifacts["executorch"]), "executorch", 2),
        Job("sr_x2_y", "torch", 1, (1, 1, 16, 16)),
    ]
    seen: list[tuple[str, int, int]] = []
    rows = measure(jobs, 7, lambda *step: seen.append(step))
    assert [row.job for row in rows] == jobs
    for row in rows:
        assert row.failure is None
        assert row.runs == 7
        assert 0 < row.low_s <= row.median_s <= row.high_s
        assert row.load_s > 0
        assert row.inputs == ((1, 1, 16, 16),)
        assert row.precision == "fp32"
        assert 0 <= row.peak_bytes < 2**30
    assert rows[0].delegation is not None
    assert rows[0].delegation.undelegated == ()
    assert "ExecuTorch" in rows[1].version
    assert [step for step in seen if step[0] == "load"] == [("load", n, 3) for n in (1, 2, 3)]
    # All take a turn before any takes its next: 5 rounds of 3.
    assert [step[1:] for step in seen if step[0] == "run"] == [(n, 15) for n in range(1, 16)]
    assert children() == []


def test_a_process_that_dies_is_a_row(artifacts: dict[str, Path]) -> None:
    jobs = [Job(str(artifacts["tflite"]), "litert", 1), Job(str(artifacts["tflite"]), "litert", 2)]
    killed: list[int] = []

    def kill(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("load", 1):
            killed.extend(children())
            os.kill(killed[0], signal.SIGSEGV)

    rows = measure(jobs, 2, kill)
    assert len(killed) == 1
    assert rows[0].failure is not None
    assert "SIGSEGV while running" in rows[0].failure
    assert math.isnan(rows[0].median_s)
    assert rows[1].failure is None
    assert children() == []


def test_a_file_that_does_not_load_is_a_row(tmp_path: Path, artifacts: dict[str, Path]) -> None:
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(artifacts["tflite"].read_bytes()[:8] + bytes(range(256)) * 4)
    rows = measure([Job(str(bad), "litert", 1), Job("nothing", "torch", 1, (1, 1, 8, 8))], 1)
    for row, word in zip(rows, ("bad.tflite", "nothing"), strict=True):
        assert row.failure is not None
        assert word in row.failure
        assert "\n" not in row.failure
        assert "Traceback" not in row.failure


def test_senseless_numbers_are_refused() -> None:
    job = Job("net.pte", "executorch", 1)
    for jobs, runs, word in [
        ([], 5, "nothing to measure"),
        ([job], 0, "runs must be"),
        ([Job("net.pte", "executorch", 0)], 5, "threads must be"),
    ]:
        with pytest.raises(InputError, match=word):
            measure(jobs, runs)


MEMORY = """
from edge_sdk.emulate.bench.memory import peak_bytes, reset_peak, resident_bytes
reset_peak()
before = resident_bytes()
block = bytearray(64 * 2**20)
block[::4096] = b"x" * len(block[::4096])
print(peak_bytes() - before)
del block
reset_peak()
print(peak_bytes() - before)
"""


def test_memory_is_counted_from_the_reset() -> None:
    # In a process of its own: of one that holds much, the system takes back what it does not use.
    lines = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    ).stdout.split()
    counted, after = map(int, lines)
    assert counted >= 60 * 2**20
    assert after < 32 * 2**20


def test_a_thread_that_ends_meanwhile_has_no_processes(tmp_path: Path, monkeypatch) -> None:
    for thread in ("1", "2"):
        (tmp_path / "task" / thread).mkdir(parents=True)
    # Reading it fails, as of a thread that is no more.
    (tmp_path / "task" / "1" / "children").mkdir()
    (tmp_path / "task" / "2" / "children").write_text("7 8 ")
    monkeypatch.setattr(memory, "_SELF", tmp_path)
    assert memory._of_children() == [Path("/proc/7/status"), Path("/proc/8/status")]


OF_A_CHILD = """
import subprocess, sys
from edge_sdk.emulate.bench.memory import peak_bytes, reset_peak, resident_bytes
reset_peak()
before = resident_bytes()
program = "block = bytearray(64 * 2**20); block[::4096] = b'x' * 16384; print(); input()"
child = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1)
child.stdout.readline()
print(peak_bytes() - before)
child.communicate(b"\\\\n")
print(resident_bytes() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="children are counted where /proc lists them")
def test_a_runtime_in_a_process_of_its_own_is_counted() -> None:
    lines = subprocess.run(
        [sys.executable, "-c", OF_A_CHILD], capture_output=True, text=True, check=True
    ).stdout.split()
    counted, after = map(int, lines)
    assert counted >= 60 * 2**20
    assert after < 32 * 2**20

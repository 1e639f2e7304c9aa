from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.command_line import Run
from tests.needs import needs

pytestmark = [needs("tflite"), pytest.mark.slow]


@pytest.fixture
def tflite(run: Run, shipped_tflite: Path) -> Path:
    shutil.copy(shipped_tflite, "m.tflite")
    return Path("m.tflite")


def test_rows_threads_and_macs(run: Run, tflite: Path) -> None:
    arguments = ("bench", tflite, "--runs", 3, "--threads", "1,2", "--model", "sr_x2_y")
    outcome = run(*arguments, "--json")
    assert outcome.status == 0
    rows = json.loads(outcome.out)["rows"]
    assert [row["measurement"]["job"]["threads"] for row in rows] == [1, 2]
    for row in rows:
        assert row["size_bytes"] == tflite.stat().st_size
        assert row["macs_per_s"] == pytest.approx(row["macs"] / row["measurement"]["median_s"])
    # The four convolutions of 16 channels alone.
    assert rows[0]["macs"] > 4 * 16 * 16 * 9 * 32 * 32


def test_a_row_that_fails_leaves_the_others(run: Run, tflite: Path) -> None:
    damaged = bytearray(tflite.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    Path("bad.tflite").write_bytes(damaged)
    outcome = run("bench", "bad.tflite", tflite, "--runs", 1)
    assert outcome.status == 0
    assert "failed: bad.tflite in litert" in outcome.err
    assert [line for line in outcome.out.splitlines() if "bad.tflite" in line and "failed" in line]
    alone = run("bench", "bad.tflite", "--runs", 1)
    assert alone.status == 1
    assert alone.out == ""
    assert len(alone.err.splitlines()) == 1


def test_the_tables_can_be_read_at_80_columns(
    run: Run, tflite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = run("bench", tflite, "--runs", 3, "--model", "sr_x2_y").out
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    for word in ("m.tflite", "litert", "fp32", "threads", "quartiles", "1.00×", "GMAC/s", "whole"):
        assert word in shown


@pytest.mark.nightly
def test_a_model_is_measured_in_every_target(run: Run) -> None:
    outcome = run("bench", "sr_x2_y", "--size", "32x32", "--runs", 2, "--json")
    rows = json.loads(outcome.out)["rows"]
    assert {row["measurement"]["job"]["runtime"] for row in rows} == {
        "torch",
        "executorch",
        "litert",
        "coreml",
    }
    assert all(row["measurement"]["failure"] is None for row in rows)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "nothing to measure"),
        (("teapot",), "teapot"),
        (("none.tflite",), "none.tflite"),
        (("m.onnx",), "m.onnx"),
        (("photo.jpg",), "not what bench takes; give converted files (.aimodel"),
        (("sr_x2_y", "--threads", "0"), "threads"),
        (("sr_x2_y", "--threads", "a,b"), "threads"),
        (("sr_x2_y", "--runtime", "npu"), "unknown runtime 'npu'"),
        (("sr_x2_y", "--size", "32"), "size"),
        (("FILE", "--runtime", "executorch"), "m.tflite"),
        (("FILE", "--runs", "0"), "runs"),
        (("FILE", "--runs", "1", "--model", "teapot"), "teapot"),
    ],
)
def test_bad_input(run: Run, tflite: Path, arguments: tuple[object, ...], word: str) -> None:
    Path("photo.jpg").touch()
    assert word in run("bench", *(tflite if a == "FILE" else a for a in arguments)).error_line

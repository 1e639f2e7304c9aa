"""Verification lets right artifacts through and catches wrong ones, however small the wrong."""

from __future__ import annotations

import copy
import importlib
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from edge_sdk.emulate.parity.agreement import psnr_db, verify
from edge_sdk.emulate.parity.chain import parity_chain
from edge_sdk.emulate.parity.gates import GATES_DB
from edge_sdk.emulate.parity.rows import Artifact, Step
from edge_sdk.errors import ArtifactError, InputError, MissingExtraError
from edge_sdk.targets import find_converter
from tests.builders.conversion_nets import EnhanceLike, picture, seeded
from tests.needs import needs

pytestmark = [needs("executorch", "tflite"), pytest.mark.slow]


SUFFIXES = {"executorch": ".pte", "tflite": ".tflite"}


def swap_outputs(model: nn.Module) -> None:
    tail = model.tail
    tail.weight[[0, 1]], tail.bias[[0, 1]] = tail.weight[[1, 0]], tail.bias[[1, 0]]


def drop_bias(model: nn.Module) -> None:
    model.body[2][0].bias.zero_()


def nudge_weight(model: nn.Module) -> None:
    model.tail.weight[0, 0, 1, 1] += 1e-3


def drop_slope(model: nn.Module) -> None:
    model.body[3][1].weight[5] = 0.25


@pytest.mark.parametrize(
    ("target", "corruption"),
    [
        ("executorch", swap_outputs),
        ("executorch", drop_bias),
        ("tflite", swap_outputs),
        ("tflite", drop_bias),
        ("tflite", nudge_weight),
        ("tflite", drop_slope),
    ],
)
def test_a_wrong_artifact_is_caught(
    target: str, corruption: Callable[[nn.Module], None], tmp_path: Path
) -> None:
    model, example = seeded(EnhanceLike), picture(1, 1, 16, 16)
    wrong = copy.deepcopy(model)
    with torch.no_grad():
        corruption(wrong)
    path = tmp_path / f"wrong{SUFFIXES[target]}"
    find_converter(target).convert(wrong, example, path, "fp32")
    assert verify(wrong, example, path).psnr_db >= GATES_DB["fp32"]
    assert verify(model, example, path).psnr_db < GATES_DB["fp32"]
    assert not parity_chain(model, [], [Artifact(path)], example)[-1].passed


@given(error=st.floats(1e-4, 0.5), sign=st.sampled_from([-1.0, 1.0]), size=st.integers(1, 20))
def test_psnr_of_a_constant_error(error: float, sign: float, size: int) -> None:
    reference = np.zeros((1, 1, size, size), np.float32)
    measured = psnr_db(reference, reference + np.float32(sign * error))
    assert measured == pytest.approx(-20 * math.log10(error), abs=1e-4)


def test_psnr_of_identical_and_of_broken_arrays() -> None:
    x = picture(1, 3, 4, 4).numpy()
    assert psnr_db(x, x.copy()) == math.inf
    broken = x.copy()
    broken[0, 0, 0, 0] = np.nan
    assert psnr_db(x, broken) == -math.inf


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("chain")
    model, example = seeded(EnhanceLike), picture(1, 1, 16, 16)
    paths = {}
    for target, precision in [("executorch", "fp32"), ("tflite", "fp32"), ("tflite", "fp16")]:
        paths[f"{target} {precision}"] = path = folder / f"{precision}{SUFFIXES[target]}"
        find_converter(target).convert(model, example, path, precision)
    return paths


def test_the_chain_has_every_step_with_its_gate(artifacts: dict[str, Path]) -> None:
    model = seeded(EnhanceLike).train()
    probes = [picture(1, 1, 16, 16, seed=seed) for seed in range(3)]
    rows = parity_chain(
        model,
        [Step("fused", "fp32", copy.deepcopy(model))],
        [Artifact(path, name.split()[1]) for name, path in artifacts.items()],
        probes,
    )
    assert [row.step for row in rows] == [
        "torch",
        "fused",
        "fp32.pte",
        "fp32.tflite",
        "fp16.tflite",
    ]
    assert [row.gate_db for row in rows] == [100, 100, 100, 100, 60]
    assert all(row.passed for row in rows)
    assert rows[0].psnr_db == rows[1].psnr_db == math.inf
    assert 60 <= rows[4].psnr_db < 100
    assert rows[4].max_abs_error > rows[3].max_abs_error > 0
    assert model.training


def test_the_gate_follows_the_file_by_default(artifacts: dict[str, Path]) -> None:
    chain = [Artifact(path) for path in artifacts.values()]
    rows = parity_chain(seeded(EnhanceLike), [], chain, picture(1, 1, 16, 16))
    assert [(row.precision, row.gate_db) for row in rows[1:]] == [
        ("fp32", 100),
        ("fp32", 100),
        ("fp16", 60),
    ]
    assert all(row.passed for row in rows)


def test_the_worst_probe_counts(artifacts: dict[str, Path]) -> None:
    model, path = seeded(EnhanceLike), artifacts["tflite fp16"]
    probes = [picture(1, 1, 16, 16, seed=seed) for seed in range(3)]
    each = [verify(model, probe, path) for probe in probes]
    together = verify(model, probes, path)
    assert together.psnr_db == min(report.psnr_db for report in each)
    assert together.max_abs_error == max(report.max_abs_error for report in each)


def test_a_fused_model_that_differs_does_not_pass() -> None:
    model = seeded(EnhanceLike)
    fused = copy.deepcopy(model)
    with torch.no_grad():
        drop_bias(fused)
    rows = parity_chain(model, [Step("fused", "fp32", fused)], [], picture(1, 1, 16, 16))
    assert [row.passed for row in rows] == [True, False]


def test_a_missing_runtime_is_a_row_that_does_not_pass(
    artifacts: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("edge_sdk.emulate.runtimes.litert")

    def absent(extra: str, name: str | None = None) -> None:
        raise MissingExtraError(f"{extra} is not installed")

    monkeypatch.setattr(module, "require", absent)
    chain = [Artifact(artifacts["tflite fp32"]), Artifact(artifacts["executorch fp32"])]
    rows = parity_chain(seeded(EnhanceLike), [], chain, picture(1, 1, 16, 16))
    assert rows[1].missing == "tflite is not installed"
    assert [row.passed for row in rows] == [True, False, True]
    assert math.isnan(rows[1].psnr_db)


def test_questions_that_make_no_sense_are_refused(artifacts: dict[str, Path]) -> None:
    model, path = seeded(EnhanceLike), artifacts["tflite fp32"]
    with pytest.raises(InputError, match="none given"):
        verify(model, [], path)
    with pytest.raises(InputError, match="float32"):
        verify(model, picture(1, 1, 16, 16).double(), path)
    with pytest.raises(InputError, match="no gate for precision 'int3'"):
        parity_chain(model, [], [Artifact(path, "int3")], picture(1, 1, 16, 16))
    with pytest.raises(ArtifactError, match="takes shape"):
        verify(model, picture(1, 1, 8, 8), path)
    with pytest.raises(ArtifactError, match="gives shape"):
        verify(nn.ReLU(), picture(1, 1, 16, 16), path)

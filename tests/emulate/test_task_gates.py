"""Gates by task: what each figure says, and what is no gate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edge_sdk.emulate import Step, parity_chain, task_gate
from edge_sdk.errors import InputError

SCORES = [[np.array([[0.1, 0.9, 0.3]])], [np.array([[0.7, 0.3, 0.6]])]]
OTHERS = [[np.array([[0.1, 0.8, 0.3]])], [np.array([[0.6, 0.3, 0.7]])]]


def test_top1_counts_the_same_class() -> None:
    gate = task_gate("top1=0.9")
    assert gate.measure(SCORES, SCORES) == 1
    assert gate.measure(SCORES, OTHERS) == 0.5
    with pytest.raises(InputError, match="scores of classes"):
        gate.measure([[np.ones((2, 1))]], [[np.ones((2, 1))]])


def test_cosine_is_of_the_worst_output() -> None:
    gate = task_gate("cosine=0.9")
    assert gate.measure(SCORES, [[2 * each for each in one] for one in SCORES]) == pytest.approx(1)
    left, right = [[np.array([1.0, 0.0]), np.ones(2)]], [[np.array([0.0, 1.0]), np.ones(2)]]
    assert gate.measure(left, right) == pytest.approx(0)
    zeros = [[np.zeros(2)]]
    assert (gate.measure(zeros, zeros), gate.measure(zeros, [[np.ones(2)]])) == (1, 0)


@pytest.mark.parametrize("name", ["cosine", "top1"])
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_is_no_number_reaches_no_gate(name: str, value: float) -> None:
    broken = [[np.full_like(array, value) for array in arrays] for arrays in SCORES]
    gate = task_gate(f"{name}=0.5")
    assert gate.score(SCORES, SCORES) == pytest.approx(1)
    assert gate.score(SCORES, broken) == -np.inf


def test_a_callable_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = "def same(a, b):\n    return 3\ndef fails(a, b):\n    raise KeyError('x')\n"
    (tmp_path / "own_figure.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    assert task_gate("own_figure:same=2").measure(SCORES, SCORES) == 3
    with pytest.raises(InputError, match="own_figure:fails raises KeyError"):
        task_gate("own_figure:fails=2").measure(SCORES, SCORES)


@pytest.mark.parametrize(
    "text", ["top1", "top1=", "top1=nan", "top5=0.9", "no_such_module:figure=1", "json:nothing=1"]
)
def test_what_is_no_gate(text: str) -> None:
    with pytest.raises(InputError) as caught:
        task_gate(text)
    assert "\n" not in str(caught.value)


def test_the_gate_takes_the_place_of_decibels() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 4)).eval()
    noisy = nn.Sequential(nn.Flatten(), nn.Linear(12, 4)).eval()
    noisy.load_state_dict({name: 1.1 * value for name, value in model.state_dict().items()})
    probes = list(torch.rand(5, 1, 3, 2, 2))
    rows = [
        parity_chain(model, [Step("scaled", "int8", noisy)], [], probes, pictures=False, gate=gate)[
            1
        ]
        for gate in (None, task_gate("top1=1"), task_gate("cosine=1.5"))
    ]
    assert [row.passed for row in rows] == [False, True, False]
    assert [row.score for row in rows][:2] == [None, 1]
    assert rows[2].faults == ("cosine 1.0000, under 1.5",)

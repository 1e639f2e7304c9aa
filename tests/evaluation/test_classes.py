"""Figures of recognition, against counts by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.errors import InputError
from edge_sdk.evaluation import recognition
from tests.examples import examples

CLASSES = ("cat", "cow", "dog")


def test_figures_of_a_small_table() -> None:
    # True class and found class of seven pictures; no cow is there.
    pairs = [(0, 0), (0, 0), (0, 2), (2, 2), (2, 1), (2, 0), (0, 0)]
    scores = torch.tensor([[4.0 * (found == label) for label in range(3)] for _, found in pairs])
    found = recognition(scores, torch.tensor([true for true, _ in pairs]), CLASSES)
    assert found.confusion == ((3, 0, 1), (0, 0, 0), (1, 1, 1))
    assert found.top1 == 4 / 7
    assert found.recalls == (3 / 4, None, 1 / 3)
    assert found.balanced_recall == pytest.approx((3 / 4 + 1 / 3) / 2)
    right, wrong = (-math.log(math.exp(x) / (math.exp(4) + 2)) for x in (4, 0))
    assert found.loss == pytest.approx((4 * right + 3 * wrong) / 7)
    assert found.summary == "top-1 57.1%, balanced recall 54.2% of 7 pictures"


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30))
@examples(50)
def test_counts_add_up_and_order_does_not_matter(pairs: list[tuple[int, int]]) -> None:
    scores = torch.tensor([[float(found == label) for label in range(3)] for _, found in pairs])
    labels = torch.tensor([true for true, _ in pairs])
    found = recognition(scores, labels, CLASSES)
    assert sum(map(sum, found.confusion)) == len(pairs)
    for true in range(3):
        for other in range(3):
            assert found.confusion[true][other] == pairs.count((true, other))
    again = recognition(scores.flip(0), labels.flip(0), CLASSES)
    assert again.confusion == found.confusion
    # With as many of each class, balanced recall is top-1.
    whole = torch.cat([labels, (labels + 1) % 3, (labels + 2) % 3])
    even = recognition(scores.repeat(3, 1), whole, CLASSES)
    assert even.balanced_recall == pytest.approx(even.top1)


@pytest.mark.parametrize(
    ("scores", "labels"),
    [
        (torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)),
        (torch.zeros(2, 2), torch.tensor([0, 1])),
        (torch.zeros(2, 3), torch.tensor([0])),
        (torch.zeros(1, 3), torch.tensor([3])),
        (torch.zeros(1, 3), torch.tensor([-1])),
    ],
)
def test_what_does_not_fit_is_refused(scores: torch.Tensor, labels: torch.Tensor) -> None:
    with pytest.raises(InputError):
        recognition(scores, labels, CLASSES)

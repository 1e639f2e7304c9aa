"""Figures of a classifier of quality, against counts by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.evaluation import quality_figures, score_threshold


def saying(*levels: int) -> Tensor:
    """Logits of a network that is certain of these levels."""
    return 60 * torch.eye(11)[[level // 10 for level in levels]]


def test_recalls_confusion_and_error_by_hand() -> None:
    found = quality_figures(
        saying(10, 20, 50, 90, 10, 90), torch.tensor([12.0, 35.0, 45.0, 88.0, 70.0, 20.0])
    )
    assert found.confusion == ((1, 0, 1), (1, 1, 0), (1, 0, 1))
    assert found.recalls == (0.5, 0.5, 0.5)
    assert found.balanced_recall == 0.5
    assert found.far_confusions == pytest.approx(2 / 6)
    assert found.mean_error == pytest.approx((2 + 15 + 5 + 2 + 60 + 70) / 6)
    assert found.bias == pytest.approx((-2 - 15 + 5 + 2 - 60 + 70) / 6)


def test_rank_correlation_is_spearmans() -> None:
    scores = torch.tensor([3.0, 33.0, 44.0, 78.0, 95.0])
    assert quality_figures(saying(0, 10, 20, 80, 90), scores).rank_correlation == pytest.approx(1)
    assert quality_figures(saying(90, 80, 50, 20, 0), scores).rank_correlation == pytest.approx(-1)
    tied = quality_figures(saying(10, 10, 40, 40, 90), scores).rank_correlation
    # Ranks 0.5, 0.5, 2.5, 2.5, 4 against 0 to 4: covariance 9, variances 9 and 10.
    assert tied == pytest.approx(9 / 90**0.5)


def test_a_class_without_pictures_is_left_out() -> None:
    found = quality_figures(saying(90, 90), torch.tensor([80.0, 95.0]))
    assert found.recalls == (None, None, 1.0)
    assert found.balanced_recall == 1


def test_the_threshold_holds_from_it_on() -> None:
    expected = torch.arange(100.0)
    true = expected.clone()
    true[70:75] = 10.0
    # From 0 on many are bad; at 75 the five bad ones at 70 to 74 are out.
    assert score_threshold(expected, true, 1.0) == 75
    # 0.9: 30 pictures from 70 on, 25 of them good, fail; 28 from 72 on with 25 good do not.
    assert score_threshold(expected, true, 0.89) == 72
    with pytest.raises(InputError, match="no expected score makes 95% good"):
        score_threshold(expected, torch.zeros(100), 0.95)


@pytest.mark.parametrize(
    ("logits", "scores"),
    [(torch.zeros(2, 11), torch.zeros(3)), (torch.zeros(0, 11), torch.zeros(0)),
     (torch.zeros(2, 3), torch.zeros(2))],
)  # fmt: skip
def test_what_does_not_fit_is_refused(logits: Tensor, scores: Tensor) -> None:
    with pytest.raises(InputError, match="do not fit"):
        quality_figures(logits, scores)

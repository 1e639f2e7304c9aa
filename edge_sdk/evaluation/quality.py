"""How well a classifier of quality scores pictures whose score is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.data.quality.grades import (
    CLASSES,
    LEVELS,
    class_of,
    class_probabilities,
    expected_score,
)
from edge_sdk.errors import InputError


@dataclass(frozen=True)
class QualityFigures:
    """What a classifier makes of pictures whose score is known.

    Attributes:
        balanced_recall: mean of the recalls of poor, medium and good, in [0, 1].
        recalls: part of the pictures of each class whose most probable class is theirs; ``None``
            for a class without pictures, which the mean leaves out.
        confusion: numbers of pictures, a row for each true class, a column for each found one.
        far_confusions: part of all pictures that are poor and taken for good, or the reverse.
        mean_error: mean absolute error of the expected score, in points of 0 to 100.
        bias: mean of expected less true score.
        rank_correlation: Spearman's, of expected and true score; NaN where one does not vary.

    Example:
        >>> import torch
        >>> from edge_sdk.evaluation import quality_figures
        >>> certain = 50 * torch.eye(11)[[0, 5, 10]]
        >>> found = quality_figures(certain, torch.tensor([2.0, 47.0, 99.0]))
        >>> found.summary
        'balanced recall 100.0%, mean error 2.0, rank correlation 1.000 of 3 pictures'
    """

    balanced_recall: float
    recalls: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    far_confusions: float
    mean_error: float
    bias: float
    rank_correlation: float

    @property
    def summary(self) -> str:
        """Balanced recall, error and correlation, in a line."""
        count = sum(map(sum, self.confusion))
        return (
            f"balanced recall {self.balanced_recall:.1%}, mean error {self.mean_error:.1f}, rank "
            f"correlation {self.rank_correlation:.3f} of {count:,} pictures"
        )


def quality_figures(logits: Tensor, scores: Tensor) -> QualityFigures:
    """Compare what a classifier says with true scores.

    Args:
        logits: float [N, 11], of levels of the score.
        scores: float [N], true scores, 0 to 100.

    Raises:
        InputError: if shapes do not fit, or there is no picture.

    Example:
        >>> import torch
        >>> from edge_sdk.evaluation import quality_figures
        >>> guessing = quality_figures(torch.zeros(3, 11), torch.tensor([20.0, 40.0, 90.0]))
        >>> round(guessing.mean_error, 1)
        26.7
    """
    count, classes = len(scores), list(CLASSES)
    if logits.shape != (count, len(LEVELS)) or not count:
        raise InputError(
            f"logits {list(logits.shape)} do not fit {count} scores; give a row of {len(LEVELS)} "
            "for each picture"
        )
    true = torch.tensor([classes.index(class_of(score)) for score in scores.tolist()])
    found = class_probabilities(logits).argmax(1)
    table = torch.bincount(true * len(classes) + found, minlength=len(classes) ** 2)
    rows = table.reshape(len(classes), -1)
    totals = rows.sum(1)
    recalls = tuple(
        int(rows[each, each]) / int(totals[each]) if totals[each] else None
        for each in range(len(classes))
    )
    known = [recall for recall in recalls if recall is not None]
    expected, real = expected_score(logits), scores.double()
    return QualityFigures(
        sum(known) / len(known),
        recalls,
        tuple(tuple(row) for row in rows.tolist()),
        int(rows[0, -1] + rows[-1, 0]) / count,
        float((expected - real).abs().mean()),
        float((expected - real).mean()),
        _rank_correlation(expected, real),
    )


def score_threshold(expected: Tensor, scores: Tensor, precision: float, good: float = 60) -> float:
    """Least expected score from which on pictures are good as often as is wanted.

    Args:
        expected: float [N], what a classifier says.
        scores: float [N], true scores.
        precision: wanted part, in (0, 1], of truly good ones among those from it on.
        good: true score from which on a picture is good.

    Returns:
        The least of ``expected`` from which on that holds at it and at all above it, where at
        least ten pictures are left.

    Raises:
        InputError: if no threshold reaches it.

    Example:
        >>> import torch
        >>> from edge_sdk.evaluation import score_threshold
        >>> expected = torch.arange(100.0)
        >>> score_threshold(expected, expected - 5, 1.0)
        65.0
    """
    order = expected.argsort(descending=True)
    good_so_far = (scores[order] >= good).double().cumsum(0)
    shares = good_so_far / torch.arange(1, len(order) + 1)
    enough = shares[_FEWEST - 1 :] >= precision
    first_failure = int((~enough).double().argmax()) if not bool(enough.all()) else len(enough)
    if first_failure == 0:
        raise InputError(f"no expected score makes {precision:.0%} good; train a better classifier")
    return float(expected[order[_FEWEST - 2 + first_failure]])


_FEWEST = 10


def _rank_correlation(one: Tensor, other: Tensor) -> float:
    ranks = torch.stack([_ranks(one), _ranks(other)])
    centered = ranks - ranks.mean(1, keepdim=True)
    sizes = centered.square().sum(1).sqrt()
    return float((centered[0] * centered[1]).sum() / (sizes[0] * sizes[1]))


def _ranks(values: Tensor) -> Tensor:
    """Ranks from 0; equal values share the mean of theirs."""
    ordered = values.sort().values
    first = torch.searchsorted(ordered, values)
    last = torch.searchsorted(ordered, values, right=True)
    return (first + last - 1).double() / 2

"""Classes of quality, the levels that a network tells apart, and the score they come to.

A network has one output for each of the levels 0, 10, … 100 of the score. Their softmax gives all
there is to say: the expected score is the mean of the levels, and the classes poor, medium and good
are sums of them, the levels 30 and 60 being shared by the classes that meet there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.errors import InputError

CLASSES = {"poor": 0, "medium": 30, "good": 60}
"""Classes of quality with the score at which each begins; the last ends at 100, inclusive."""
STEP = 10
LEVELS = tuple(f"score {level}" for level in range(0, 101, STEP))
"""What the outputs of a network are called."""


@dataclass(frozen=True)
class Quality:
    """How good a picture is.

    Attributes:
        score: 0 to 100.
        probabilities: of the classes poor, medium and good, each in [0, 1]; empty where the scorer
            has none.

    Raises:
        InputError: if a number is out of its range.

    Example:
        >>> from edge_sdk.curation import Quality
        >>> Quality(71.5, (0.1, 0.2, 0.7)).name, Quality(30).name
        ('good', 'medium')
    """

    score: float
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 100:
            raise InputError(f"a score of quality must be in 0 to 100, not {self.score:g}")
        counts = (0, len(CLASSES))
        if len(self.probabilities) not in counts or not all(
            0 <= each <= 1 for each in self.probabilities
        ):
            raise InputError(
                f"probabilities of quality must be {len(CLASSES)} in [0, 1], or none, not "
                f"{list(self.probabilities)}"
            )

    @property
    def name(self) -> str:
        """Class of the score: poor below 30, medium below 60, else good."""
        return class_of(self.score)

    @property
    def likeliest(self) -> str:
        """The most probable class; that of the score where there are no probabilities."""
        if not self.probabilities:
            return self.name
        return list(CLASSES)[self.probabilities.index(max(self.probabilities))]


def class_of(score: float) -> str:
    """Class that a score lies in.

    Example:
        >>> from edge_sdk.data.quality.grades import class_of
        >>> class_of(29.9), class_of(30), class_of(100)
        ('poor', 'medium', 'good')
    """
    return [name for name, start in CLASSES.items() if score >= start][-1]


def class_probabilities(logits: Tensor) -> Tensor:
    """How likely each class is.

    Args:
        logits: float [N, 11], of the levels.

    Returns:
        Float64 [N, 3] of poor, medium and good; rows sum to 1.

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.grades import class_probabilities
        >>> certain = 50 * torch.eye(11)[[2, 3, 10]]
        >>> class_probabilities(certain).round(decimals=3).tolist()
        [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    """
    return (logits.double().softmax(1) @ _membership()).clamp(0, 1)


def expected_score(logits: Tensor) -> Tensor:
    """Mean of the levels.

    Args:
        logits: float [N, 11], of the levels.

    Returns:
        Float64 [N] in [0, 100].

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.grades import expected_score
        >>> round(expected_score(torch.zeros(1, 11)).item(), 6)
        50.0
    """
    return (logits.double().softmax(1) * _levels()).sum(1).clamp(0, 100)


def soft_labels(lowest: Tensor, highest: Tensor) -> Tensor:
    """What the softmax should be, of what a label says of the score.

    A score is shared between the two levels that it lies between, so that their mean is the score
    and labels have no steps. A range, as of a class, is shared evenly among its levels, those at
    its bounds counting half.

    Args:
        lowest: float [N], 0 to 100.
        highest: float [N]; the same for a score, the end of the range for a class.

    Returns:
        Float32 [N, 11]; rows sum to 1.

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.grades import soft_labels
        >>> labels = soft_labels(torch.tensor([42.5, 0.0]), torch.tensor([42.5, 30.0]))
        >>> labels[0, 4:6].tolist(), [round(each, 2) for each in labels[1, :4].tolist()]
        ([0.75, 0.25], [0.17, 0.33, 0.33, 0.17])
    """
    place = lowest.float().clamp(0, 100) / STEP
    before = place.floor().clamp(max=len(LEVELS) - 2).long()
    part = place - before
    labels = torch.zeros(len(lowest), len(LEVELS))
    labels.scatter_(1, before[:, None], (1 - part)[:, None])
    labels.scatter_(1, before[:, None] + 1, part[:, None])
    low, high, levels = lowest[:, None].double(), highest[:, None].double(), _levels()
    inside = ((levels > low) & (levels < high)).float()
    inside += 0.5 * ((levels == low) | (levels == high)) * (high > low)
    spread = inside / inside.sum(1, keepdim=True).clamp(min=0.5)
    is_range = (highest > lowest)[:, None] & (inside.sum(1, keepdim=True) > 0)
    return torch.where(is_range, spread, labels)


def _levels() -> Tensor:
    return torch.arange(0, 101, STEP, dtype=torch.float64)


def _membership() -> Tensor:
    """How much of each level belongs to each class, float64 [11, 3]."""
    levels, starts = _levels()[:, None], torch.tensor([*CLASSES.values(), 101]).double()
    inside = ((levels >= starts[:-1]) & (levels < starts[1:])).double()
    for number, start in enumerate(list(CLASSES.values())[1:], 1):
        shared = start // STEP
        inside[shared, number - 1] = inside[shared, number] = 0.5
    return inside

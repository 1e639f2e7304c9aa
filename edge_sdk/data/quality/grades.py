"""Classes of quality, the finer ranges that a network tells apart, and the score they come to.

A network has one output for each tenth of the score. Their softmax gives all there is to say: the
classes poor, medium and good are sums of it, since the bounds 30 and 60 are bounds of tenths, and
the expected score is the mean of the tenths' middles.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.errors import InputError

CLASSES = {"poor": 0, "medium": 30, "good": 60}
"""Classes of quality with the score at which each begins; the last ends at 100, inclusive."""
TENTH = 10
_STARTS = range(0, 100, TENTH)
RANGES = tuple(
    f"{[name for name, begin in CLASSES.items() if start >= begin][-1]} {start}-{start + TENTH}"
    for start in _STARTS
)
"""What the outputs of a network are called, ``poor 0-10`` to ``good 90-100``."""
_FIRST, _LAST = TENTH / 2, 100 - TENTH / 2


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
        logits: float [N, 10].

    Returns:
        Float64 [N, 3] of poor, medium and good; rows sum to 1.

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.grades import class_probabilities
        >>> [round(each, 2) for each in class_probabilities(torch.zeros(1, 10))[0].tolist()]
        [0.3, 0.3, 0.4]
    """
    shares = logits.double().softmax(1)
    bounds = [start // TENTH for start in CLASSES.values()] + [len(RANGES)]
    parts = [shares[:, first:last].sum(1) for first, last in zip(bounds, bounds[1:], strict=False)]
    return torch.stack(parts, 1).clamp(0, 1)


def expected_score(logits: Tensor) -> Tensor:
    """Mean of the score, each tenth standing for its middle: 5 at least and 95 at most.

    Args:
        logits: float [N, 10].

    Returns:
        Float64 [N] in [5, 95].

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.grades import expected_score
        >>> expected_score(torch.zeros(1, 10)).item()
        50.0
    """
    middles = torch.arange(_FIRST, 100, TENTH, dtype=torch.float64)
    return (logits.double().softmax(1) * middles).sum(1)


def soft_labels(lowest: Tensor, highest: Tensor) -> Tensor:
    """What the softmax should be, of what a label says of the score.

    A score is shared between the two tenths whose middles it lies between, so that its mean is the
    score, and that labels have no steps; beyond the outermost middles, 5 and 95, it is theirs. A
    range, as of a class, is shared evenly among its tenths.

    Args:
        lowest: float [N], 0 to 100.
        highest: float [N]; the same for a score, the end of the range for a class.

    Returns:
        Float32 [N, 10]; rows sum to 1.

    Example:
        >>> import torch
        >>> from edge_sdk.data.quality.grades import soft_labels
        >>> score, poor = torch.tensor([42.5, 0.0]), torch.tensor([42.5, 30.0])
        >>> labels = soft_labels(score, poor)
        >>> labels[0, 3:5].tolist(), [round(each, 2) for each in labels[1, :4].tolist()]
        ([0.25, 0.75], [0.33, 0.33, 0.33, 0.0])
    """
    place = (lowest.float().clamp(_FIRST, _LAST) - _FIRST) / TENTH
    before = place.floor().clamp(max=len(RANGES) - 2).long()
    part = place - before
    labels = torch.zeros(len(lowest), len(RANGES))
    labels.scatter_(1, before[:, None], (1 - part)[:, None])
    labels.scatter_(1, before[:, None] + 1, part[:, None])
    starts = torch.tensor(list(_STARTS), dtype=torch.float32)
    inside = (starts >= lowest[:, None]) & (starts + TENTH <= highest[:, None])
    spread = inside / inside.sum(1, keepdim=True).clamp(min=1)
    return torch.where((highest > lowest)[:, None] & inside.any(1, keepdim=True), spread, labels)

"""How well classes are told apart: top-1, recall of every class, and what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import InputError


@dataclass(frozen=True)
class Recognition:
    """What a model makes of pictures whose classes are known.

    Attributes:
        classes: names, in the order of the rows and columns.
        top1: part of the pictures whose class is the one with the highest score, in [0, 1].
        balanced_recall: mean of the recalls of the classes, each weighing the same, in [0, 1].
        recalls: part of the pictures of each class that were recognized; ``None`` for a class
            without pictures, which the mean leaves out.
        confusion: numbers of pictures, a row for each true class, a column for each found one.
        loss: mean cross entropy, in nats.

    Example:
        >>> from edge_sdk.evaluation import Recognition
        >>> confusion = ((8, 2), (0, 90))
        >>> Recognition(("cat", "dog"), 0.98, 0.9, (0.8, 1.0), confusion, loss=0.1).summary
        'top-1 98.0%, balanced recall 90.0% of 100 pictures'
    """

    classes: tuple[str, ...]
    top1: float
    balanced_recall: float
    recalls: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    loss: float

    @property
    def summary(self) -> str:
        """Top-1 and balanced recall, in a line."""
        count = sum(map(sum, self.confusion))
        return (
            f"top-1 {self.top1:.1%}, balanced recall {self.balanced_recall:.1%} of {count:,} "
            "pictures"
        )


def recognition(scores: Tensor, labels: Tensor, classes: Sequence[str]) -> Recognition:
    """Compare scores with true classes.

    Args:
        scores: float [N, K], logits.
        labels: int64 [N], true classes from 0.
        classes: names of the K classes.

    Raises:
        InputError: if shapes do not fit, or there is no picture.

    Example:
        >>> import torch
        >>> from edge_sdk.evaluation import recognition
        >>> scores = torch.tensor([[2.0, 0.0], [1.0, 0.0], [3.0, 0.0], [0.0, 1.0]])
        >>> found = recognition(scores, torch.tensor([0, 0, 1, 1]), ("cat", "dog"))
        >>> found.confusion, found.top1, found.recalls
        (((2, 0), (1, 1)), 0.75, (1.0, 0.5))
    """
    count = len(classes)
    if scores.ndim != 2 or scores.shape != (len(labels), count) or not len(labels):
        raise InputError(
            f"scores {list(scores.shape)} do not fit {len(labels)} labels of {count} classes; give "
            "a row for each picture and a column for each class"
        )
    if not bool(((labels >= 0) & (labels < count)).all()):
        raise InputError(f"labels must lie in 0 … {count - 1}, the numbers of the classes")
    found = scores.argmax(1)
    table = torch.bincount(labels * count + found, minlength=count**2).reshape(count, count)
    totals = table.sum(1)
    recalls = tuple(
        int(table[label, label]) / int(totals[label]) if totals[label] else None
        for label in range(count)
    )
    known = [recall for recall in recalls if recall is not None]
    return Recognition(
        tuple(classes),
        int(table.diagonal().sum()) / len(labels),
        sum(known) / len(known),
        recalls,
        tuple(tuple(row) for row in table.tolist()),
        float(functional.cross_entropy(scores.double(), labels)),
    )

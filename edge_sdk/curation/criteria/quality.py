"""Pictures of low quality, by whatever scores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge_sdk.curation.criteria.criterion import Criterion, Finding, Measured, Number
from edge_sdk.curation.opened import OpenedPicture
from edge_sdk.data.quality.grades import CLASSES, Quality
from edge_sdk.deploy.scoring import DEFAULT_CLASSIFIER, QualityClassifier
from edge_sdk.errors import InputError, PictureError
from edge_sdk.imaging import Picture

__all__ = ["CLASSES", "LeastQuality", "Quality", "Scorer", "quality_criterion"]


class Scorer(Protocol):
    """Says how good a picture is: any function of this form.

    The same picture must get the same answer in every process. It must be picklable where several
    processes measure: a function of a module, or an object that loads its weights when it is first
    called.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture
        >>> from edge_sdk.curation import Quality, Scorer
        >>> def contrast(picture: Picture) -> Quality:
        ...     return Quality(min(100.0, 400 * float(picture.pixels.std())))
        >>> scorer: Scorer = contrast
        >>> scorer(Picture(torch.ones(3, 20, 30))).name
        'poor'
    """

    def __call__(self, picture: Picture) -> Quality:
        """Score one picture.

        Args:
            picture: upright, pixels float32 [3, H, W] in [0, 1], of any size.
        """


@dataclass(frozen=True)
class LeastQuality(Criterion):
    """A picture's score must be ``least_score`` or more.

    Attributes:
        scorer: gives the score.
        scored_by: name and version of the scorer: a stopped run goes on only with the same.
        least_score: 0 to 100; 60 keeps the class "good" alone (specification 4).

    Raises:
        InputError: if the limit is out of range.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.curation import CurationConfig, LeastQuality, Quality, Size, curate
        >>> def brightness(picture: Picture) -> Quality:
        ...     return Quality(100 * float(picture.pixels.mean()))
        >>> for name, level in (("dark.png", 0.1), ("light.png", 0.9)):
        ...     written = write_picture(Picture(torch.full((3, 20, 30), level)), name)
        >>> config = CurationConfig((LeastQuality(brightness, "brightness 1"),))
        >>> [path.name for path in curate(["dark.png", "light.png"], config=config).kept]
        ['light.png']
    """

    name = "quality"
    scorer: Scorer = field(repr=False)
    scored_by: str
    least_score: float = 60

    def __post_init__(self) -> None:
        if not 0 <= self.least_score <= 100:
            raise InputError(f"least score must be 0 to 100, not {self.least_score:g}")

    @property
    def measured_as(self) -> str:
        """The scorer, since another one gives other numbers."""
        return f"quality 1 by {self.scored_by}"

    def measure(self, picture: OpenedPicture) -> Mapping[str, float]:
        """Score, and probabilities of the classes where the scorer gives them.

        Nothing of a picture that the scorer refuses, as one that is too small for it.
        """
        try:
            found = self.scorer(picture.picture)
        except PictureError:
            return {}
        # Without probabilities there is nothing to pair the classes with.
        named = zip(CLASSES, found.probabilities, strict=False)
        return {"score": found.score, **{f"probability_{name}": value for name, value in named}}

    def judge(self, pictures: Sequence[Measured]) -> list[Finding | None]:
        """Leave out what scores less."""
        return [self._judge(one.numbers) for one in pictures]

    def _judge(self, numbers: Mapping[str, Number]) -> Finding | None:
        if "score" not in numbers:
            return Finding("too small to be scored")
        score = float(numbers["score"])
        if score >= self.least_score:
            return None
        return Finding(f"score {score:.1f} ({Quality(score).name}), below {self.least_score:g}")


def quality_criterion(
    least_score: float = CLASSES["good"], model: str = DEFAULT_CLASSIFIER
) -> LeastQuality:
    """The criterion with a network as scorer.

    Args:
        least_score: 0 to 100; 60 keeps the class "good" alone.
        model: shipped name, or path of a ``.safetensors`` file, of task quality.

    Raises:
        InputError: if the score is out of range, or the model for another task.
        ModelError: if there is no such model.

    Example:
        >>> from edge_sdk.curation import quality_criterion
        >>> quality_criterion(60).least_score
        60
    """
    classifier = QualityClassifier(model)
    return LeastQuality(classifier, classifier.scored_by, least_score)

"""How good pictures are, by a classifier of quality."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn

from edge_sdk.data.quality.cuts import contact_sheet
from edge_sdk.data.quality.grades import LEVELS, Quality, class_probabilities, expected_score
from edge_sdk.errors import EdgeSdkError, InputError, MissingExtraError
from edge_sdk.imaging import Picture, read_picture
from edge_sdk.models.network import Network
from edge_sdk.models.spec import QUALITY, RecognitionSpec
from edge_sdk.zoo.catalogue import model_names, model_path
from edge_sdk.zoo.fused_form import digest_of
from edge_sdk.zoo.networks import fused_by_name

DEFAULT_CLASSIFIER = "quality_classifier"
"""What scores pictures unless another model is named."""


@dataclass(frozen=True)
class ScoredPicture:
    """What became of one picture.

    Attributes:
        path: of the file.
        quality: score and probabilities; ``None`` if it has none.
        failure: why it has none, one line that names it; ``None`` if it has.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.deploy import score_files
        >>> count = Path("notes.png").write_bytes(b"no picture")
        >>> [one.failure for one in score_files(["notes.png"])]
        ['notes.png: is not a JPEG, ...; convert it']
    """

    path: Path
    quality: Quality | None
    failure: str | None = None


@dataclass(frozen=True)
class QualityClassifier:
    """A scorer of pictures by a model's name; its weights are read when it is first called.

    Attributes:
        model: shipped name, or path of a ``.safetensors`` file, of task quality.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture
        >>> from edge_sdk.deploy import QualityClassifier
        >>> QualityClassifier()(Picture(torch.rand(3, 200, 300))).name
        'poor'
    """

    model: str = DEFAULT_CLASSIFIER

    def __call__(self, picture: Picture) -> Quality:
        """Score one picture.

        Raises:
            ModelError: if there is no such model.
            InputError: if it is for another task.
            PictureError: if the picture is smaller than a cut.
        """
        return score(picture, self.model)

    @property
    def scored_by(self) -> str:
        """Name and contents of the model: other weights give other scores.

        Raises:
            ModelError: if there is no such model.
        """
        shipped = self.model in model_names()
        path = model_path(self.model) if shipped else Path(self.model)
        return f"{self.model} {digest_of(path)[:12]}"


def score(picture: Picture | Path | str, model: str = DEFAULT_CLASSIFIER) -> Quality:
    """Score a picture: how likely it is poor, medium and good, and what score is expected.

    The score estimates how much of a sharp, clean original is left in the picture, from 0 to 100,
    without knowing the original (:mod:`edge_sdk.data.quality.full_reference`).

    Args:
        picture: the picture, or its file.
        model: shipped name, or path of a ``.safetensors`` file, of task quality.

    Raises:
        PictureError: if the file cannot be read, or the picture is smaller than a cut.
        ModelError: if there is no such model.
        InputError: if it is for another task.

    Example:
        >>> from edge_sdk import Picture, score
        >>> from edge_sdk.data import example_photo
        >>> found = score(Picture(example_photo("coffee")))
        >>> found.name, len(found.probabilities)
        ('good', 3)
    """
    network, spec = _classifier(model)
    name = "the picture"
    if not isinstance(picture, Picture):
        name, picture = str(picture), read_picture(picture)
    logits = _logits(network, contact_sheet(picture.pixels, spec.preview_px, name))
    return quality_of(logits)


def score_files(
    pictures: Sequence[Path | str], model: str = DEFAULT_CLASSIFIER
) -> Iterator[ScoredPicture]:
    """Score picture files one by one; one that cannot be is named, and the rest goes on.

    Args:
        pictures: files.
        model: shipped name, or path of a ``.safetensors`` file, of task quality.

    Yields:
        What became of each picture, in their order.

    Raises:
        ModelError: if there is no such model.
        InputError: if it is for another task.

    Example:
        >>> import torch
        >>> from edge_sdk import Picture, write_picture
        >>> from edge_sdk.deploy import score_files
        >>> written = write_picture(Picture(torch.rand(3, 90, 120)), "noise.png")
        >>> [(one.path.name, one.quality.name) for one in score_files(["noise.png"])]
        [('noise.png', 'poor')]
    """
    _classifier(model)
    for picture in pictures:
        try:
            yield ScoredPicture(Path(picture), score(Path(picture), model))
        except MissingExtraError:
            raise
        except EdgeSdkError as error:
            yield ScoredPicture(Path(picture), None, str(error))


def quality_of(logits: Tensor) -> Quality:
    """What a classifier's output says of a picture.

    Args:
        logits: float [1, 11], of levels of the score.
    """
    probabilities = tuple(class_probabilities(logits)[0].tolist())
    return Quality(float(expected_score(logits)[0]), probabilities)


@cache
def _classifier(model: str) -> tuple[Network, RecognitionSpec]:
    network = fused_by_name(model)
    spec = network.spec
    if not isinstance(spec, RecognitionSpec) or spec.task != QUALITY or spec.classes != LEVELS:
        raise InputError(
            f"{model} is for {spec.task}; name a model for quality, such as {DEFAULT_CLASSIFIER}"
        )
    return network, spec


@torch.no_grad()
def _logits(network: nn.Module, sheet: Tensor) -> Tensor:
    logits: Tensor = network(sheet[None])
    return logits

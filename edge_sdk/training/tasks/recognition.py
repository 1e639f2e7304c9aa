"""Training for recognition: from pictures to the names of their classes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from edge_sdk.errors import InputError
from edge_sdk.evaluation import Recognition, recognition
from edge_sdk.models.network import Network
from edge_sdk.models.spec import RECOGNITION, ModelSpec, RecognitionSpec
from edge_sdk.progress import Progress
from edge_sdk.training.recipe.samples import SamplesConfig
from edge_sdk.training.recipe.sections import DataConfig, PictureSource
from edge_sdk.training.recipe.tasks import TASKS, Batch, TrainingTask

if TYPE_CHECKING:
    from edge_sdk.data.recognition.pictures import LabelledPictures


class RecognitionTask(TrainingTask):
    """Inputs are samples of pictures, targets the numbers of their classes; cross entropy.

    The score is how likely the right class is, in dB: 10·log10 of its part in the softmax, 0 where
    the network is certain and right, so that the best weights are those of the least loss. The
    baseline holds all classes for as likely.

    Raises:
        InputError: if the network tells no classes apart.
    """

    takes = ("samples",)
    baseline_label = "guessing"
    baseline_name = "guessing"
    score_name = "likelihood_db"
    score_title = "likelihood of the right class, dB"
    squares = False
    module = "edge_sdk.training.run.recognition:RecognitionModule"
    spec: RecognitionSpec

    def __init__(self, spec: ModelSpec, data: DataConfig, seed: int) -> None:
        if not isinstance(spec, RecognitionSpec):
            raise InputError(
                f"task {spec.task} is for networks that tell classes apart, and "
                f"{spec.architecture} tells none; train it for another task"
            )
        super().__init__(spec, data, seed)

    def check(self) -> None:
        """Refuse what is for patches of pictures, and networks of other channels."""
        usual = DataConfig()
        for name in ("patch_px", "resize_factors"):
            if getattr(self.data, name) != getattr(usual, name):
                raise InputError(
                    f"data.{name}: is for patches, and recognition cuts samples by data.samples, "
                    "which are resized to model.preview_px; leave it out"
                )
        if self.spec.input_channels != 3:
            raise InputError(
                f"model.channels: pictures have red, green and blue, and {self.spec.input_channels}"
                " are given; set 3"
            )

    def training_set(
        self, length: int, rank: int = 0, on_progress: Progress | None = None
    ) -> Dataset[Batch]:
        """Samples of the recipe's pictures, cut, resized and perturbed."""
        from edge_sdk.data.recognition.samples import RecognitionSamples

        return RecognitionSamples(
            self._pictures(self.data.train),
            self._samples.ranges(),
            self.spec.preview_px,
            length,
            self.seed,
            self.spec.normalization,
            by_class=self._samples.by_class,
        )

    def validation_set(self) -> Dataset[Batch]:
        """The middle of every picture, as large as the ratio of the samples allows."""
        from edge_sdk.data.recognition.samples import WholePictures

        return WholePictures(
            self._pictures(self.data.validation),
            self._samples.ranges(),
            self.spec.preview_px,
            self.spec.normalization,
        )

    def loss(self, output: Tensor, wanted: Tensor, target: Tensor, *, squared: bool) -> Tensor:
        """Mean cross entropy in nats, of numbers of classes or of a teacher's probabilities."""
        return functional.cross_entropy(output, wanted)

    def score(self, output: Tensor, target: Tensor) -> float:
        """Likelihood of the right class in dB, of scores [1, K] and its number [1]."""
        nats = functional.cross_entropy(output.double(), target)
        return float(-10 / math.log(10) * nats)

    def baseline(self, source: Tensor) -> Tensor:
        """The same score for every class."""
        return torch.zeros(len(source), len(self.spec.classes))

    def taught(self, output: Tensor) -> Tensor:
        """How likely a teacher holds each class."""
        return output.softmax(1)

    @torch.no_grad()
    def evaluation(self, network: Network, samples: Iterable[Batch]) -> Recognition:
        """Top-1, recalls and confusion."""
        scores, labels = zip(*((network(x), label) for x, label in samples), strict=True)
        return recognition(torch.cat(scores), torch.cat(labels), self.spec.classes)

    @property
    def _samples(self) -> SamplesConfig:
        return self.data.samples or SamplesConfig()

    def _pictures(self, source: PictureSource | None) -> LabelledPictures:
        from edge_sdk.data.recognition.pictures import labelled_files, read_labelled

        assert source is not None  # Recipes without pictures are refused.
        classes = self.spec.classes
        files = [
            file
            for table in source.name_files or (None,)
            for file in labelled_files(source.folder, classes, table)
        ]
        return read_labelled(files, classes)


TASKS.register(RECOGNITION, RecognitionTask)

"""Training for recognition: from pictures to the names of their classes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from edge_sdk.errors import InputError
from edge_sdk.evaluation import Recognition, recognition
from edge_sdk.models.network import Network
from edge_sdk.models.spec import RECOGNITION
from edge_sdk.progress import Progress
from edge_sdk.training.recipe.samples import SamplesConfig
from edge_sdk.training.recipe.sections import PictureSource
from edge_sdk.training.recipe.tasks import TASKS, Batch
from edge_sdk.training.tasks.classes import ClassesTask

if TYPE_CHECKING:
    from edge_sdk.data.recognition.pictures import LabelledPictures


class RecognitionTask(ClassesTask):
    """Inputs are samples of pictures, targets the numbers of their classes; cross entropy.

    Raises:
        InputError: if the network tells no classes apart.
    """

    takes = ("samples",)
    score_title = "likelihood of the right class, dB"
    module = "edge_sdk.training.run.recognition:RecognitionModule"

    def check(self) -> None:
        """Refuse what is for patches of pictures, and networks of other channels."""
        self.refuse_patches(
            "recognition cuts samples by data.samples, which are resized to model.preview_px"
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

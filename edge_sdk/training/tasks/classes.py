"""What tasks that tell classes apart share: likelihood in dB, and guessing as baseline."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.models.spec import ModelSpec, RecognitionSpec
from edge_sdk.training.recipe.sections import DataConfig
from edge_sdk.training.recipe.tasks import TrainingTask


class ClassesTask(TrainingTask):
    """Trains what tells classes apart, by a cross entropy.

    The score is the loss of one sample in dB, 10·log10 of how likely the right class is held to be:
    0 where the network is certain and right, so that the best weights are those of the least loss.
    The baseline holds all classes for as likely.

    Raises:
        InputError: if the network tells no classes apart.
    """

    baseline_label = "guessing"
    baseline_name = "guessing"
    score_name = "likelihood_db"
    squares = False
    spec: RecognitionSpec

    def __init__(self, spec: ModelSpec, data: DataConfig, seed: int) -> None:
        if not isinstance(spec, RecognitionSpec):
            raise InputError(
                f"task {spec.task} is for networks that tell classes apart, and "
                f"{spec.architecture} tells none; train it for another task"
            )
        super().__init__(spec, data, seed)

    def refuse_patches(self, instead: str) -> None:
        """Refuse keys that are for patches of pictures.

        Args:
            instead: what the task does, to follow "is for patches, and".

        Raises:
            InputError: naming the first that is not as it comes.
        """
        usual = DataConfig()
        for name in ("patch_px", "resize_factors"):
            if getattr(self.data, name) != getattr(usual, name):
                raise InputError(f"data.{name}: is for patches, and {instead}; leave it out")

    def score(self, output: Tensor, target: Tensor) -> float:
        """Likelihood of what is right in dB, of scores [1, K] and the target of one sample."""
        nats = self.loss(output.double(), target, target, squared=False)
        return float(-10 / math.log(10) * nats)

    def baseline(self, source: Tensor) -> Tensor:
        """The same score for every class."""
        return torch.zeros(len(source), len(self.spec.classes))

    def taught(self, output: Tensor) -> Tensor:
        """How likely a teacher holds each class."""
        return output.softmax(1)

"""The steps of a training for recognition."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from edge_sdk.evaluation import recognition
from edge_sdk.models.recognition_net import keep_scales_positive
from edge_sdk.models.spec import RecognitionSpec
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.run.module import TrainingModule


class RecognitionModule(TrainingModule):
    """Steps that keep the scales of BatchNorms above 0, and validations that count classes.

    Scales are raised to the least value after the optimizer's step and before the average of the
    weights takes them in; see :mod:`edge_sdk.models.recognition_net` for the reason.
    """

    measures_loss = True

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        self._found: list[tuple[Tensor, Tensor]] = []

    def on_fit_start(self) -> None:
        """Weights that another model gave may have scales of any sign."""
        keep_scales_positive(self.network)

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """Take the step, then project."""
        super().optimizer_step(*arguments, **named)
        keep_scales_positive(self.network)

    def on_validation_epoch_start(self) -> None:
        """Begin to count."""
        super().on_validation_epoch_start()
        self._found.clear()

    def note(self, output: Tensor, target: Tensor) -> None:
        """Remember the scores of one picture."""
        self._found.append((output.cpu(), target.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Log top-1 and balanced recall."""
        scores, labels = (torch.cat(part) for part in zip(*self._found, strict=True))
        spec = self.task.spec
        assert isinstance(spec, RecognitionSpec)
        found = recognition(scores, labels, spec.classes)
        self.log("top1", found.top1)
        self.log("balanced_recall", found.balanced_recall, prog_bar=True)

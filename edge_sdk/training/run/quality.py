"""The steps of a training for quality."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from edge_sdk.evaluation import quality_figures
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.run.recognition import RecognitionModule


class QualityModule(RecognitionModule):
    """Steps as of recognition, and validations that measure scores.

    The first kernels are kept free of means: brightness and color of an area, which are most of
    what a picture holds and nothing of its quality, do not pass them, so that what is left, the
    differences between neighbors, is seen from the first step on.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config)
        without_means(self.network)

    def optimizer_step(self, *arguments: Any, **named: Any) -> None:
        """Take the step, then project."""
        super().optimizer_step(*arguments, **named)
        without_means(self.network)

    def on_validation_epoch_end(self) -> None:
        """Log balanced recall and the mean error of the score."""
        logits, ranges = (torch.cat(part) for part in zip(*self._found, strict=True))
        found = quality_figures(logits, ranges.mean(1))
        self.log("mean_error", found.mean_error, prog_bar=True)
        self.log("balanced_recall", found.balanced_recall, prog_bar=True)


@torch.no_grad()
def without_means(network: nn.Module) -> None:
    """Take its mean off every kernel of a network's first convolution, in place."""
    first = next(part for part in network.modules() if isinstance(part, nn.Conv2d))
    first.weight -= first.weight.mean((2, 3), keepdim=True)

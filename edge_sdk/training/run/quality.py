"""The steps of a training for quality."""

from __future__ import annotations

import torch

from edge_sdk.evaluation import quality_figures
from edge_sdk.training.run.recognition import RecognitionModule


class QualityModule(RecognitionModule):
    """Steps as of recognition, and validations that measure scores."""

    def on_validation_epoch_end(self) -> None:
        """Log balanced recall and the mean error of the score."""
        logits, ranges = (torch.cat(part) for part in zip(*self._found, strict=True))
        found = quality_figures(logits, ranges.mean(1))
        self.log("mean_error", found.mean_error, prog_bar=True)
        self.log("balanced_recall", found.balanced_recall, prog_bar=True)

"""Restoration training: from degraded patches to the pictures that they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.imaging import quantize
from edge_sdk.models.network import Network
from edge_sdk.models.spec import Task
from edge_sdk.training.recipe.tasks import TASKS, Batch
from edge_sdk.training.tasks.pictures import PictureTask


@dataclass(frozen=True)
class RestorationFigures:
    """What restored pictures have of the detail of the truth.

    Attributes:
        psnr_db: mean over pictures.
        degraded_db: that of the inputs.
        gradient_energy: mean over pictures of the gradient energy, over that of the truth: below 1
            where detail is lost, above where there is noise.
        degraded_gradient_energy: that of the inputs.
    """

    psnr_db: float
    degraded_db: float
    gradient_energy: float
    degraded_gradient_energy: float

    @property
    def summary(self) -> str:
        """In a line."""
        return (
            f"{self.psnr_db:.2f} dB of {self.degraded_db:.2f} dB degraded; gradient energy "
            f"{self.gradient_energy:.2f} of the truth's, degraded "
            f"{self.degraded_gradient_energy:.2f}"
        )


class RestorationTask(PictureTask):
    """Inputs are pictures made worse by a recipe of degradation, targets the pictures.

    The baseline is the degraded picture itself; PSNR is that of all channels, without leaving a
    border out.
    """

    needs = ("degradation",)
    missing = "a restoration network needs something to restore; give degradation: document"
    baseline_label = "degraded"
    baseline_name = "the degraded pictures"

    def evaluation(self, network: Network, samples: Iterable[Batch]) -> RestorationFigures:
        """How much of the truth's gradient energy the results have, beside their PSNR."""
        rows = []
        with torch.inference_mode():
            for source, target in samples:
                restored = quantize(network(source))
                energy = gradient_energy(target)
                rows.append(
                    (
                        self.score(restored, target),
                        self.score(source, target),
                        gradient_energy(restored) / energy,
                        gradient_energy(quantize(source)) / energy,
                    )
                )
        return RestorationFigures(*(sum(column) / len(rows) for column in zip(*rows, strict=True)))


def gradient_energy(picture: Tensor) -> float:
    """Mean of the squares of differences between neighbors, down and beside.

    Args:
        picture: float32 [..., H, W], of two pixels or more each way.

    Returns:
        0 for a picture of one value.
    """
    down, beside = picture.diff(dim=-2), picture.diff(dim=-1)
    return float(down.square().mean() + beside.square().mean())


TASKS.register(Task.RESTORATION, RestorationTask)

"""Training for quality: from cuts of a picture to levels of its score."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional
from torch.utils.data import Dataset

from edge_sdk.data.quality.grades import LEVELS, soft_labels
from edge_sdk.errors import InputError
from edge_sdk.evaluation import QualityFigures, quality_figures
from edge_sdk.models.network import Network
from edge_sdk.models.spec import QUALITY
from edge_sdk.progress import Progress
from edge_sdk.training.recipe.section import Section
from edge_sdk.training.recipe.sections import PictureSource
from edge_sdk.training.recipe.tasks import TASKS, Batch
from edge_sdk.training.tasks.classes import ClassesTask

if TYPE_CHECKING:
    from edge_sdk.training.inputs.quality_store import ScoredSheets

Listed = TypeVar("Listed")


class QualityOptions(Section):
    """Options of the task."""

    sheets: int = Field(60, ge=1, description="degraded regions of each photograph to learn from")
    validation_sheets: int = Field(30, ge=1, description="of each photograph to measure on")
    held_out: int | None = Field(
        None,
        ge=2,
        description="of so many photographs, in their order, the last is measured on and not "
        "trained on; data.train and data.validation name the same then",
    )


class QualityTask(ClassesTask):
    """Inputs are cuts of degraded photographs side by side, targets their scores.

    The loss is the cross entropy against soft labels
    (:func:`~edge_sdk.data.quality.grades.soft_labels`). Photographs come from a folder or lists of
    names; a list that ends in .csv, with the columns path and score, or path and class, holds
    pictures as they are, with the labels of people.

    Raises:
        InputError: if the network tells no classes apart.
    """

    options_type = QualityOptions
    score_title = "likelihood of the right score, dB"
    module = "edge_sdk.training.run.quality:QualityModule"
    options: QualityOptions

    def check(self) -> None:
        """Refuse what is for patches of pictures, and networks that do not tell levels apart."""
        self.refuse_patches("quality cuts sheets of model.preview_px")
        if self.spec.input_channels != 3 or self.spec.preview_px % 2:
            raise InputError(
                f"model.channels {self.spec.input_channels} and preview_px {self.spec.preview_px}: "
                "sheets have red, green and blue, and two cuts a side; set 3 and an even number"
            )
        if self.spec.classes != LEVELS or self.spec.normalization is not None:
            raise InputError(
                "model.classes must be the levels of the score, without mean and std; write "
                f"classes: [{', '.join(LEVELS)}]"
            )
        if self.options.held_out and self.data.train != self.data.validation:
            raise InputError(
                "data.options.held_out: takes photographs out of data.train, and data.validation "
                "names others; name the same, or leave held_out out"
            )

    def training_set(
        self, length: int, rank: int = 0, on_progress: Progress | None = None
    ) -> Dataset[Batch]:
        """Sheets of the recipe's photographs, degraded, flipped and rearranged."""
        from edge_sdk.data.quality.samples import QualitySamples

        found = self._sheets(self.data.train, self.options.sheets, rank, on_progress, kept=True)
        return QualitySamples(found.sheets, found.ranges, length, self.seed, found.left_out)

    def validation_set(self) -> Dataset[Batch]:
        """Sheets of the other photographs, degraded."""
        from edge_sdk.data.quality.samples import WholeSheets

        count = self.options.validation_sheets
        found = self._sheets(self.data.validation, count, 0, None, kept=False)
        return WholeSheets(found.sheets, found.ranges, found.left_out)

    def loss(self, output: Tensor, wanted: Tensor, target: Tensor, *, squared: bool) -> Tensor:
        """Mean cross entropy in nats, of scores [N, 2] or of a teacher's probabilities [N, 11]."""
        if wanted.shape[1] != len(LEVELS):
            wanted = soft_labels(wanted[:, 0].cpu(), wanted[:, 1].cpu()).to(output)
        return functional.cross_entropy(output, wanted)

    @torch.no_grad()
    def evaluation(self, network: Network, samples: Iterable[Batch]) -> QualityFigures:
        """Recalls, confusion, error of the score and rank correlation."""
        logits, ranges = zip(*((network(x), label) for x, label in samples), strict=True)
        return quality_figures(torch.cat(logits), torch.cat(ranges).mean(1))

    def _sheets(
        self,
        source: PictureSource | None,
        count: int,
        rank: int,
        on_progress: Progress | None,
        *,
        kept: bool,
    ) -> ScoredSheets:
        from edge_sdk.data.quality.labels import read_judged
        from edge_sdk.data.samples.patches import list_pictures
        from edge_sdk.training.inputs.quality_store import (
            degraded_sheets,
            joined_sheets,
            judged_sheets,
        )

        assert source is not None  # Recipes without pictures are refused.
        side, parts = self.spec.preview_px, []
        tables = [path for path in source.name_files if path.suffix.lower() == ".csv"]
        lists = [path for path in source.name_files if path not in tables]
        photographs: list[Path] = []
        if not source.name_files:
            photographs += list_pictures(source.folder)
        for names in lists:
            photographs += list_pictures(source.folder, names)
        judged = [one for table in tables for one in read_judged(source.folder, table)]
        photographs, judged = self._part(photographs, kept), self._part(judged, kept)
        if photographs:
            parts.append(degraded_sheets(photographs, count, side, self.seed, rank, on_progress))
        if judged:
            parts.append(judged_sheets(judged, side))
        if not parts:
            raise InputError(
                f"data.options.held_out: {self.options.held_out} leaves no picture; give a smaller "
                "number, or more pictures"
            )
        return joined_sheets(parts)

    def _part(self, listed: list[Listed], kept: bool) -> list[Listed]:
        every = self.options.held_out
        if every is None:
            return listed
        return [one for place, one in enumerate(listed) if (place % every != every - 1) is kept]


TASKS.register(QUALITY, QualityTask)

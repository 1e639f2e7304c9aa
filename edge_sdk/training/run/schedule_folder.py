"""The folder of a run in stages: a run per stage, and which of them are finished."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_sdk.errors import InputError, ModelError
from edge_sdk.outputs import replacing
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.record import changes, completed, recorded
from edge_sdk.training.run.folder import STAGES, RunFolder
from edge_sdk.training.run.result import TrainResult


@dataclass(frozen=True)
class FinishedStage:
    """What ``recipes.json`` keeps of a stage.

    Attributes:
        recipe: as :func:`edge_sdk.training.recipe.record.recorded` gives it.
        psnr_db: validation PSNR of its best weights.
        baseline_db: what they must be better than.
        steps: optimization steps taken.
    """

    recipe: dict[str, Any]
    psnr_db: float
    baseline_db: float
    steps: int

    @classmethod
    def of(cls, config: TrainConfig, result: TrainResult) -> FinishedStage:
        """The stage that a recipe and its result describe."""
        return cls(recorded(config), result.psnr_db, result.baseline_db, result.steps)

    def result(self, weights: Path) -> TrainResult:
        """What the run of this stage, whose best weights are at ``weights``, returned."""
        return TrainResult(weights, self.psnr_db, self.baseline_db, self.steps)

    @property
    def planned_steps(self) -> int:
        """Steps that its recipe asked for."""
        return int(self.recipe["optimizer"]["steps"])

    def changed(self, config: TrainConfig) -> list[str]:
        """Keys in which ``config`` differs, other than those that a resumed run may change."""
        return list(changes(completed(self.recipe), recorded(config)))


@dataclass(frozen=True)
class StagesFolder:
    """Files of a run in stages.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def model(self) -> Path:
        """The best weights of the last stage."""
        return RunFolder(self.path).model

    def stage(self, number: int) -> RunFolder:
        """Folder of a stage, counted from 1."""
        return RunFolder(self.path / str(number))

    def check_free(self) -> None:
        """Make sure that no run would be overwritten, in stages or not.

        Raises:
            InputError: if the folder or that of a stage holds weights or a checkpoint.
        """
        for run in self._runs():
            run.check_free()

    def clear(self) -> None:
        """Create the folder, without any file of an earlier run.

        Raises:
            OutputError: if it cannot be created, or a file in it not be removed.
        """
        for run in self._runs():
            run.clear()

    def begun(self) -> int:
        """Number of the last stage that has a checkpoint.

        Raises:
            InputError: if there is none, or the folder holds a run of one recipe.
        """
        if RunFolder(self.path).last.is_file():
            raise InputError(
                f"{self.path}: holds a run of one recipe; resume it with that one, or give another "
                "folder"
            )
        begun = [n for n, run in enumerate(self._runs()) if n and run.last.is_file()]
        if not begun:
            raise InputError(
                f"{self.stage(1).last}: no checkpoint to resume from; start without --resume"
            )
        return max(begun)

    def finished(self) -> list[FinishedStage]:
        """The stages that are finished, in order.

        Raises:
            ModelError: if the file that says so is damaged.
        """
        path = self.path / STAGES
        if not path.is_file():
            return []
        try:
            return [FinishedStage(**stage) for stage in json.loads(path.read_text("utf-8"))]
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(
                f"{path}: not a list of finished stages (damaged); start anew with --overwrite"
            ) from error

    def write_finished(self, stages: Sequence[FinishedStage]) -> None:
        """Say which stages are finished.

        Raises:
            OutputError: if it cannot be written.
        """
        with replacing(self.path / STAGES) as path:
            content = json.dumps([asdict(stage) for stage in stages], indent=1)
            path.write_text(content + "\n", encoding="utf-8")

    def _runs(self) -> Iterator[RunFolder]:
        yield RunFolder(self.path)
        number = 1
        while (run := self.stage(number)).path.is_dir():
            yield run
            number += 1

"""The folder of a schedule: a run per recipe, and which of them are finished."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge_sdk.errors import InputError, ModelError
from edge_sdk.json_records import from_json
from edge_sdk.outputs import replacing
from edge_sdk.renamed import with_current_names
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.record import changes, completed, recorded
from edge_sdk.training.run.folder import FINISHED, RunFolder
from edge_sdk.training.run.result import TrainResult


@dataclass(frozen=True)
class FinishedRun:
    """What ``recipes.json`` keeps of a run.

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
    def of(cls, config: TrainConfig, result: TrainResult) -> FinishedRun:
        """The run that a recipe and its result describe."""
        return cls(recorded(config), result.psnr_db, result.baseline_db, result.steps)

    def result(self, weights: Path) -> TrainResult:
        """What this run, whose best weights are at ``weights``, returned."""
        return TrainResult(weights, self.psnr_db, self.baseline_db, self.steps)

    @property
    def planned_steps(self) -> int:
        """Steps that its recipe sets."""
        return int(with_current_names(self.recipe)["optimizer"]["steps"])

    def changed(self, config: TrainConfig) -> list[str]:
        """Keys in which ``config`` differs, other than those that a resumed run may change."""
        return list(changes(completed(self.recipe), recorded(config)))


@dataclass(frozen=True)
class ScheduleFolder:
    """Files of a schedule.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def model(self) -> Path:
        """The best weights of the last recipe."""
        return RunFolder(self.path).model

    def run(self, number: int) -> RunFolder:
        """Folder of a recipe's run, counted from 1."""
        return RunFolder(self.path / str(number))

    def check_free(self) -> None:
        """Make sure that no run would be overwritten, of a schedule or not.

        Raises:
            InputError: if the folder or that of a recipe holds weights or a checkpoint.
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

    def started(self) -> int:
        """Number of the last recipe that has a checkpoint.

        Raises:
            InputError: if there is none, or the folder holds a run of one recipe.
        """
        if RunFolder(self.path).last.is_file():
            raise InputError(
                f"{self.path}: holds a run of one recipe; resume it with that one, or give another "
                "folder"
            )
        started = [n for n, run in enumerate(self._runs()) if n and run.last.is_file()]
        if not started:
            raise InputError(
                f"{self.run(1).last}: no checkpoint to resume from; start without --resume"
            )
        return max(started)

    def finished(self) -> list[FinishedRun]:
        """The runs that are finished, in order.

        Raises:
            ModelError: if the file that lists them is damaged.
        """
        path = self.path / FINISHED
        if not path.is_file():
            return []
        try:
            return from_json(list[FinishedRun], path.read_bytes())
        except (OSError, InputError) as error:
            raise ModelError(
                f"{path}: not a list of finished recipes ({error}); start over with --overwrite"
            ) from error

    def write_finished(self, runs: Sequence[FinishedRun]) -> None:
        """Write which runs are finished.

        Raises:
            OutputError: if it cannot be written.
        """
        with replacing(self.path / FINISHED) as path:
            content = json.dumps([asdict(run) for run in runs], indent=1)
            path.write_text(content + "\n", encoding="utf-8")

    def _runs(self) -> Iterator[RunFolder]:
        yield RunFolder(self.path)
        number = 1
        while (run := self.run(number)).path.is_dir():
            yield run
            number += 1

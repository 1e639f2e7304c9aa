"""What happens beside the steps of a run: the best weights, the table of figures, progress."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.loggers import CSVLogger

from edge_sdk.models.checkpoint import save_checkpoint
from edge_sdk.outputs import replacing
from edge_sdk.progress import Progress
from edge_sdk.training.phases import Phase
from edge_sdk.training.run.curves import draw_curves, read_curves
from edge_sdk.training.run.module import TrainingModule


class KeepBest(Callback):
    """Writes the model file whenever the validation PSNR of the averaged weights improves.

    Where a later part of the run is what counts, the best begins anew with it.

    It must stand before the averaging callback, which swaps the averaged weights out again at the
    end of a validation.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.best_db = -math.inf
        self._anew = False

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare and write."""
        assert isinstance(pl_module, TrainingModule)
        values = pl_module.validation_psnr
        if trainer.sanity_checking or not values:
            return
        if pl_module.keeps_anew and not self._anew:
            self.best_db, self._anew = -math.inf, True
        mean = sum(values) / len(values)
        if mean <= self.best_db:
            return
        # Every process validates all pictures with the same weights; one writes.
        self.best_db = mean
        if trainer.is_global_zero:
            save_checkpoint(pl_module.network, self.path)

    def state_dict(self) -> dict[str, Any]:
        """State that a resumed run needs."""
        return {"best_db": self.best_db, "anew": self._anew}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state of an interrupted run."""
        self.best_db = state_dict["best_db"]
        # A run of an earlier version has no such part.
        self._anew = state_dict.get("anew", False)


class DrawCurves(Callback):
    """Draws ``curves.svg`` beside the table of figures after every validation.

    Args:
        out: folder of the run.
        baseline_db: PSNR to beat on the same pictures.
    """

    def __init__(self, out: Path, baseline_db: float) -> None:
        self.out = out
        self.baseline_db = baseline_db

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what the table holds; the figure of this validation is in it by now."""
        assert isinstance(pl_module, TrainingModule)
        if not trainer.is_global_zero:
            return
        assert trainer.logger is not None
        trainer.logger.save()
        task = pl_module.task
        curves = read_curves(self.out / "metrics.csv", task.score_name)
        steps = pl_module.config.optimizer.steps
        picture = draw_curves(curves, steps, self.baseline_db, task.score_title)
        with replacing(self.out / "curves.svg") as path:
            path.write_text(picture, encoding="utf-8")


class PhaseProgressBar(RichProgressBar):
    """Progress in steps, with the phase that the run is in where its recipe has phases."""

    def _get_train_description(self, current_epoch: int) -> str:
        # Lightning counts epochs, of which a run by steps has one, and writes "Epoch 0/-2".
        return f"{'Steps':{len(self.validation_description)}}"

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """Figures beside the bar, the phase first."""
        assert isinstance(pl_module, TrainingModule)
        figures = super().get_metrics(trainer, pl_module)
        if pl_module.phase is Phase.TRAINING:
            return figures
        return {"phase": str(pl_module.phase), **figures}


@contextmanager
def simulation_progress(shown: bool) -> Iterator[Progress]:
    """Draw a bar for features of bursts that are computed before the first step, if any are."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn())
    plain = bool(os.environ.get("NO_COLOR"))
    console = Console(stderr=True, color_system=None if plain else "auto")
    hidden = not (shown and console.is_terminal)
    with Bars(*columns, TimeElapsedColumn(), console=console, disable=hidden) as bars:
        task = bars.add_task("features", total=None)

        def report(label: str, done: int, total: int) -> None:
            bars.update(task, description=label, completed=done, total=total)

        yield report


def metrics_logger(out: Path, done: int, *, writes: bool = True) -> CSVLogger:
    """Logger to ``out/metrics.csv`` that keeps the rows of the first ``done`` steps.

    Args:
        out: folder of the run.
        done: steps that a resumed run has behind it.
        writes: whether this process writes files; the loggers of the others write nothing.
    """
    # It begins by removing the file of an earlier run; the part that is resumed goes back.
    path = out / "metrics.csv"
    rows: list[dict[str, str]] = []
    if writes and done and path.is_file():
        with path.open(newline="") as file:
            rows = [
                row for row in csv.DictReader(file) if _is_whole(row) and int(row["step"]) < done
            ]
    logger = CSVLogger(out, name="", version="")
    if not writes:
        return logger
    experiment = logger.experiment
    for row in rows:
        known = {key: float(row[key]) for key in row if row[key] and key not in ("step", "epoch")}
        experiment.log_metrics(known | {"epoch": int(row["epoch"])}, int(row["step"]))
    return logger


def _is_whole(row: dict[str, str]) -> bool:
    """Whether a row was written to its end, which it was not where the disk was full."""
    try:
        int(row["step"]), int(row["epoch"]), [float(value) for value in row.values() if value]
    except (TypeError, ValueError):
        return False
    return True

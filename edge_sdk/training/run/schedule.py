"""Training by a schedule: several recipes in turn, each from the best weights of the last."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_sdk.errors import InputError, ModelError, PictureError
from edge_sdk.models.architecture import build
from edge_sdk.outputs import replacing
from edge_sdk.training.inputs.loaders import patch_loader, picture_loader
from edge_sdk.training.processes import Processes, processes
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.run.callbacks import simulation_progress
from edge_sdk.training.run.initial import copy_weights, take_over
from edge_sdk.training.run.result import TrainResult
from edge_sdk.training.run.running import check_followed, train
from edge_sdk.training.run.schedule_folder import FinishedRun, ScheduleFolder


@dataclass(frozen=True)
class ScheduleResult:
    """What training by a schedule produced.

    Attributes:
        path: model file with the best weights of the last recipe.
        psnr_db: validation PSNR of those weights, as the last recipe measures it.
        baseline_db: what they must be better than: bicubic interpolation or the noisy pictures.
        steps: optimization steps of all recipes together.
        runs: the result of every recipe, in order.
    """

    path: Path
    psnr_db: float
    baseline_db: float
    steps: int
    runs: tuple[TrainResult, ...]


def load_schedule(
    recipes: Sequence[Path], out: Path, data_root: Path | None = None, init: str | None = None
) -> tuple[TrainConfig, ...]:
    """Read the recipes of a schedule; the second and later ones start from the one before.

    ``init`` in a later recipe is ignored.

    Args:
        recipes: YAML files, in order.
        out: folder of the schedule.
        data_root: folder that relative paths of pictures start from; each recipe's by default.
        init: model that the first recipe starts from instead of its recipe's.

    Raises:
        InputError: as :func:`edge_sdk.training.recipe.file.load_train_config` does.
    """
    folder = ScheduleFolder(out)
    starts = (init, *(str(folder.run(number).model) for number in range(1, len(recipes))))
    return tuple(
        load_train_config(path, data_root, start)
        for path, start in zip(recipes, starts, strict=True)
    )


def train_schedule(
    configs: Sequence[TrainConfig],
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
    finished: Callable[[int, TrainResult], None] | None = None,
) -> ScheduleResult:
    """Train by each recipe in turn, each from the best weights of the one before.

    Recipe 1, 2, … has its run in ``out/1``, ``out/2``, … and gives the weights that
    :func:`edge_sdk.training.run.running.train` would, called with ``init``; the last one's best
    weights are copied to ``out/model.safetensors``. ``out/recipes.json`` lists those that are
    finished. All recipes are checked, and their pictures read, before the first is trained.

    Args:
        configs: the recipes; ``init`` of the second and later ones is set to the one before.
        out: folder of the schedule, created if missing.
        resume: go on with the recipe that was interrupted, without those that are finished. Recipes
            may be added at the end.
        overwrite: start over where ``out`` holds a run, whose files are removed first.
        progress: draw a progress bar.
        finished: called after every recipe that was trained, with its number from 1 and its result.

    Raises:
        InputError: as ``train`` does, with the recipe named; and if one could take over nothing
            from the one before, or a finished one has another recipe now.
        OutputError: if ``out`` cannot be created or written.
        PictureError: if a picture cannot be read or is smaller than a patch.
        ModelError: as ``train`` does.
    """
    if not configs:
        raise InputError("no recipe given; a schedule needs one or more")
    if resume and overwrite:
        raise InputError(
            "a run is either resumed or overwritten; leave --resume or --overwrite out"
        )
    group, folder = processes(), ScheduleFolder(out)
    configs = _chained(configs, folder)
    if not resume and not overwrite:
        folder.check_free()
    done = _finished_runs(configs, folder) if resume else []
    _check(configs, len(done), group)
    if not resume and group.writes:
        folder.clear()
    results = [run.result(folder.run(number).model) for number, run in enumerate(done, 1)]
    for number, config in enumerate(configs[len(done) :], len(done) + 1):
        run = folder.run(number)
        resuming = resume and run.last.is_file()
        result = train(config, run.path, resume=resuming, overwrite=not resuming, progress=progress)
        results.append(result)
        done.append(FinishedRun.of(config, result))
        if group.writes:
            folder.write_finished(done)
        if finished is not None:
            finished(number, result)
    last = results[-1]
    if group.writes:
        with replacing(folder.model) as path:
            shutil.copyfile(last.path, path)
    steps = sum(result.steps for result in results)
    return ScheduleResult(folder.model, last.psnr_db, last.baseline_db, steps, tuple(results))


def _chained(configs: Sequence[TrainConfig], folder: ScheduleFolder) -> list[TrainConfig]:
    first, *later = configs
    starts = [str(folder.run(number).model) for number in range(1, len(configs))]
    pairs = zip(later, starts, strict=True)
    return [first, *(config.model_copy(update={"init": start}) for config, start in pairs)]


def _check(configs: Sequence[TrainConfig], done: int, group: Processes) -> None:
    """Look at all that can be wrong with the recipes that follow the first ``done``."""
    read: list[tuple[object, ...]] = []
    for number, config in enumerate(configs[done:], done + 1):
        try:
            spec = config.task.spec
            _check_start(config, configs[number - 2] if number > 1 else None)
            pictures = (config.data, spec)
            if pictures not in read:
                read.append(pictures)
                with simulation_progress(group.writes) as report:
                    patch_loader(config, 0, group, report)
                picture_loader(config)
        except (InputError, ModelError, PictureError) as error:
            raise type(error)(f"recipe {number}: {error}") from error


def _check_start(config: TrainConfig, before: TrainConfig | None) -> None:
    network = build(config.model)
    if before is None:
        if config.init is None:
            return
        weights = take_over(network, config.init)
    else:
        weights = copy_weights(network, build(before.model), "the recipe before")
        if not weights.taken:
            raise InputError(
                "takes over nothing from the recipe before, none of whose tensors has the name and "
                "shape of one of its own; give both the same branches and widths"
            )
    if config.phases.distill:
        check_followed(weights)


def _finished_runs(configs: Sequence[TrainConfig], folder: ScheduleFolder) -> list[FinishedRun]:
    """Runs to skip, if the schedule may go on with these recipes."""
    done = folder.finished()
    started = folder.started()
    if started > len(configs):
        raise InputError(
            f"{folder.path}: recipe {started} has been started, but {len(configs)} recipes are "
            "given; give all of them, in order"
        )
    for number, (run, config) in enumerate(zip(done, configs, strict=False), 1):
        changed, steps = run.changed(config), config.optimizer.steps
        if steps != run.planned_steps:
            if number == started and not changed:
                # It may be made longer, as a run of one recipe: nothing builds on it yet.
                return done[: number - 1]
            changed.append(f"optimizer.steps: {run.planned_steps}, now {steps}")
        if changed:
            raise InputError(
                f"{folder.path}: recipe {number} is finished and was another one "
                f"({'; '.join(changed)}); change it back, or start over"
            )
    return done

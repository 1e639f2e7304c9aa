"""The run that a recipe describes: from pictures to a model file, resumable at every validation."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from lightning import Trainer, seed_everything
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch.utils.data import DataLoader

from edge_sdk.errors import InputError, ModelError, OutputError
from edge_sdk.models.architecture import build
from edge_sdk.models.checkpoint import load_checkpoint
from edge_sdk.models.network import Network
from edge_sdk.outputs import replacing
from edge_sdk.quiet import at_level, environment
from edge_sdk.training.inputs.loaders import patch_loader, picture_loader
from edge_sdk.training.processes import Processes, processes
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.tasks import Batch, Evaluation, TrainingTask
from edge_sdk.training.run.averaging import Averaging
from edge_sdk.training.run.callbacks import (
    DrawCurves,
    KeepBest,
    PhaseProgressBar,
    metrics_logger,
    simulation_progress,
)
from edge_sdk.training.run.folder import RESULT, RunFolder
from edge_sdk.training.run.initial import InitialWeights, take_over
from edge_sdk.training.run.module import LossError, TrainingModule
from edge_sdk.training.run.result import TrainResult
from edge_sdk.training.run.stopping import StopAtConvergence

_ADVICE = (
    ".*does not have many workers.*",
    ".*directory .* exists and is not empty.*",
    # Warned of for any loader; ours does go on where the run was left.
    ".*your dataloader is not resumable.*",
    # Rows of a run that is shorter than the interval: its validations are in the table anyway.
    ".*smaller than the logging interval.*",
    # A discriminator that learns alone: the network's optimizer rests, its rate goes on.
    ".*lr_scheduler.step.*before.*optimizer.step.*",
    # Lightning's own use of PyTorch; nothing that a user could change.
    ".*LeafSpec.*is deprecated.*",
)
ADVERSARIAL = "edge_sdk.training.run.adversarial:AdversarialModule"
"""Steps of any run with a discriminator."""
LOG_EVERY = 50
"""Steps between two rows of the loss in ``metrics.csv``."""


def train(
    config: TrainConfig,
    out: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> TrainResult:
    """Train the network of ``config`` and keep the best weights in ``out/model.safetensors``.

    Beside them ``out`` receives ``last.ckpt`` (to resume from), ``metrics.csv`` and ``curves.svg``,
    a picture of it; and ``result.json`` with the reason for which it ended and what its task
    evaluates, where the recipe has a condition to end or the task anything to say.

    A resumed run sees the patches that an uninterrupted one would have seen, and ends with the
    same weights; it repeats the steps since the last validation. Its recipe may change in
    :data:`edge_sdk.training.recipe.record.MAY_CHANGE` alone.

    Args:
        config: the recipe.
        out: folder of the run, created if missing.
        resume: go on from ``out/last.ckpt``, which is written after every validation.
        overwrite: start over where ``out`` holds a run, whose files are removed first.
        progress: draw a progress bar.

    Raises:
        InputError: if the recipe's task cannot be trained, pictures are missing, no tensor of
            its ``init`` fits, ``out`` holds a run that is neither to be resumed nor overwritten,
            there is nothing to resume from, or that belongs to another network or recipe, or is
            past the recipe's steps.
        OutputError: if ``out`` cannot be created or written.
        PictureError: if a picture cannot be read or is smaller than a patch.
        ModelError: if loss or weights are no longer finite, ``last.ckpt`` is damaged, or ``init``
            is no model.
    """
    config.task.check()
    if resume and overwrite:
        raise InputError(
            "a run is either resumed or overwritten; leave --resume or --overwrite out"
        )
    group = processes()
    folder = RunFolder(out)
    if not resume and not overwrite:
        folder.check_free()
    with _lightning():
        return _run(config, folder, group, resume=resume, progress=progress)


def _run(
    config: TrainConfig, folder: RunFolder, group: Processes, *, resume: bool, progress: bool
) -> TrainResult:
    seed_everything(config.seed, verbose=False)
    module = _module_of(config)(config)
    initial = None if resume or config.init is None else take_over(module.network, config.init)
    if config.phases.distill:
        module.follow(_teacher(config))
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    done = folder.steps_to_resume(config, shapes) if resume else 0
    # An earlier run goes only when all that can be wrong with this one has been looked at.
    with simulation_progress(progress and group.writes) as report:
        patches = patch_loader(config, done, group, report)
    pictures = picture_loader(config)
    if not resume and group.writes:
        folder.clear()
    keep, baseline_db = KeepBest(folder.model), _baseline_psnr(module.task, pictures)
    stop = StopAtConvergence(config.convergence)
    watchers = [keep, DrawCurves(folder.path, baseline_db), stop]
    try:
        trainer = _trainer(config, folder.path, done, watchers, group, progress)
        _fit(trainer, module, patches, pictures, folder.last if resume else None)
    except LossError as error:
        raise ModelError(f"{error}; {_way_back(folder)}") from error
    except OSError as error:
        raise OutputError(
            f"{folder.path}: cannot be written ({error.strerror or error}); make room and go on "
            "with --resume"
        ) from error
    result = TrainResult(
        keep.path,
        keep.best_db,
        baseline_db,
        trainer.global_step,
        initial,
        stop.reason,
        _evaluation(module.task, keep.path, pictures),
        (*_left_out(patches), *_left_out(pictures)),
    )
    if group.writes and (result.evaluation is not None or config.convergence is not None):
        _write(result, folder)
    return result


def _evaluation(task: TrainingTask, best: Path, pictures: DataLoader[Batch]) -> Evaluation | None:
    if type(task).evaluation is TrainingTask.evaluation:
        return None
    return task.evaluation(load_checkpoint(best).model, pictures)


def _left_out(loader: DataLoader[Batch]) -> tuple[str, ...]:
    named: tuple[str, ...] = getattr(loader.dataset, "left_out", ())
    return named


def _write(result: TrainResult, folder: RunFolder) -> None:
    """How the run ended, without what the command prints of it alone."""
    kept = ("steps", "stopped", "evaluation", "left_out")
    content = {name: value for name, value in asdict(result).items() if name in kept}
    with replacing(folder.path / RESULT) as path:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")


def _module_of(config: TrainConfig) -> type[TrainingModule]:
    kind = config.task.module if config.adversarial is None else ADVERSARIAL
    name, _, attribute = kind.partition(":")
    module: type[TrainingModule] = getattr(import_module(name), attribute)
    return module


def _teacher(config: TrainConfig) -> Network:
    assert config.init is not None
    teacher = build(config.model)
    check_followed(take_over(teacher, config.init))
    return teacher


def check_followed(weights: InitialWeights) -> None:
    """Make sure that a teacher took over every layer of the model to follow.

    Raises:
        InputError: if one did not fit.
    """
    if weights.fresh:
        raise InputError(
            f"distill: {weights.model} has no layer that fits {weights.fresh[0]}; distill a "
            "model of the same network"
        )


def _trainer(
    config: TrainConfig,
    out: Path,
    done: int,
    watchers: list[Callback],
    group: Processes,
    progress: bool,
) -> Trainer:
    every = min(config.validate_every, config.optimizer.steps)
    return Trainer(
        accelerator="auto",
        devices=group.here if group.count > 1 else "auto",
        num_nodes=group.machines,
        strategy="ddp" if group.count > 1 else "auto",
        # The loader knows which patches are whose.
        use_distributed_sampler=False,
        max_steps=config.optimizer.steps,
        max_epochs=-1,
        gradient_clip_val=config.optimizer.gradient_clip_norm,
        val_check_interval=every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=LOG_EVERY,
        logger=metrics_logger(out, done, writes=group.writes),
        callbacks=[
            # Before the average, which swaps itself out again at the end of a validation.
            *watchers,
            Averaging(config.optimizer.ema_decay, config.phases.statistics_steps),
            # After the validation, so that what it found is part of what a resumed run knows.
            ModelCheckpoint(
                out,
                filename="last",
                save_on_train_epoch_end=False,
                enable_version_counter=False,
            ),
            *([PhaseProgressBar()] if progress else []),
        ],
        enable_progress_bar=progress,
        enable_model_summary=False,
    )


def _fit(
    trainer: Trainer,
    module: TrainingModule,
    patches: DataLoader[Batch],
    pictures: DataLoader[Batch],
    last: Path | None,
) -> None:
    trainer.fit(module, patches, pictures, ckpt_path=last, weights_only=True)
    config = module.config
    if trainer.global_step % min(config.validate_every, config.optimizer.steps):
        trainer.validate(module, pictures, verbose=False)
    # Only then has the first process written the best weights, from which others may go on.
    trainer.strategy.barrier()


def _way_back(folder: RunFolder) -> str:
    steps = folder.good_steps()
    if steps is None:
        return "no checkpoint was good yet: lower the learning rate and start over"
    return (
        f"the last good checkpoint is {folder.last}, after {steps:,} steps, and the best weights "
        f"are {folder.model}: lower the learning rate and start over, with init: for those weights"
    )


def _baseline_psnr(task: TrainingTask, pictures: DataLoader[Batch]) -> float:
    values = [task.score(task.baseline(source), target) for source, target in pictures]
    return sum(values) / len(values)


@contextmanager
def _lightning() -> Iterator[None]:
    """Suppress advice of Lightning that does not apply here, and restore what it changes."""
    # Seeding notes the seed in the environment, for processes that Lightning starts.
    with (
        environment("PL_GLOBAL_SEED", "PL_SEED_WORKERS"),
        at_level("lightning.pytorch", logging.WARNING),
        warnings.catch_warnings(),
    ):
        for advice in _ADVICE:
            warnings.filterwarnings("ignore", advice)
        yield

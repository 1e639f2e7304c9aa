"""Super-resolution training: the task, and the run that a recipe describes."""

from __future__ import annotations

import csv
import logging
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    ModelCheckpoint,
    RichProgressBar,
)
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from edge_sdk.data.patches import PatchDataset, PicturePair, list_pictures, picture_pair
from edge_sdk.errors import InputError, ModelError, OutputError
from edge_sdk.imaging import psnr
from edge_sdk.models.checkpoint import save_checkpoint
from edge_sdk.models.enhance_net import EnhanceNet
from edge_sdk.models.spec import Task
from edge_sdk.training.config import PictureSource, TrainConfig

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TrainResult:
    """What a run produced.

    Attributes:
        path: model file with the averaged weights of the best validation.
        psnr_db: validation PSNR of those weights.
        steps: optimisation steps taken in all.
    """

    path: Path
    psnr_db: float
    steps: int


class SuperResolutionTask(LightningModule):
    """L1 between the network's output and the high-resolution patch; validation by PSNR.

    Validation PSNR is measured on whole pictures with the output rounded to 8 bits and a border of
    ``scale`` pixels left out, and averaged over pictures.
    """

    def __init__(self, config: TrainConfig) -> None:
        super().__init__()
        self.config = config
        self.network = EnhanceNet(config.model)
        self.validation_psnr: list[float] = []

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of one batch: low and high patches, float32 in [0, 1]."""
        low, high = batch
        loss: Tensor = (self.network(low) - high).abs().mean()
        if not torch.isfinite(loss):
            raise ModelError(
                f"the loss became {loss.item()} at step {self.global_step}; lower the learning "
                "rate and resume from the last checkpoint"
            )
        self.log("loss", loss, prog_bar=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Start a new average."""
        self.validation_psnr.clear()

    def validation_step(self, batch: Batch, _: int) -> None:
        """PSNR of one whole picture."""
        low, high = batch
        output = (self.network(low).clamp(0, 1) * 255).round() / 255
        value = psnr(output[0], high[0], border=self.config.model.scale)
        self.validation_psnr.append(float(value))
        self.log("psnr", float(value), prog_bar=True, batch_size=1)

    def configure_optimizers(self) -> Any:
        """Adam; linear warm-up, then a cosine to zero over the recipe's steps."""
        optimiser = self.config.optimiser

        def factor(step: int) -> float:
            if step < optimiser.warmup_steps:
                return (step + 1) / optimiser.warmup_steps
            span = max(1, optimiser.steps - optimiser.warmup_steps)
            done = min(1.0, (step - optimiser.warmup_steps) / span)
            return 0.5 * (1 + math.cos(math.pi * done))

        adam = torch.optim.Adam(self.parameters(), lr=optimiser.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(adam, factor)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class KeepBest(Callback):
    """Writes the model file whenever the validation PSNR of the averaged weights improves.

    It must stand before the averaging callback, which swaps the averaged weights out again at the
    end of a validation.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.best_db = -math.inf

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare and write."""
        assert isinstance(pl_module, SuperResolutionTask)
        values = pl_module.validation_psnr
        if trainer.sanity_checking or not values:
            return
        mean = sum(values) / len(values)
        if mean > self.best_db and trainer.is_global_zero:
            self.best_db = mean
            save_checkpoint(pl_module.network, self.path)

    def state_dict(self) -> dict[str, Any]:
        """State that a resumed run needs."""
        return {"best_db": self.best_db}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up the state of an interrupted run."""
        self.best_db = state_dict["best_db"]


def train(
    config: TrainConfig, out: Path, *, resume: bool = False, progress: bool = True
) -> TrainResult:
    """Train the network of ``config`` and keep the best weights in ``out/model.safetensors``.

    Beside them ``out`` receives ``last.ckpt`` (to resume from) and ``metrics.csv``.

    A resumed run sees the patches that an uninterrupted one would have seen, and ends with the
    same weights; it repeats the steps since the last validation.

    Args:
        config: the recipe.
        out: folder of the run, created if missing.
        resume: go on from ``out/last.ckpt``, which is written after every validation.
        progress: draw a progress bar.

    Raises:
        InputError: if the recipe's task is not super-resolution, pictures are missing, there is
            nothing to resume from, or that belongs to another network.
        OutputError: if ``out`` cannot be created.
        PictureError: if a picture cannot be read or is smaller than a patch.
        ModelError: if the loss is no longer finite, or ``last.ckpt`` is damaged.
    """
    if config.model.task is not Task.SUPER_RESOLUTION:
        raise InputError(
            f"a recipe for {config.model.task} cannot be trained yet; set task: super-resolution"
        )
    last = out / "last.ckpt"
    if resume and not last.is_file():
        raise InputError(f"{last}: no checkpoint to resume from; start without --resume")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be created ({error.strerror})") from error
    _quiet()
    seed_everything(config.seed, verbose=False)
    task = SuperResolutionTask(config)
    done = _steps_done(last, task) if resume else 0
    keep = KeepBest(out / "model.safetensors")
    every = min(config.validate_every, config.optimiser.steps)
    trainer = Trainer(
        accelerator="auto",
        max_steps=config.optimiser.steps,
        max_epochs=-1,
        val_check_interval=every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=50,
        logger=_logger(out, done),
        callbacks=[
            keep,
            EMAWeightAveraging(decay=config.optimiser.average_decay),
            # After the validation, so that what it found is part of what a resumed run knows.
            ModelCheckpoint(
                out,
                filename="last",
                save_on_train_epoch_end=False,
                enable_version_counter=False,
            ),
            *([RichProgressBar()] if progress else []),
        ],
        enable_progress_bar=progress,
        enable_model_summary=False,
    )
    patches, pictures = _patches(config, done), _pictures(config)
    trainer.fit(task, patches, pictures, ckpt_path=last if resume else None, weights_only=True)
    if trainer.global_step % every:
        trainer.validate(task, pictures, verbose=False)
    if not keep.path.is_file():
        raise ModelError(f"{out}: no validation gave a finite PSNR; lower the learning rate")
    return TrainResult(keep.path, keep.best_db, trainer.global_step)


def _steps_done(last: Path, task: SuperResolutionTask) -> int:
    try:
        checkpoint = torch.load(last, map_location="cpu", weights_only=True)
        steps = int(checkpoint["global_step"])
        shapes = {name: tensor.shape for name, tensor in checkpoint["state_dict"].items()}
    except Exception as error:  # an unpickler given junk raises whatever it stumbles over
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{last}: not a checkpoint of a run ({reason}); start without --resume"
        ) from error
    if shapes != {name: tensor.shape for name, tensor in task.state_dict().items()}:
        raise InputError(
            f"{last}: belongs to another network; resume with the recipe it was started with"
        )
    return steps


def _logger(out: Path, done: int) -> CSVLogger:
    # The logger begins by removing the file of an earlier run; the part that is resumed goes back.
    path = out / "metrics.csv"
    rows: list[dict[str, str]] = []
    if done and path.is_file():
        with path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if int(row["step"]) < done]
    logger = CSVLogger(out, name="", version="")
    experiment = logger.experiment
    for row in rows:
        known = {key: float(row[key]) for key in row if row[key] and key not in ("step", "epoch")}
        experiment.log_metrics(known | {"epoch": int(row["epoch"])}, int(row["step"]))
    return logger


class _From(Sampler[int]):
    # Lightning counts on from the batch that a checkpoint was taken at, but starts the loader anew.

    def __init__(self, first: int, length: int) -> None:
        self._first = first
        self._length = length

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._first, self._length))

    def __len__(self) -> int:
        return self._length


def _patches(config: TrainConfig, done: int) -> DataLoader[Batch]:
    data = config.data
    pairs = [pair for shrink in data.shrinks for pair in _read(config, data.train, shrink)]
    length = config.optimiser.steps * data.batch
    dataset = PatchDataset(pairs, data.patch_px, length, config.seed)
    return DataLoader(dataset, data.batch, sampler=_From(done * data.batch, length))


def _pictures(config: TrainConfig) -> DataLoader[Batch]:
    pairs = [
        (pair.low.float() / 255, pair.high.float() / 255)
        for pair in _read(config, config.data.validation, 1.0)
    ]
    return DataLoader(pairs, batch_size=1)  # type: ignore[arg-type]


def _read(config: TrainConfig, source: PictureSource, shrink: float) -> list[PicturePair]:
    paths = list_pictures(source.folder, source.names)
    return [picture_pair(path, config.model.scale, config.model.colour, shrink) for path in paths]


def _quiet() -> None:
    # Advice about worker processes and interactive hardware that does not apply here.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    warnings.filterwarnings("ignore", ".*directory .* exists and is not empty.*")
    # Warned of for any loader; ours does go on where the run was left.
    warnings.filterwarnings("ignore", ".*your dataloader is not resumable.*")

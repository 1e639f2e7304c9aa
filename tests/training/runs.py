"""Short runs on drawn pictures, and what they leave behind."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from edge_sdk.models import EnhanceNetConfig, load_checkpoint
from edge_sdk.reparam import sesr_branches
from edge_sdk.training.recipe.config import DataConfig, OptimizerConfig, PictureSource, TrainConfig
from tests.needs import needs

if TYPE_CHECKING:
    from edge_sdk.training.run.running import TrainResult

MARKS = [needs("train"), pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")]
"""What a module of tests that train is marked with."""
STEPS = 8


def draw_pictures(folder: Path, count: int = 3, side: int = 48) -> PictureSource:
    """Write stripes and discs: edges of all directions, which a small net learns to sharpen."""
    folder.mkdir(exist_ok=True)
    y, x = np.mgrid[:side, :side]
    for index in range(count):
        stripes = np.sin((x * np.cos(index) + y * np.sin(index)) / 2) > 0
        disc = (x - 20) ** 2 + (y - 25) ** 2 < (9 + index) ** 2
        levels = (60 + 120 * (stripes ^ disc)).astype(np.uint8)
        Image.fromarray(levels).convert("RGB").save(folder / f"{index}.png")
    return PictureSource(folder=folder)


def recipe(folder: Path, **changes: Any) -> TrainConfig:
    source = draw_pictures(folder / "pictures")
    arguments: dict[str, Any] = {
        "model": EnhanceNetConfig(widths=(4, 4), skips=((0, 1),), branches=sesr_branches(8)),
        "data": DataConfig(train=source, validation=source, patch_px=8, batch=2),
        "optimizer": OptimizerConfig(steps=STEPS, warmup_steps=2, ema_decay=0.5),
        "validate_every": 2,
        "seed": 3,
    }
    return TrainConfig(**arguments | changes)


def train(config: TrainConfig, out: Path, **options: Any) -> TrainResult:
    """Train, with Lightning imported only now: nothing here needs it to be collected."""
    from edge_sdk.training.run.running import train

    return train(config, out, **options)


def train_until(step: int, config: TrainConfig, out: Path, patch: pytest.MonkeyPatch) -> None:
    """Run until a power cut before the step that follows ``step`` others."""
    from edge_sdk.training.run.module import TrainingModule

    original = TrainingModule.training_step

    def stop(self: TrainingModule, batch: Any, index: int):
        if self.global_step == step:
            raise RuntimeError("power cut")
        return original(self, batch, index)

    with patch.context() as cut:
        cut.setattr(TrainingModule, "training_step", stop)
        with pytest.raises(RuntimeError, match="power cut"):
            train(config, out, progress=False)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_checkpoint(path).model.state_dict()


def logged(folder: Path) -> list[tuple[int, float]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return [
            (int(row["step"]), float(row["psnr"])) for row in csv.DictReader(file) if row["psnr"]
        ]

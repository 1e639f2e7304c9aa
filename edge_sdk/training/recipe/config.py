"""The recipe of a training run, checked before anything is read or computed."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import nn

from edge_sdk.errors import InputError
from edge_sdk.models.enhance_net import EnhanceNet, EnhanceNetConfig
from edge_sdk.models.spec import Task
from edge_sdk.training.recipe.sections import (
    BurstsConfig,
    CamerasConfig,
    DataConfig,
    NoiseConfig,
    OptimizerConfig,
    PairsConfig,
    PhasesConfig,
    PictureSource,
    Section,
)

__all__ = [
    "BurstsConfig",
    "CamerasConfig",
    "DataConfig",
    "NoiseConfig",
    "OptimizerConfig",
    "PairsConfig",
    "PhasesConfig",
    "PictureSource",
    "Section",
    "TrainConfig",
]


class TrainConfig(Section):
    """A whole recipe.

    Raises:
        InputError: if pictures or sets are missing, the phases do not fit the steps or the network,
            or the noise, bursts or pairs not the task.

    Example:
        >>> from edge_sdk.training import TrainConfig
        >>> source = {"folder": "photos"}
        >>> recipe = TrainConfig(data={"train": source, "validation": source, "batch": 8}, seed=1)
        >>> recipe.model.scale, recipe.with_steps(500).optimizer.steps
        (2, 500)
    """

    model: EnhanceNetConfig = EnhanceNetConfig()
    init: str | None = Field(
        None,
        min_length=1,
        description="model to start from, a shipped name or a .safetensors file: tensors of the "
        "same name and shape are taken over",
    )
    data: DataConfig
    optimizer: OptimizerConfig = OptimizerConfig()
    phases: PhasesConfig = PhasesConfig()
    validate_every: int = Field(1000, ge=1, description="steps between validations")
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        _check_noise(self)
        _check_bursts(self)
        _check_sources(self)
        _check_phases(self)
        return self

    def with_steps(self, steps: int) -> TrainConfig:
        """The same recipe with another number of steps.

        Raises:
            InputError: if ``steps`` is below 1 or too few for the phases.
        """
        if steps < 1:
            raise InputError(f"steps must be 1 or more, not {steps}")
        optimizer = self.optimizer.model_copy(update={"steps": steps})
        changed = self.model_copy(update={"optimizer": optimizer})
        _check_phases(changed)
        return changed


def _check_bursts(config: TrainConfig) -> None:
    zooms = config.model.task is Task.BURST_ZOOM
    given = {"bursts": config.data.bursts, "pairs": config.data.pairs}
    names = [name for name, section in given.items() if section is not None]
    if zooms and not names:
        raise InputError(
            "data.bursts is missing: a network for burst zoom needs bursts to learn from; give "
            "bursts: {count: 1000}, or pairs: {train: SET}"
        )
    if len(names) == 2:
        raise InputError(
            "data.bursts and data.pairs exclude each other, since bursts are simulated and pairs "
            "were taken; leave one out"
        )
    if not zooms and names:
        raise InputError(
            f"data.{names[0]}: is for task: {Task.BURST_ZOOM}, and this recipe's is "
            f"{config.model.task}; leave it out"
        )
    min_px = 2 * halo_of(config) + 1 if zooms else 0
    if config.data.patch_px < min_px:
        raise InputError(
            f"data.patch_px: {config.data.patch_px} px are no more than twice the network's halo, "
            f"in which no error is measured; give {min_px} or more"
        )


def _check_sources(config: TrainConfig) -> None:
    data = config.data
    if data.pairs is None:
        for name, source in (("train", data.train), ("validation", data.validation)):
            if source is None:
                raise InputError(f"data.{name}: Field required; give {{folder: of pictures}}")
        return
    unused = {"train": data.train, "validation": data.validation}
    names = [name for name, source in unused.items() if source is not None]
    if data.resize_factors != (1.0,):
        names.append("resize_factors")
    if names:
        raise InputError(
            f"data.{names[0]}: is for pictures, and data.pairs names sets instead; leave it out"
        )


def halo_of(config: TrainConfig) -> int:
    """Input pixels around a tile that the network of a recipe looks at."""
    with torch.device("meta"):
        return EnhanceNet(config.model).spec.halo_px


def _check_noise(config: TrainConfig) -> None:
    task, camera = config.model.task, config.data.camera
    denoises = task is Task.DENOISING
    if camera is not None and config.data.noise is not None:
        raise InputError(
            "data.camera and data.noise exclude each other, since a camera has its own noise; "
            "leave one out"
        )
    if camera is not None and not denoises and task is not Task.SUPER_RESOLUTION:
        raise InputError(
            f"data.camera: is for task: {Task.SUPER_RESOLUTION} or {Task.DENOISING}, and this "
            f"recipe's is {task}; leave it out"
        )
    if denoises and config.data.noise is None and camera is None:
        raise InputError(
            "data.noise is missing: a denoising network needs noise to remove; give "
            "noise: {sigma: [0, 50]}, or a camera: {}"
        )
    if not denoises and config.data.noise is not None:
        raise InputError(
            f"data.noise: is for task: {Task.DENOISING}, and this recipe's is {config.model.task}; "
            "leave it out"
        )


def _check_phases(config: TrainConfig) -> None:
    phases, steps = config.phases, config.optimizer.steps
    statistics, quantized = phases.statistics_steps, phases.fake_quantized_steps
    if phases.distill and config.init is None:
        raise InputError("phases: distill needs a teacher; give init too")
    if statistics is None and not quantized:
        return
    if (statistics or 0) + quantized > steps or statistics == steps:
        raise InputError(
            f"phases: statistics_steps {statistics or 0} and fake_quantized_steps {quantized} do "
            f"not fit into {steps} steps with some left to train collapsed; take fewer"
        )
    if config.model.branches is None:
        if statistics is not None:
            raise InputError(
                "phases: a plain network (branches: null) has no blocks to freeze; give branches, "
                "or leave statistics_steps out"
            )
        return
    if not config.model.collapsed:
        raise InputError(
            "phases: model.collapsed is false, but these phases run collapsed; leave one out"
        )
    with torch.device("meta"):
        parts = EnhanceNet(config.model).modules()
        normalized = any(isinstance(part, nn.BatchNorm2d) for part in parts)
    if statistics is not None and not normalized:
        raise InputError(
            "phases: statistics_steps is given, but no branch has a BatchNorm; leave it out"
        )
    if quantized and normalized and statistics is None:
        raise InputError(
            "phases: fake_quantized_steps needs frozen BatchNorms; give statistics_steps too"
        )

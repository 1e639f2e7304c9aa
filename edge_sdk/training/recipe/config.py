"""The recipe of a training run, checked before anything is read or computed."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, PlainSerializer, PlainValidator, model_validator
from torch import nn

from edge_sdk.errors import InputError
from edge_sdk.models.architecture import config_from, outline, plain_config, spec_of
from edge_sdk.models.enhance_net import EnhanceNetConfig
from edge_sdk.models.network import NetworkConfig
from edge_sdk.models.spec import ModelSpec
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.training.recipe.adversarial import AdversarialConfig
from edge_sdk.training.recipe.bursts import BurstsConfig
from edge_sdk.training.recipe.convergence import ConvergenceConfig
from edge_sdk.training.recipe.degradation import DegradationConfig
from edge_sdk.training.recipe.samples import SamplesConfig
from edge_sdk.training.recipe.section import Section
from edge_sdk.training.recipe.sections import (
    CamerasConfig,
    DataConfig,
    NoiseConfig,
    OptimizerConfig,
    PairsConfig,
    PhasesConfig,
    PictureSource,
)
from edge_sdk.training.recipe.tasks import TrainingTask, check_data, task_for
from edge_sdk.training.recipe.teacher import TeacherConfig

__all__ = [
    "AdversarialConfig",
    "BurstsConfig",
    "CamerasConfig",
    "ConvergenceConfig",
    "DataConfig",
    "DegradationConfig",
    "NoiseConfig",
    "OptimizerConfig",
    "PairsConfig",
    "PhasesConfig",
    "PictureSource",
    "SamplesConfig",
    "Section",
    "TeacherConfig",
    "TrainConfig",
]


class TrainConfig(Section):
    """A whole recipe.

    Raises:
        InputError: if pictures or sets are missing, the phases do not fit the steps or the network,
            or the noise, bursts, pairs or teacher not the task.

    Example:
        >>> from edge_sdk.training import TrainConfig
        >>> source = {"folder": "photos"}
        >>> recipe = TrainConfig(data={"train": source, "validation": source, "batch": 8}, seed=1)
        >>> recipe.model.scale, recipe.with_steps(500).optimizer.steps
        (2, 500)
    """

    model: Annotated[NetworkConfig, PlainValidator(config_from), PlainSerializer(plain_config)] = (
        EnhanceNetConfig()
    )
    init: str | None = Field(
        None,
        min_length=1,
        description="model to start from, a shipped name or a .safetensors file: tensors of the "
        "same name and shape are taken over",
    )
    data: DataConfig
    optimizer: OptimizerConfig = OptimizerConfig()
    phases: PhasesConfig = PhasesConfig()
    teacher: TeacherConfig | None = Field(
        None, description="network to learn from before the pictures; for super-resolution"
    )
    adversarial: AdversarialConfig | None = Field(
        None, description="a discriminator that judges what the network makes: the joint loss"
    )
    convergence: ConvergenceConfig | None = Field(
        None, description="end the run where its validation loss no longer changes"
    )
    validate_every: int = Field(1000, ge=1, description="steps between validations")
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        check_data(self.spec, self.data, self.seed)
        _check_sources(self)
        _check_phases(self)
        _check_optimizer(self)
        self._check_parts()
        return self

    @property
    def spec(self) -> ModelSpec:
        """What the network takes and does."""
        return spec_of(self.model)

    @property
    def task(self) -> TrainingTask:
        """What the network is trained for.

        Raises:
            InputError: if nothing trains such a network.
        """
        return task_for(self.spec, self.data, self.seed)

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
        changed._check_parts()
        return changed

    def _check_parts(self) -> None:
        if self.adversarial is not None:
            self.adversarial.check(self.spec, self.optimizer.steps, self.optimizer.l2_steps)
        if self.teacher is not None:
            self.teacher.check(self.spec, self.data, self.phases, self.optimizer.steps)


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


def _check_optimizer(config: TrainConfig) -> None:
    optimizer = config.optimizer
    if optimizer.l2_steps and not config.task.squares:
        raise InputError(
            f"optimizer.l2_steps: the loss of task {config.spec.task} has no squared form; leave "
            "it out"
        )
    if optimizer.batch_norm_penalty and not _has_norms(outline(config.model)):
        raise InputError(
            "optimizer.batch_norm_penalty: this network has no BatchNorm to regularize; leave it "
            "out"
        )


def _has_norms(network: nn.Module) -> bool:
    return any(isinstance(part, nn.BatchNorm2d) for part in network.modules())


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
    network = outline(config.model)
    blocks = multi_branch_blocks(network)
    if not blocks:
        if statistics is not None:
            raise InputError(
                "phases: a plain network (branches: null) has no blocks to freeze; give branches, "
                "or leave statistics_steps out"
            )
        if _has_norms(network):
            raise InputError(
                "phases: fake_quantized_steps needs frozen BatchNorms, and those of this network "
                "are in no block that freezes; leave it out"
            )
        return
    if not all(block.collapsed for block in blocks):
        raise InputError(
            "phases: model.collapsed is false, but these phases run collapsed; leave one out"
        )
    normalized = _has_norms(network)
    if statistics is not None and not normalized:
        raise InputError(
            "phases: statistics_steps is given, but no branch has a BatchNorm; leave it out"
        )
    if quantized and normalized and statistics is None:
        raise InputError(
            "phases: fake_quantized_steps needs frozen BatchNorms; give statistics_steps too"
        )

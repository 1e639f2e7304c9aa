"""The recipe of a training run: a YAML file, checked before anything is read or computed."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Self, get_args

import torch
from pydantic import BaseModel, Field, ValidationError, model_validator
from torch import nn

from edge_sdk.errors import InputError
from edge_sdk.extras import require
from edge_sdk.models.enhance_net import EnhanceNet, EnhanceNetConfig
from edge_sdk.models.spec import Task
from edge_sdk.reparam.branch_configs import BranchConfig
from edge_sdk.training.sections import (
    BurstsConfig,
    DataConfig,
    NoiseConfig,
    OptimiserConfig,
    PhasesConfig,
    PictureSource,
    Section,
)
from edge_sdk.zoo import model_names

__all__ = [
    "BurstsConfig",
    "DataConfig",
    "NoiseConfig",
    "OptimiserConfig",
    "PhasesConfig",
    "PictureSource",
    "Section",
    "TrainConfig",
    "load_train_config",
]

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_BRANCHES = {config.__name__: config for config in get_args(BranchConfig)}
_KINDS = {config.__dataclass_fields__["kind"].default: name for name, config in _BRANCHES.items()}
"""Name of the class of each kind of branch."""


class TrainConfig(Section):
    """A whole recipe.

    Raises:
        InputError: if the phases do not fit the steps or the network, or the noise not the task.
    """

    model: EnhanceNetConfig = EnhanceNetConfig()
    init: str | None = Field(
        None,
        min_length=1,
        description="model to start from, a shipped name or a .safetensors file: tensors of the "
        "same name and shape are taken over",
    )
    data: DataConfig
    optimiser: OptimiserConfig = OptimiserConfig()
    phases: PhasesConfig = PhasesConfig()
    validate_every: int = Field(1000, ge=1, description="steps between validations")
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _sections_fit(self) -> Self:
        _check_noise(self)
        _check_bursts(self)
        _check_phases(self)
        return self

    def with_steps(self, steps: int) -> TrainConfig:
        """The same recipe with another number of steps.

        Raises:
            InputError: if ``steps`` is below 1 or too few for the phases.
        """
        if steps < 1:
            raise InputError(f"steps must be 1 or more, not {steps}")
        optimiser = self.optimiser.model_copy(update={"steps": steps})
        changed = self.model_copy(update={"optimiser": optimiser})
        _check_phases(changed)
        return changed


def load_train_config(path: Path, data_root: Path | None = None) -> TrainConfig:
    """Read a recipe; relative paths in it are taken from ``data_root`` or the recipe's folder.

    A relative ``init`` that is no shipped name is taken from the recipe's folder.

    Raises:
        InputError: if the file is missing, not YAML, or a key is unknown or unfit; an unknown key
            is answered with the nearest known one.
        MissingExtraError: if the extra ``train`` is not installed.
    """
    yaml = require("train", "yaml")
    if not path.is_file():
        raise InputError(f"{path}: no such recipe; give a YAML file")
    try:
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not YAML ({reason})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no recipe; write keys such as model:, data:, optimiser:")
    try:
        config = TrainConfig.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error, content)}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    root = data_root or path.parent
    data = config.data.model_copy(
        update={
            "train": _anchored(config.data.train, root),
            "validation": _anchored(config.data.validation, root),
        }
    )
    return config.model_copy(update={"data": data, "init": _anchored_model(config.init, path)})


def _anchored_model(model: str | None, recipe: Path) -> str | None:
    if model is None or model in model_names():
        return model
    return str(recipe.parent / model)


def _anchored(source: PictureSource, root: Path) -> PictureSource:
    names = None if source.names is None else root / source.names
    return PictureSource(folder=root / source.folder, names=names)


def _check_bursts(config: TrainConfig) -> None:
    zooms = config.model.task is Task.BURST_ZOOM
    if zooms and config.data.bursts is None:
        raise InputError(
            "data.bursts is missing: a network for burst zoom needs bursts to learn from; give "
            "bursts: {count: 1000}"
        )
    if not zooms and config.data.bursts is not None:
        raise InputError(
            f"data.bursts: is for task: {Task.BURST_ZOOM}, and this recipe's is "
            f"{config.model.task}; leave it out"
        )


def _check_noise(config: TrainConfig) -> None:
    denoises = config.model.task is Task.DENOISING
    if denoises and config.data.noise is None:
        raise InputError(
            "data.noise is missing: a denoising network needs noise to remove; give "
            "noise: {sigma: [0, 50]}"
        )
    if not denoises and config.data.noise is not None:
        raise InputError(
            f"data.noise: is for task: {Task.DENOISING}, and this recipe's is {config.model.task}; "
            "leave it out"
        )


def _check_phases(config: TrainConfig) -> None:
    phases, steps = config.phases, config.optimiser.steps
    statistics, quantised = phases.statistics_steps, phases.fake_quantised_steps
    if phases.follow_init and config.init is None:
        raise InputError("phases: follow_init needs a model to follow; give init too")
    plain = config.model.branches is None and config.model.activation == "leaky_relu"
    if phases.shift_channels and not (plain and quantised == steps):
        raise InputError(
            "phases: shift_channels is for a plain network (branches: null) of leaky_relu that is "
            "rounded in all its steps; set fake_quantised_steps to steps, or leave it out"
        )
    if statistics is None and not quantised:
        return
    if (statistics or 0) + quantised > steps or statistics == steps:
        raise InputError(
            f"phases: statistics_steps {statistics or 0} and fake_quantised_steps {quantised} do "
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
        normalised = any(isinstance(part, nn.BatchNorm2d) for part in parts)
    if statistics is not None and not normalised:
        raise InputError(
            "phases: statistics_steps is given, but no branch has a BatchNorm; leave it out"
        )
    if quantised and normalised and statistics is None:
        raise InputError(
            "phases: fake_quantised_steps needs frozen BatchNorms; give statistics_steps too"
        )


def _explain(error: ValidationError, content: dict[str, Any]) -> str:
    if (unknown := _unknown_kind(content)) is not None:
        return unknown
    # A branch is tried as every kind; what the others would say of it is of no use.
    errors = [each for each in error.errors() if _concerns(each["loc"], content)] or error.errors()
    # A key that is misspelt is missing too; the first of the two facts is the one to tell.
    first = next((each for each in errors if each["type"] in _UNKNOWN), errors[0])
    parts = [str(part) for part in first["loc"] if part not in _BRANCHES]
    key = ".".join(parts)
    if first["type"] not in _UNKNOWN:
        return f"{key or 'recipe'}: {first['msg']}"
    known = _known_keys()
    name = parts[-1]
    if name in known:
        return f"unknown key '{key}'; '{name}' belongs in {known[name]}"
    near = difflib.get_close_matches(name, sorted(known), 1)
    return f"unknown key '{key}'" + (f"; did you mean '{near[0]}'?" if near else "; remove it")


def _branches_of(content: dict[str, Any]) -> list[Any]:
    model = content.get("model")
    branches = model.get("branches") if isinstance(model, dict) else None
    return branches if isinstance(branches, list) else []


def _unknown_kind(content: dict[str, Any]) -> str | None:
    for index, branch in enumerate(_branches_of(content)):
        kind = branch.get("kind", "conv") if isinstance(branch, dict) else "conv"
        if kind not in _KINDS:
            near = difflib.get_close_matches(str(kind), _KINDS, 1)
            meant = f"did you mean '{near[0]}'? " if near else ""
            known = ", ".join(_KINDS)
            return f"model.branches.{index}: unknown kind '{kind}'; {meant}known are: {known}"
    return None


def _concerns(place: tuple[int | str, ...], content: dict[str, Any]) -> bool:
    tried = next((part for part in place if part in _BRANCHES), None)
    if tried is None or len(place) < 3 or not isinstance(place[2], int):
        return True
    branches = _branches_of(content)
    branch = branches[place[2]] if place[2] < len(branches) else None
    kind = branch.get("kind", "conv") if isinstance(branch, dict) else "conv"
    return _KINDS.get(kind) == tried


def _known_keys() -> dict[str, str]:
    # Every key of a recipe with the section that it belongs in.
    sections: dict[str, type[BaseModel]] = {
        "the recipe itself": TrainConfig,
        "data": DataConfig,
        "data.train or data.validation": PictureSource,
        "data.noise": NoiseConfig,
        "data.bursts": BurstsConfig,
        "optimiser": OptimiserConfig,
        "phases": PhasesConfig,
    }
    keys = {key: name for name, section in sections.items() for key in section.model_fields}
    keys |= dict.fromkeys(EnhanceNetConfig.__dataclass_fields__, "model")
    for config in _BRANCHES.values():
        keys |= {key: "model.branches" for key in config.__dataclass_fields__ if key not in keys}
    return keys

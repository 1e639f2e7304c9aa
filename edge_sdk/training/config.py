"""The recipe of a training run: a YAML file, checked before anything is read or computed."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_sdk.errors import InputError
from edge_sdk.extras import require
from edge_sdk.models.enhance_net import EnhanceNetConfig


class Section(BaseModel):
    """Base of all parts of a recipe: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PictureSource(Section):
    """Where pictures come from."""

    folder: Path = Field(description="folder of pictures")
    names: Path | None = Field(None, description="text file listing some of them, one per line")


class DataConfig(Section):
    """Training and validation pictures and how patches are cut."""

    train: PictureSource
    validation: PictureSource
    shrinks: tuple[float, ...] = Field(
        (1.0,), description="reductions, each in (0, 1], at which every picture is used"
    )
    patch_px: int = Field(48, ge=8, description="side of a low-resolution patch")
    batch: int = Field(32, ge=1, description="patches per step")


class OptimiserConfig(Section):
    """Adam with a linear warm-up and a cosine down to zero."""

    steps: int = Field(10_000, ge=1, description="number of optimisation steps")
    learning_rate: float = Field(1e-3, gt=0)
    warmup_steps: int = Field(100, ge=0)
    average_decay: float = Field(
        0.999, ge=0, lt=1, description="decay of the moving average of the weights that is kept"
    )


class TrainConfig(Section):
    """A whole recipe."""

    model: EnhanceNetConfig = EnhanceNetConfig()
    data: DataConfig
    optimiser: OptimiserConfig = OptimiserConfig()
    validate_every: int = Field(1000, ge=1, description="steps between validations")
    seed: int = 0


def load_train_config(path: Path, data_root: Path | None = None) -> TrainConfig:
    """Read a recipe; relative paths in it are taken from ``data_root`` or the recipe's folder.

    Raises:
        InputError: if the file is missing, not YAML, or a key is unknown or unfit; an unknown key
            is answered with the nearest known one.
        MissingExtraError: if the extra ``train`` is not installed.
    """
    yaml = require("train", "yaml")
    if not path.is_file():
        raise InputError(f"{path}: no such recipe; give a YAML file")
    try:
        content: Any = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not YAML ({reason})") from error
    try:
        config = TrainConfig.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error)}") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    root = data_root or path.parent
    data = config.data.model_copy(
        update={
            "train": _anchored(config.data.train, root),
            "validation": _anchored(config.data.validation, root),
        }
    )
    return config.model_copy(update={"data": data})


def _anchored(source: PictureSource, root: Path) -> PictureSource:
    names = None if source.names is None else root / source.names
    return PictureSource(folder=root / source.folder, names=names)


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        near = difflib.get_close_matches(str(first["loc"][-1]), sorted(_known_keys()), 1)
        hint = f"; did you mean '{near[0]}'?" if near else "; remove it"
        return f"unknown key '{key}'{hint}"
    return f"{key or 'recipe'}: {first['msg']}"


def _known_keys() -> set[str]:
    sections: tuple[type[BaseModel], ...] = (TrainConfig, DataConfig, PictureSource, OptimiserConfig)
    keys = {key for section in sections for key in section.model_fields}
    return keys | set(EnhanceNetConfig.__dataclass_fields__)

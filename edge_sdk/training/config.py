"""The recipe of a training run: a YAML file, checked before anything is read or computed."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_sdk.errors import InputError
from edge_sdk.extras import require
from edge_sdk.models.enhance_net import EnhanceNetConfig
from edge_sdk.reparam.branch_configs import BranchConfig

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_BRANCHES = {config.__name__: config for config in get_args(BranchConfig)}


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
    shrinks: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (1.0,), min_length=1, description="reductions, each in (0, 1], at which pictures are used"
    )
    patch_px: int = Field(48, ge=8, description="side of a low-resolution patch")
    batch: int = Field(32, ge=1, description="patches per step")


class OptimiserConfig(Section):
    """Adam with a linear warm-up and a cosine down to zero."""

    steps: int = Field(10_000, ge=1, description="number of optimisation steps")
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)
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
    seed: int = Field(0, ge=0, lt=2**32)


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
        content: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not YAML ({reason})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
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
    # A key that is misspelt is missing too; the first of the two facts is the one to tell.
    errors = error.errors()
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


def _known_keys() -> dict[str, str]:
    # Every key of a recipe with the section that it belongs in.
    sections: dict[str, type[BaseModel]] = {
        "the recipe itself": TrainConfig,
        "data": DataConfig,
        "data.train or data.validation": PictureSource,
        "optimiser": OptimiserConfig,
    }
    keys = {key: name for name, section in sections.items() for key in section.model_fields}
    keys |= dict.fromkeys(EnhanceNetConfig.__dataclass_fields__, "model")
    for config in _BRANCHES.values():
        keys |= {key: "model.branches" for key in config.__dataclass_fields__ if key not in keys}
    return keys

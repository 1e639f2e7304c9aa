"""Reading a recipe from its YAML file, and saying in one line what is wrong with it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from edge_sdk.errors import InputError
from edge_sdk.extras import require
from edge_sdk.models.architecture import ARCHITECTURES, DEFAULT
from edge_sdk.renamed import RENAMED
from edge_sdk.reparam.blocks.configs import BranchConfig
from edge_sdk.training.recipe.bursts import BurstsConfig
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.convergence import ConvergenceConfig
from edge_sdk.training.recipe.samples import SamplesConfig
from edge_sdk.training.recipe.sections import (
    CamerasConfig,
    DataConfig,
    NoiseConfig,
    OptimizerConfig,
    PairsConfig,
    PhasesConfig,
    PictureSource,
)
from edge_sdk.training.recipe.teacher import TeacherConfig
from edge_sdk.zoo.catalogue import model_names

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_BRANCHES = {config.__name__: config for config in get_args(BranchConfig)}
_KINDS = {config.__dataclass_fields__["kind"].default: name for name, config in _BRANCHES.items()}
"""Name of the class of each kind of branch."""


def load_train_config(
    path: Path, data_root: Path | None = None, init: str | None = None
) -> TrainConfig:
    """Read a recipe; relative paths in it are taken from ``data_root`` or the recipe's folder.

    A relative ``init`` or teacher in it that is no shipped name is taken from the recipe's folder.

    Args:
        path: the file.
        data_root: folder that its relative paths of pictures start from.
        init: model to start from instead of the recipe's: a shipped name or a path.

    Raises:
        InputError: if the file is missing, not YAML, or a key is unknown or unfit; an unknown key
            is answered with the nearest known one.
        MissingExtraError: if the extra ``train`` is not installed.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.training import load_train_config
        >>> source = "{folder: photos}"
        >>> text = f"{{model: {{scale: 3}}, data: {{train: {source}, validation: {source}}}}}"
        >>> count = Path("recipe.yaml").write_text(text)
        >>> recipe = load_train_config(Path("recipe.yaml"))
        >>> recipe.model.scale, recipe.data.train.folder.as_posix()
        (3, 'photos')
    """
    yaml = require("train", "yaml")
    if not path.is_file():
        raise InputError(f"{path}: no such recipe; give a YAML file")
    try:
        text = path.read_text(encoding="utf-8")
        _check_keys(yaml.compose(text, yaml.SafeLoader), path)
        content: Any = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text in UTF-8; give a YAML file") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path}: not YAML ({_reason(error)}); fix that line") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no recipe; write keys such as model:, data:, optimizer:")
    if init is not None:
        content = {**content, "init": init}
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
            "pairs": _anchored_pairs(config.data.pairs, root),
        }
    )
    start = _anchored_model(config.init, path) if init is None else init
    teacher = config.teacher
    if teacher is not None:
        teacher = teacher.model_copy(update={"model": _anchored_model(teacher.model, path)})
    return config.model_copy(update={"data": data, "init": start, "teacher": teacher})


def _anchored_model(model: str | None, recipe: Path) -> str | None:
    if model is None or model in model_names():
        return model
    return str(recipe.parent / model)


def _anchored_pairs(pairs: PairsConfig | None, root: Path) -> PairsConfig | None:
    if pairs is None:
        return None
    validation = None if pairs.validation is None else root / pairs.validation
    return pairs.model_copy(update={"train": root / pairs.train, "validation": validation})


def _anchored(source: PictureSource | None, root: Path) -> PictureSource | None:
    if source is None:
        return None
    files = tuple(root / path for path in source.name_files)
    names = files[0] if isinstance(source.names, Path) else files or None
    return PictureSource(folder=root / source.folder, names=names)


def _explain(error: ValidationError, content: dict[str, Any]) -> str:
    if (unknown := _unknown_kind(content)) is not None:
        return unknown
    # A branch is tried as every kind; the errors of the others are of no use.
    errors = [each for each in error.errors() if _concerns(each["loc"], content)] or error.errors()
    # A key that is misspelled is missing too; the first of the two facts is reported.
    first = next((each for each in errors if each["type"] in _UNKNOWN), errors[0])
    parts = [str(part) for part in first["loc"] if part not in _BRANCHES]
    key = ".".join(parts)
    if first["type"] not in _UNKNOWN:
        return f"{key or 'recipe'}: {first['msg']}"
    known = _known_keys(content)
    name = parts[-1]
    if RENAMED.get(name) in known:
        return f"'{key}' has another name now; write '{RENAMED[name]}'"
    if name in known:
        return f"unknown key '{key}'; '{name}' belongs in {known[name]}"
    near = difflib.get_close_matches(name, sorted(known), 1)
    if near:
        return f"unknown key '{key}'; did you mean '{near[0]}'?"
    there = [each for each in known if len(parts) > 1 and known[each] == ".".join(parts[:-1])]
    if there:
        return f"unknown key '{key}'; there are: {', '.join(there)}"
    return f"unknown key '{key}'; remove it"


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


def _model_keys(content: dict[str, Any]) -> tuple[str, ...]:
    model = content.get("model")
    name = model.get("architecture", DEFAULT) if isinstance(model, dict) else DEFAULT
    return ARCHITECTURES.find(name if isinstance(name, str) else DEFAULT).keys


def _known_keys(content: dict[str, Any]) -> dict[str, str]:
    # Every key of a recipe with the section that it belongs in.
    # Of two sections with the same key, the later is named.
    sections: dict[str, type[BaseModel]] = {
        "data.pairs": PairsConfig,
        "the recipe itself": TrainConfig,
        "data": DataConfig,
        "data.train or data.validation": PictureSource,
        "data.noise": NoiseConfig,
        "data.bursts": BurstsConfig,
        "data.camera": CamerasConfig,
        "data.samples": SamplesConfig,
        "optimizer": OptimizerConfig,
        "convergence": ConvergenceConfig,
        "phases": PhasesConfig,
        "teacher": TeacherConfig,
    }
    keys = {key: name for name, section in sections.items() for key in section.model_fields}
    keys |= dict.fromkeys(_model_keys(content), "model")
    for config in _BRANCHES.values():
        keys |= {key: "model.branches" for key in config.__dataclass_fields__ if key not in keys}
    return keys


def _check_keys(node: Any, path: Path) -> None:
    """Refuse a key that is given twice, of which YAML would take the last without a word."""
    values = getattr(node, "value", None)
    if not isinstance(values, list):
        return
    seen: set[str] = set()
    for part in values:
        key, value = part if isinstance(part, tuple) else (None, part)
        if key is not None:
            name = str(key.value)
            if name in seen:
                line = key.start_mark.line + 1
                raise InputError(f"{path}: line {line} gives '{name}' again; leave one out")
            seen.add(name)
        _check_keys(value, path)


def _reason(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {getattr(error, 'problem', error)}"

"""A recipe as a checkpoint records it, and what a resumed run may change of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_sdk.errors import InputError
from edge_sdk.renamed import with_current_names
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.zoo.catalogue import model_names

MAY_CHANGE = ("optimizer.steps", "validate_every", "model.initialization")
"""Keys of a recipe that a resumed run may change; its weights are there, however they started."""
BEFORE = {"algorithm": "adam", "gradient_clip_norm": None}
"""What runs did before these keys of ``optimizer`` were there."""

RECIPE_KEY = "recipe"
"""Entry of a checkpoint that holds the recipe of its run."""


def recorded(config: TrainConfig) -> dict[str, Any]:
    """A recipe as what a checkpoint can hold, with absolute paths."""
    recipe = config.model_dump(mode="json")
    for section, key in ((recipe, "init"), (recipe["teacher"] or {}, "model")):
        model = section.get(key)
        if model is not None and model not in model_names():
            section[key] = str(Path(model).resolve())
    data = recipe["data"]
    for source in (data["train"], data["validation"]):
        if source is not None:
            _resolve(source, ("folder", "names"))
    if data["pairs"] is not None:
        _resolve(data["pairs"], ("train", "validation"))
    return recipe


def _resolve(section: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if isinstance(section[key], list):
            section[key] = [str(Path(path).resolve()) for path in section[key]]
        elif section[key] is not None:
            section[key] = str(Path(section[key]).resolve())


def completed(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recorded recipe with today's keys: renamed if they were, as runs did without if new."""
    try:
        current = with_current_names(recipe)
        current = {**current, "optimizer": {**BEFORE, **current.get("optimizer", {})}}
        return recorded(TrainConfig.model_validate(current))
    except (ValidationError, InputError):
        return recipe


def changes(before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    """Keys that a resumed run may not change but that differ, such as ``seed: 0, now 1``."""
    old, new = dict(_flat(before)), dict(_flat(after))
    for key in dict.fromkeys((*old, *new)):
        if key not in MAY_CHANGE and old.get(key) != new.get(key):
            yield f"{key}: {old.get(key)}, now {new.get(key)}"


def _flat(part: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in part.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value

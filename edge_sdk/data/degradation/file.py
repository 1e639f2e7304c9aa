"""Reading a recipe from YAML or JSON, and saying in one line what is wrong with it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from edge_sdk.data.degradation.presets import PRESETS, preset
from edge_sdk.data.degradation.recipe import DegradationRecipe, RecipeStep
from edge_sdk.data.degradation.step import STEPS
from edge_sdk.errors import InputError
from edge_sdk.extras import require
from edge_sdk.json_records import from_json

_KEYS = ("steps", "rounds", "shuffle")
_SUFFIXES = (".yaml", ".yml", ".json")


def read_recipe(source: str | Path) -> DegradationRecipe:
    """A preset by its name, or a recipe from a file.

    Args:
        source: name of a preset, or a file ending in .yaml, .yml or .json with keys ``steps`` (a
            list of ``step``, ``probability`` and the step's ranges), ``rounds`` and ``shuffle``.

    Raises:
        InputError: if there is no such file, it is neither YAML nor JSON, or a key is unknown or
            unfit; an unknown key is answered with the nearest known one.
        MissingExtraError: if it is YAML and the extra ``train`` is not installed.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.data import read_recipe
        >>> text = '{"steps": [{"step": "jpeg", "probability": 0.5, "quality": [60, 80]}]}'
        >>> count = Path("worse.json").write_text(text)
        >>> read_recipe("worse.json").steps[0].ranges
        JpegRange(quality=(60, 80))
        >>> read_recipe("document").rounds
        1
    """
    if str(source) in PRESETS:
        return preset(str(source))
    path = Path(source)
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(
            f"{source}: is no recipe; give a preset ({', '.join(PRESETS)}) or a file ending in "
            f"{', '.join(_SUFFIXES)}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such recipe; check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not text in UTF-8; give a recipe") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); give a recipe") from error
    try:
        return recipe_of(_parsed_json(text) if path.suffix == ".json" else _parsed_yaml(text))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def recipe_of(content: Any) -> DegradationRecipe:
    """A recipe of what a file holds.

    Raises:
        InputError: as :func:`read_recipe`.
    """
    if not isinstance(content, dict):
        raise InputError("holds no recipe; write the key steps: with a list")
    _check_keys("", content, _KEYS)
    entries = content.get("steps")
    if not isinstance(entries, list | tuple):
        raise InputError("steps: give a list, such as [{step: jpeg, quality: [50, 100]}]")
    steps = []
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("step"), str):
            known = ", ".join(STEPS.names())
            raise InputError(f"steps.{place}: give step: and a name, one of {known}")
        try:
            steps.append(_step(entry))
        except InputError as error:
            raise InputError(f"steps.{place}: {error}") from error
    rounds, shuffle = content.get("rounds", 1), content.get("shuffle", False)
    if type(rounds) is not int:
        raise InputError(f"rounds: give a whole number, not {rounds!r}")
    if not isinstance(shuffle, bool):
        raise InputError(f"shuffle: give true or false, not {shuffle!r}")
    return DegradationRecipe(tuple(steps), rounds, shuffle)


def _step(entry: Mapping[str, Any]) -> RecipeStep:
    name = entry["step"]
    kind: type[Any] = STEPS.find(name).ranges
    keys = {field.name: field.default for field in fields(kind)}
    _check_keys(f"{name}: ", entry, ("step", "probability", *keys))
    probability = entry.get("probability", 1.0)
    if isinstance(probability, bool) or not isinstance(probability, int | float):
        raise InputError(f"probability: give a number of 0 to 1, not {probability!r}")
    values = {
        key: _as_range(value, keys[key])
        for key, value in entry.items()
        if key not in ("step", "probability")
    }
    try:
        text = json.dumps(values)
    except TypeError as error:
        raise InputError(f"{name}: {error}; give numbers and words") from error
    return RecipeStep(name, from_json(kind, text), float(probability))


def _as_range(value: Any, default: Any) -> Any:
    """One number stands for a range of it alone."""
    is_range = default is not MISSING and isinstance(default, tuple)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (value, value) if is_range and is_number else value


def _check_keys(place: str, content: Mapping[Any, Any], known: Iterable[str]) -> None:
    names = list(known)
    for key in content:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, 1)
            answer = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(names)}"
            raise InputError(f"{place}unknown key '{key}'; {answer}")


def _once(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InputError(f"gives '{key}' again; leave one out")
        found[key] = value
    return found


def _parsed_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"not JSON ({error}); fix that line") from error


def _parsed_yaml(text: str) -> Any:
    yaml = require("train", "yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        """Refuses a key that is given twice, of which YAML takes the last without a word."""

    def mapping(loader: Any, node: Any) -> dict[Any, Any]:
        pairs = [loader.construct_object(key, deep=True) for key, _ in node.value]
        values = [loader.construct_object(value, deep=True) for _, value in node.value]
        return _once(list(zip(pairs, values, strict=True)))

    Loader.add_constructor("tag:yaml.org,2002:map", mapping)
    try:
        return yaml.load(text, Loader)
    except InputError:
        raise
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"not YAML ({reason}); fix that line") from error

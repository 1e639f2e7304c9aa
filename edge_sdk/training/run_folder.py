"""The folder of a run: what an earlier run left there, and whether a recipe may go on with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from edge_sdk.errors import InputError, ModelError, OutputError
from edge_sdk.training.config import TrainConfig
from edge_sdk.zoo.catalogue import model_names

MAY_CHANGE = ("optimiser.steps", "validate_every")
"""Keys of a recipe that a resumed run may change."""
STAGES = "recipes.json"
"""File in the folder of a run by several recipes that says which of them are finished."""
FILES = ("model.safetensors", "last.ckpt", "metrics.csv", "curves.svg", STAGES)
"""Everything that a run writes into its folder."""
RECIPE_KEY = "recipe"
"""Entry of a checkpoint that holds the recipe of its run."""


@dataclass(frozen=True)
class RunFolder:
    """Files of one run.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def model(self) -> Path:
        """The best weights."""
        return self.path / "model.safetensors"

    @property
    def last(self) -> Path:
        """The checkpoint to resume from."""
        return self.path / "last.ckpt"

    def check_free(self) -> None:
        """Make sure that no run would be overwritten.

        Raises:
            InputError: if the folder holds weights or a checkpoint.
        """
        found = [path.name for path in (self.model, self.last) if path.exists()]
        if found:
            raise InputError(
                f"{self.path}: holds a run already ({', '.join(found)}); go on with --resume, "
                "start anew with --overwrite, or choose another folder"
            )

    def clear(self) -> None:
        """Create the folder, without any file of an earlier run.

        Raises:
            OutputError: if it cannot be created, or a file in it not be removed.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for name in FILES:
                (self.path / name).unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be created ({error.strerror})") from error

    def saved_steps(self) -> int | None:
        """Steps that the checkpoint has behind it; ``None`` if there is none that can be read."""
        try:
            return int(_load(self.last)["global_step"])
        except ModelError:
            return None

    def good_steps(self) -> int | None:
        """Steps of the checkpoint if all its weights are finite; ``None`` if there is none such."""
        try:
            checkpoint = _load(self.last)
        except ModelError:
            return None
        weights = [*checkpoint["state_dict"].values()]
        weights += checkpoint.get("current_model_state", {}).values()
        finite = all(bool(torch.isfinite(weight).all()) for weight in weights)
        return int(checkpoint["global_step"]) if finite else None

    def steps_to_resume(self, config: TrainConfig, shapes: dict[str, torch.Size]) -> int:
        """Steps that the checkpoint has behind it, if ``config`` may go on from there.

        Args:
            config: the recipe to go on with.
            shapes: of the tensors of its network, by name.

        Raises:
            InputError: if there is no checkpoint, it belongs to another network or recipe, or is
                past the recipe's steps.
            ModelError: if the checkpoint is damaged.
        """
        if not self.last.is_file():
            raise InputError(f"{self.last}: no checkpoint to resume from; start without --resume")
        checkpoint = _load(self.last)
        found = {name: tensor.shape for name, tensor in checkpoint["state_dict"].items()}
        if found != shapes:
            raise InputError(
                f"{self.last}: belongs to another network; resume with the recipe it was started "
                "with"
            )
        changed = list(changes(completed(checkpoint[RECIPE_KEY]), recorded(config)))
        if changed:
            raise InputError(
                f"{self.last}: was made by another recipe ({'; '.join(changed)}); a resumed run "
                f"may change {' and '.join(MAY_CHANGE)} alone: change the rest back, or start anew"
            )
        steps = int(checkpoint["global_step"])
        if steps > config.optimiser.steps:
            raise InputError(
                f"{self.last}: the run has taken {steps:,} steps already, past the "
                f"{config.optimiser.steps:,} asked for; give more --steps, or leave --resume out"
            )
        return steps


def recorded(config: TrainConfig) -> dict[str, Any]:
    """A recipe as what a checkpoint can hold, with absolute paths."""
    recipe = config.model_dump(mode="json")
    if config.init is not None and config.init not in model_names():
        recipe["init"] = str(Path(config.init).resolve())
    data = recipe["data"]
    for source in (data["train"], data["validation"]):
        if source is not None:
            _resolve(source, ("folder", "names"))
    if data["pairs"] is not None:
        _resolve(data["pairs"], ("train", "validation"))
    return recipe


def _resolve(section: dict[str, Any], keys: tuple[str, ...]) -> None:
    for key in keys:
        if section[key] is not None:
            section[key] = str(Path(section[key]).resolve())


def completed(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recorded recipe with the defaults of keys that an earlier version did not know."""
    try:
        return recorded(TrainConfig.model_validate(recipe))
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


def _load(last: Path) -> dict[str, Any]:
    try:
        checkpoint: dict[str, Any] = torch.load(last, map_location="cpu", weights_only=True)
        missing = {"global_step", "state_dict", RECIPE_KEY} - set(checkpoint)
    except Exception as error:  # an unpickler given junk raises whatever it stumbles over
        raise ModelError(
            f"{last}: not a checkpoint of a run (truncated or damaged); start anew with --overwrite"
        ) from error
    if missing:
        raise ModelError(
            f"{last}: not a checkpoint of a run (no {', '.join(sorted(missing))} in it); start "
            "anew with --overwrite"
        )
    return checkpoint

"""The folder of a run: what an earlier run left there, and whether a recipe may go on with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edge_sdk.errors import InputError, ModelError, OutputError
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.record import MAY_CHANGE, RECIPE_KEY, changes, completed, recorded

FINISHED = "recipes.json"
"""File in the folder of a run by several recipes that says which of them are finished."""
RESULT = "result.json"
"""File in the folder of a run that says how it ended and what its best weights tell apart."""
FILES = ("model.safetensors", "last.ckpt", "metrics.csv", "curves.svg", RESULT, FINISHED)
"""Everything that a run writes into its folder."""


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
                "start over with --overwrite, or choose another folder"
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
                f"may change {' and '.join(MAY_CHANGE)} alone: change the rest back, or start over"
            )
        steps = int(checkpoint["global_step"])
        if steps > config.optimizer.steps:
            raise InputError(
                f"{self.last}: the run has taken {steps:,} steps already, past the "
                f"{config.optimizer.steps:,} requested; give more --steps, or leave --resume out"
            )
        return steps


def _load(last: Path) -> dict[str, Any]:
    try:
        checkpoint: dict[str, Any] = torch.load(last, map_location="cpu", weights_only=True)
        missing = {"global_step", "state_dict", RECIPE_KEY} - set(checkpoint)
    except Exception as error:  # an unpickler given junk raises whatever it stumbles over
        raise ModelError(
            f"{last}: not a checkpoint of a run (truncated or damaged); start over with --overwrite"
        ) from error
    if missing:
        raise ModelError(
            f"{last}: not a checkpoint of a run (no {', '.join(sorted(missing))} in it); start "
            "over with --overwrite"
        )
    return checkpoint

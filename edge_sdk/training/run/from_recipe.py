"""A run from its recipe; nothing of the extra ``train`` is imported before it is needed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from edge_sdk.extras import require
from edge_sdk.quiet import environment, random_states, suppressed_messages
from edge_sdk.training.recipe.config import TrainConfig
from edge_sdk.training.recipe.file import load_train_config
from edge_sdk.training.run.result import TrainResult


def train(
    recipe: str | Path | TrainConfig,
    folder: str | Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> TrainResult:
    """Train a network by a recipe and keep the best weights in ``folder/model.safetensors``.

    Beside them ``folder`` receives ``last.ckpt`` (to resume from), ``metrics.csv`` and
    ``curves.svg``, a picture of it; of recognition and of runs with a condition to end
    ``result.json`` too. A run that was interrupted goes on from its last validation and
    ends with the weights that it would have had.

    Args:
        recipe: a YAML file, or the recipe itself (:class:`~edge_sdk.training.TrainConfig`).
        folder: folder of the run, created if missing.
        resume: go on from ``folder/last.ckpt``.
        overwrite: start over where ``folder`` holds a run, whose files are removed first.
        progress: draw a progress bar.

    Returns:
        The model file, its PSNR on the validation pictures beside that of the baseline, in dB, and
        the steps taken.

    Raises:
        MissingExtraError: if the extra ``train`` is not installed.
        InputError: if the recipe is missing or wrong, pictures are missing, or ``folder`` holds a
            run that is neither to be resumed nor overwritten, or cannot be resumed.
        OutputError: if ``folder`` cannot be created or written.
        PictureError: if a picture cannot be read or is smaller than a patch.
        ModelError: if loss or weights are no longer finite, or what to start from is no model.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk import Picture, resize_bicubic, train, write_picture
        >>> from edge_sdk.training import TrainConfig
        >>> Path("photos").mkdir()
        >>> photo = resize_bicubic(torch.rand(3, 12, 12), 4).clamp(0, 1)
        >>> written = write_picture(Picture(photo), "photos/a.png")
        >>> recipe = TrainConfig(
        ...     model={"scale": 2, "widths": [4, 4], "skips": []},
        ...     data={"train": {"folder": "photos"}, "validation": {"folder": "photos"},
        ...           "patch_px": 8, "batch": 2},
        ...     optimizer={"steps": 4, "warmup_steps": 1},
        ...     validate_every=2,
        ... )
        >>> result = train(recipe, "run", progress=False)
        >>> result.path.as_posix(), result.steps
        ('run/model.safetensors', 4)
    """
    config = recipe if isinstance(recipe, TrainConfig) else load_train_config(Path(recipe))
    # A run seeds the generators; and Lightning, when it is imported, draws from them too, and
    # changes settings of warnings and logging.
    with random_states():
        with suppressed_messages(), environment("PL_GLOBAL_SEED", "PL_SEED_WORKERS"):
            require("train")
            running = import_module("edge_sdk.training.run.running")
        made: TrainResult = running.train(
            config, Path(folder), resume=resume, overwrite=overwrite, progress=progress
        )
    return made

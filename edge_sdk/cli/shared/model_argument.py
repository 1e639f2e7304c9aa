"""The argument MODEL, which several commands share, and the shape of its input."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.cli.shared.console import err
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    from edge_sdk.zoo.loading import LoadedModel

LARGEST_SIDE_PX = 8192

MODEL_HELP = (
    "Shipped model, a .safetensors file, or package.module:callable, which returns an nn.Module or "
    "a pair (module, example input)."
)
KEEP_HELP = "Let the branches of a model run as they are, instead of merging them first."
INPUT_HELP = "Shape of the example input, such as 1x3x224x224, if the callable returns none."


def load_named(model: str, input_shape: str | None) -> LoadedModel:
    """Load what MODEL and ``--input`` say.

    Raises:
        ModelError: if MODEL names no model.
        InputError: if the shape is unknown or does not fit.
    """
    from edge_sdk.zoo.loading import load_any, parse_shape

    return load_any(model, None if input_shape is None else parse_shape(input_shape))


def note_merging(
    model: str | None,
    keep_branches: bool = False,
    instead: str = "--keep-branches runs them as they are",
) -> None:
    """Say that the blocks of a model file were merged, and what there is instead."""
    from edge_sdk.zoo.networks import blocks_to_merge

    count = 0 if model is None or keep_branches else blocks_to_merge(model)
    if count:
        blocks = "block with branches was" if count == 1 else f"{count} blocks with branches were"
        err.print(
            f"note: {model}: its {blocks} merged for this; {instead}",
            soft_wrap=True,
        )


def default_stem(model: str) -> str:
    """Name for a file made from MODEL: that of its file, or of its callable."""
    return Path(model.rpartition(":")[2]).stem


def parse_size(text: str) -> tuple[int, int]:
    """Read ``HEIGHTxWIDTH``.

    Raises:
        InputError: if it is something else, or not 1 to 8192 px on each side.
    """
    match = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text.strip().lower())
    if not match:
        raise InputError(f"size '{text}' is not HEIGHTxWIDTH; write it like 128x128")
    height, width = int(match[1]), int(match[2])
    if not (1 <= height <= LARGEST_SIDE_PX and 1 <= width <= LARGEST_SIDE_PX):
        raise InputError(f"size '{text}' must be 1 to {LARGEST_SIDE_PX} px on each side")
    return height, width

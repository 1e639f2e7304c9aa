"""The argument MODEL, which several commands share, and the shape of its input."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_sdk.cli.shared.console import err
from edge_sdk.errors import InputError
from edge_sdk.size_range import Size, SizeRange

if TYPE_CHECKING:
    from edge_sdk.zoo.loading import LoadedModel

LARGEST_SIDE_PX = 8192

MODEL_HELP = (
    "Shipped model, a .safetensors file, or package.module:callable, which returns an nn.Module or "
    "a pair (module, example input)."
)
KEEP_HELP = "Let the branches of a model run as they are, instead of merging them first."
INPUT_HELP = (
    "Shape of the example input, such as 1x3x224x224, if the callable returns none; once for each "
    "input of a model of several."
)
ARG_HELP = (
    "Argument that the callable is called with, the value as Python or JSON writes it (2, 0.5, "
    "true, None, \\[1, 2]), any other as text; again for more."
)
WEIGHTS_HELP = "Weights to put into the model: .safetensors, or a .pt or .pth of tensors alone."
MEAN_HELP = (
    "What is subtracted from pictures in \\[0, 1] before the model gets them, such as "
    "0.485,0.456,0.406; no file contains it."
)
STD_HELP = "What they are divided by then, such as 0.229,0.224,0.225."

Inputs = Annotated[list[str] | None, typer.Option("--input", metavar="SHAPE", help=INPUT_HELP)]
ModelArguments = Annotated[
    list[str] | None, typer.Option("--arg", metavar="NAME=VALUE", help=ARG_HELP)
]
Weights = Annotated[Path | None, typer.Option("--weights", help=WEIGHTS_HELP)]
Mean = Annotated[str | None, typer.Option("--mean", metavar="NUMBERS", help=MEAN_HELP)]
Std = Annotated[str | None, typer.Option("--std", metavar="NUMBERS", help=STD_HELP)]


def load_named(
    model: str,
    inputs: Sequence[str] | None = None,
    arguments: Sequence[str] | None = None,
    weights: Path | None = None,
    mean: str | None = None,
    std: str | None = None,
) -> LoadedModel:
    """Load what MODEL, ``--input``, ``--arg``, ``--weights``, ``--mean`` and ``--std`` say.

    Raises:
        ModelError: if MODEL names no model, or the weights are not its own.
        InputError: if a shape is unknown or does not fit, or an option is not as its help says.
    """
    from dataclasses import replace

    from edge_sdk.models.normalization import Normalization
    from edge_sdk.zoo.loading import load_any

    if (mean is None) != (std is None):
        raise InputError("--mean and --std belong together; give both")
    loaded = load_any(model, parse_inputs(inputs), named_arguments(arguments or ()))
    if weights is not None:
        from edge_sdk.zoo.own_weights import load_weights

        if loaded.shipped or model.endswith(".safetensors"):
            raise InputError(f"{model} has its weights; --weights is for package.module:callable")
        note = load_weights(loaded.network, weights)
        loaded = replace(loaded, notes=(*loaded.notes, *([note] if note else [])))
    if mean is None or std is None:
        return loaded
    return replace(loaded, normalization=Normalization(_numbers(mean), _numbers(std)))


def parse_inputs(inputs: Sequence[str] | None) -> list[tuple[int, ...]] | None:
    """Shapes of ``--input``; ``None`` where it was not given."""
    from edge_sdk.zoo.loading import parse_shape

    return [parse_shape(each) for each in inputs] if inputs else None


def named_arguments(arguments: Sequence[str]) -> dict[str, Any]:
    """Values of ``--arg`` by name.

    Raises:
        InputError: if one is not NAME=VALUE, or a name is given twice.
    """
    named: dict[str, Any] = {}
    for name, value in map(_argument, arguments):
        if name in named:
            raise InputError(f"--arg {name} is given twice; give it once")
        named[name] = value
    return named


def _argument(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        raise InputError(f"--arg {text} is not NAME=VALUE; write it like --arg scale=2")
    for read in (json.loads, ast.literal_eval):
        try:
            return name, read(value)
        except (ValueError, SyntaxError):
            continue
    return name, value


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(each) for each in text.split(","))
    except ValueError as error:
        raise InputError(f"'{text}' is no list of numbers; write it like 0.5,0.5,0.5") from error


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


def parse_sizes(text: str | None) -> tuple[Size | SizeRange | None, ...]:
    """Read a size, a range of sizes or a list of either; ``(None,)`` where none is given.

    Raises:
        InputError: if it is something else, or one comes twice.
    """
    if text is None:
        return (None,)
    form = r"\d{1,99}[x×]\d{1,99}(\.\.\d{1,99}[x×]\d{1,99})?"
    if not re.fullmatch(rf"{form}(,{form})*", text.strip().lower()):
        raise InputError(
            f"size '{text}' is no size, range or list of them; write it like 128x128, "
            "32x32..512x512 or 64x64,128x96"
        )
    sizes = tuple(_size_or_range(each) for each in text.split(","))
    if len(set(sizes)) < len(sizes):
        raise InputError(f"size '{text}' names one twice; give each once")
    return sizes


def _size_or_range(text: str) -> Size | SizeRange:
    least, dots, most = text.partition("..")
    return SizeRange(parse_size(least), parse_size(most)) if dots else parse_size(least)


def parse_size(text: str) -> tuple[int, int]:
    """Read ``HEIGHTxWIDTH``.

    Raises:
        InputError: if it is something else, or not 1 to 8192 px on each side.
    """
    match = re.fullmatch(r"(\d{1,99})[x×](\d{1,99})", text.strip().lower())
    if not match:
        raise InputError(f"size '{text}' is not HEIGHTxWIDTH; write it like 128x128")
    height, width = int(match[1]), int(match[2])
    if not (1 <= height <= LARGEST_SIDE_PX and 1 <= width <= LARGEST_SIDE_PX):
        raise InputError(f"size '{text}' must be 1 to {LARGEST_SIDE_PX} px on each side")
    return height, width

"""What ships: weights by name, each with its recipe and card."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path

from edge_sdk.errors import ModelError
from edge_sdk.json_records import from_json
from edge_sdk.models.checkpoint import Checkpoint, load_checkpoint
from edge_sdk.models.network import Network

ROOT = Path(__file__).parent


def model_names() -> tuple[str, ...]:
    """Names of all shipped models, sorted.

    Example:
        >>> from edge_sdk.zoo import model_names
        >>> "sr_x2_y" in model_names()
        True
    """
    return tuple(sorted(path.parent.name for path in ROOT.glob("*/model.safetensors")))


def model_path(name: str) -> Path:
    """File of a shipped model's weights with branches; what else ships lies beside it.

    Raises:
        ModelError: if no shipped model has that name.
    """
    if name not in model_names():
        raise ModelError(f"unknown model '{name}'; shipped are: {', '.join(model_names())}")
    return ROOT / name / "model.safetensors"


def load_model(model: str | Path) -> Network:
    """Load a shipped model, or one of a ``.safetensors`` file, in evaluation mode.

    A shipped model comes with its branches, as it was trained; a file's is as it was saved.

    Args:
        model: one of :func:`model_names`, or the path of a file.

    Returns:
        The network on the CPU, float32.

    Raises:
        ModelError: if it is neither.

    Example:
        >>> import torch
        >>> from edge_sdk import load_model
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig, save_checkpoint
        >>> load_model("sr_x2_y")(torch.rand(1, 1, 24, 32)).shape
        torch.Size([1, 1, 48, 64])
        >>> save_checkpoint(EnhanceNet(EnhanceNetConfig(scale=3)), "mine.safetensors")
        >>> load_model("mine.safetensors").spec.scale
        3
        >>> load_model("sr_x2_z")
        Traceback (most recent call last):
            ...
        edge_sdk.errors.ModelError: 'sr_x2_z' is neither a shipped model (...) nor ...
    """
    return resolve_checkpoint(str(model)).model


def resolve_checkpoint(model: str) -> Checkpoint:
    """Load a model, as :func:`load_model`, with its scheme if it has one.

    Raises:
        ModelError: if it is neither.
    """
    if model in model_names():
        return load_checkpoint(model_path(model))
    path = Path(model)
    if path.suffix == ".safetensors" or path.exists():
        return load_checkpoint(path)
    known = ", ".join(model_names())
    if ":" in model:
        raise ModelError(
            f"'{model}' names a Python callable; here a shipped model ({known}) or a .safetensors "
            "file is needed"
        )
    near = difflib.get_close_matches(model, model_names(), 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise ModelError(
        f"'{model}' is neither a shipped model ({known}) nor a .safetensors file{meant}"
    )


def load_int8(name: str) -> Checkpoint | None:
    """The int8 form shipped beside a model: fused, fine-tuned, with its scheme; ``None`` if none.

    Args:
        name: one of :func:`model_names`.

    Raises:
        ModelError: if no shipped model has that name.

    Example:
        >>> from edge_sdk.zoo import load_int8
        >>> checkpoint = load_int8("sr_x2_y")
        >>> checkpoint.model.has_branches, checkpoint.scheme.weights_only
        (False, False)
    """
    path = model_path(name).with_name("int8.safetensors")
    return load_checkpoint(path) if path.is_file() else None


@dataclass(frozen=True)
class Card:
    """Card of a shipped model.

    Attributes:
        name: its name.
        figures: PSNR in dB by test set, or what else the model is judged by, by name.
        recipes: files of the recipes that it was trained by, one after the other.
        text: the whole card, Markdown.

    Example:
        >>> from edge_sdk.zoo import load_card
        >>> card = load_card("sr_x2_y")
        >>> card.recipes[0].name, card.figures["Set5"] > 36
        ('recipe.yaml', True)
    """

    name: str
    figures: dict[str, float]
    recipes: tuple[Path, ...]
    text: str


@dataclass(frozen=True)
class _Figures:
    """What ``figures.json`` holds: one of them."""

    psnr_db: dict[str, float] = field(default_factory=dict)
    quality: dict[str, float] = field(default_factory=dict)


def load_card(name: str) -> Card:
    """Read the card of a shipped model.

    Args:
        name: one of :func:`model_names`.

    Raises:
        ModelError: if no shipped model has that name.

    Example:
        >>> from edge_sdk.zoo import load_card
        >>> load_card("denoise_rgb").name
        'denoise_rgb'
    """
    folder = model_path(name).parent
    figures = from_json(_Figures, (folder / "figures.json").read_bytes())
    text = (folder / "card.md").read_text(encoding="utf-8")
    later = sorted(folder.glob("recipe-[0-9].yaml"))
    return Card(name, figures.psnr_db or figures.quality, (folder / "recipe.yaml", *later), text)

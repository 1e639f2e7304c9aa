"""Weights of a file put into a model that a callable has built; no code of the file is run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edge_sdk.errors import ModelError, first_line

WRAPPERS = ("state_dict", "model_state_dict", "params_ema", "params", "model", "net")
"""Keys under which training programs keep a model's weights beside other things."""
_PARALLEL = "module."
"""What ``DataParallel`` and DDP put before each name."""


def load_weights(network: nn.Module, path: Path) -> str:
    """Put the weights of a file into a model, every one in its place.

    Args:
        network: built with the sizes that the file is of; its weights are replaced.
        path: ``.safetensors``, or a checkpoint of ``torch.save`` that holds tensors alone.

    Returns:
        For people: what was unwrapped to find them; empty for nothing.

    Raises:
        ModelError: if the file is missing, needs code to load, or does not fit the model.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.zoo.own_weights import load_weights
        >>> torch.save({"params": nn.Conv2d(1, 2, 3).state_dict()}, "conv.pth")
        >>> load_weights(nn.Conv2d(1, 2, 3), Path("conv.pth"))
        "conv.pth: weights found under 'params'"
    """
    held, note = _state(network, _read(path), path)
    try:
        missing, unexpected = network.load_state_dict(dict(held), strict=False)
    except RuntimeError as error:
        wrong = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise ModelError(
            f"{path}: does not fit {type(network).__name__} "
            f"({first_line(RuntimeError(wrong[0] if wrong else str(error)))}{more}); build the "
            "model with the sizes that the file is of"
        ) from error
    kind = type(network).__name__
    for what, names in ((f"lacks of {kind}", missing), (f"holds what {kind} lacks:", unexpected)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ModelError(
                f"{path}: {what} {names[0]}{more}; give the file of this very architecture"
            )
    return f"{path}: {note}" if note else ""


def _read(path: Path) -> Any:
    if not path.is_file():
        raise ModelError(f"{path}: no such file; check the path")
    try:
        if path.suffix.lower() == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        if "weights_only" in str(error).lower() or "weights only" in str(error).lower():
            raise ModelError(
                f"{path}: needs code to load, which could do anything; save its state_dict() alone "
                "where it comes from, at best as .safetensors"
            ) from error
        raise ModelError(
            f"{path}: cannot be read ({first_line(error)}); give a .safetensors file or a "
            "checkpoint of torch.save"
        ) from error


def _state(network: nn.Module, read: Any, path: Path) -> tuple[Mapping[str, Tensor], str]:
    notes = []
    while isinstance(read, Mapping) and not _is_state(read):
        key = next((key for key in WRAPPERS if isinstance(read.get(key), Mapping)), None)
        if key is None:
            break
        read = read[key]
        notes.append(f"weights found under '{key}'")
    if not isinstance(read, Mapping) or not _is_state(read):
        raise ModelError(
            f"{path}: holds no state_dict, a tensor for each name; save model.state_dict() alone"
        )
    own = any(name.startswith(_PARALLEL) for name in network.state_dict())
    if not own and all(name.startswith(_PARALLEL) for name in read):
        read = {name.removeprefix(_PARALLEL): value for name, value in read.items()}
        notes.append(f"'{_PARALLEL}' taken off all names")
    return read, ", ".join(notes)


def _is_state(read: Mapping[Any, Any]) -> bool:
    return len(read) > 0 and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in read.items()
    )

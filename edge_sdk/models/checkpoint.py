"""Model files: safetensors with the network's description inside. Nothing is ever unpickled."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor, nn

from edge_sdk.errors import InputError, ModelError
from edge_sdk.models.architecture import (
    ARCHITECTURES,
    build,
    config_from,
    config_json,
    outline,
)
from edge_sdk.models.network import Network, NetworkConfig
from edge_sdk.outputs import replacing
from edge_sdk.quantization.scheme import Scheme, scheme_from_json
from edge_sdk.renamed import with_current_names

FORMAT = "edge-sdk-model"
VERSION = 2
OLD_VERSION = 1
"""Files of this version differ by names of keys alone."""
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checkpoint:
    """A model read from a file.

    Attributes:
        model: the network in evaluation mode, float32.
        path: where it came from.
        scheme: its quantization, if it was quantized.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig
        >>> from edge_sdk.models import load_checkpoint, save_checkpoint
        >>> save_checkpoint(EnhanceNet(EnhanceNetConfig(scale=3)), Path("mine.safetensors"))
        >>> checkpoint = load_checkpoint(Path("mine.safetensors"))
        >>> checkpoint.model.spec.scale, checkpoint.scheme
        (3, None)
    """

    model: Network
    path: Path
    scheme: Scheme | None = None


def save_checkpoint(model: nn.Module, path: Path | str, scheme: Scheme | None = None) -> None:
    """Write ``model`` with its description to ``path`` (safetensors); it appears whole or not.

    Args:
        model: a network of a registered architecture, fused or not.
        path: the file.
        scheme: its quantization; the weights stay float32, and their codes follow from them.

    Raises:
        ModelError: if the architecture has no description to store, or the network no longer has
            the structure that its config describes.
        OutputError: if ``path`` cannot be written.

    Example:
        >>> from pathlib import Path
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig, save_checkpoint
        >>> path = Path("mine.safetensors")
        >>> save_checkpoint(EnhanceNet(EnhanceNetConfig(widths=(8, 8), skips=())), path)
        >>> path.stat().st_size > 0
        True
    """
    from safetensors.torch import save

    if not isinstance(model, Network):
        raise ModelError(
            f"a {type(model).__name__} cannot be stored; only networks of an architecture have a "
            f"file form ({', '.join(ARCHITECTURES.names())})"
        )
    described = outline(model.config).state_dict()
    if {name: part.shape for name, part in described.items()} != {
        name: part.shape for name, part in model.state_dict().items()
    }:
        raise ModelError(
            "the network no longer has the layers that its config describes, so it has no file "
            "form; undo what was changed in it"
        )
    state = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    metadata = {"format": FORMAT, "version": str(VERSION), "config": config_json(model.config)}
    if scheme is not None:
        metadata["quantization"] = scheme.to_json()
    data = save(state, metadata)
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(data)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read a model file, checking format, version and shapes before any weight is used.

    Args:
        path: a ``.safetensors`` file that :func:`save_checkpoint` wrote.

    Returns:
        The network in evaluation mode, float32, with its int8 codes if it has any.

    Raises:
        ModelError: if the file is missing, damaged, of another format or of an architecture that
            is not installed, or its weights do not fit the network it describes.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from edge_sdk.models import EnhanceNet, EnhanceNetConfig
        >>> from edge_sdk.models import load_checkpoint, save_checkpoint
        >>> network = EnhanceNet(EnhanceNetConfig(widths=(8, 8), skips=())).eval()
        >>> save_checkpoint(network, Path("mine.safetensors"))
        >>> luma = torch.rand(1, 1, 16, 24)
        >>> torch.equal(load_checkpoint(Path("mine.safetensors")).model(luma), network(luma))
        True
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such model file; give a .safetensors file or a shipped name")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path}: not a readable safetensors file ({error}); export it again"
        ) from error
    if metadata.get("format") != FORMAT:
        raise ModelError(
            f"{path}: not an edge-sdk model file; save it with `edge-sdk train` or `fuse`"
        )
    is_old = metadata.get("version") == str(OLD_VERSION)
    if is_old:
        metadata = with_current_names(metadata)
        _LOG.warning("%s: a model file of an earlier version, read with its old keys renamed", path)
    elif metadata.get("version") != str(VERSION):
        raise ModelError(
            f"{path}: file version {metadata.get('version')} is not {VERSION}; update edge-sdk"
        )
    config = parse_config(metadata.get("config", ""), str(path), is_old=is_old)
    _check_weights(config, state, path)
    model = build(config)
    model.load_state_dict(state)
    return Checkpoint(model.eval(), path, _scheme(metadata, path))


def _scheme(metadata: dict[str, str], path: Path) -> Scheme | None:
    if "quantization" not in metadata:
        return None
    try:
        return scheme_from_json(metadata["quantization"])
    except InputError as error:
        raise ModelError(f"{path}: {error}") from error


def _check_weights(config: NetworkConfig, state: dict[str, Tensor], path: Path) -> None:
    for name, tensor in state.items():
        counts = name.endswith("num_batches_tracked")
        if not counts and not (tensor.is_floating_point() and bool(tensor.isfinite().all())):
            raise ModelError(f"{path}: {name} holds no finite real numbers; export it again")
    # On the meta device nothing is allocated, whatever sizes a foreign file describes.
    try:
        outline(config).load_state_dict(state, assign=True)
    except (InputError, RuntimeError, TypeError, OverflowError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise ModelError(f"{path}: weights do not fit the network described: {reason}") from error


def parse_config(text: str, source: str, *, is_old: bool = False) -> NetworkConfig:
    """Parse the JSON description of a network; EnhanceNet's if it names no architecture.

    Args:
        text: the JSON.
        source: what messages call it.
        is_old: whether its keys have the names of the version before.

    Raises:
        ModelError: naming ``source`` and the first key that does not fit.
    """
    try:
        value = json.loads(text)
        value = with_current_names(value) if is_old else value
        _check_architecture(value, source)
        return config_from(value)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ModelError(f"{source}: the model description is not JSON ({error})") from error
    except InputError as error:
        raise ModelError(f"{source}: model description: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "description"
        raise ModelError(f"{source}: model description, {key}: {first['msg']}") from error


def _check_architecture(value: Any, source: str) -> None:
    name = value.get("architecture") if isinstance(value, dict) else None
    try:
        if isinstance(name, str):
            ARCHITECTURES.canonical(name)
    except InputError as error:
        raise ModelError(
            f"{source}: holds a network of architecture '{name}', and known here are: "
            f"{', '.join(ARCHITECTURES.names())}; install the package that registers it, or import "
            "the module"
        ) from error

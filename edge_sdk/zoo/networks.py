"""Networks as callers need them: merged, with an input to try them on.

The merged form of a shipped model is stored beside it; a model file of the user's is merged and
proved when it is loaded.
"""

from __future__ import annotations

import contextlib
from typing import TypeVar

import torch
from torch import Tensor, fx, nn

from edge_sdk.errors import FusionError, InputError
from edge_sdk.models import Color, Network, PictureNetwork, RecognitionNet
from edge_sdk.models.recognition_merged import merged_recognition
from edge_sdk.models.spec import ModelSpec, PictureSpec, RecognitionSpec, Task
from edge_sdk.reparam import keep_branches as with_kept_branches
from edge_sdk.reparam.blocks.collapse import multi_branch_blocks
from edge_sdk.reparam.fusing import fuse
from edge_sdk.reparam.plans.kept import NO_BRANCHES
from edge_sdk.reparam.proof.certificate import Certificate
from edge_sdk.zoo.catalogue import load_model, model_names
from edge_sdk.zoo.fused_form import load_fused

AnyNetwork = TypeVar("AnyNetwork", bound=Network)

PROBE_PX = 32
LUMA_SCALE = 2
"""What a luma model enlarges by that a burst is zoomed with: the filter after it is for ×2."""


def example_input(network: Network, height: int | None = None, width: int | None = None) -> Tensor:
    """Seeded noise of the network's input shape, float32 [1, C, height, width] in [0, 1].

    Args:
        network: what the input is for.
        height: rows; 32, or the next multiple that the network takes, where they are not given.
        width: columns; the same.

    Example:
        >>> from edge_sdk import load_model
        >>> from edge_sdk.zoo import example_input
        >>> example_input(load_model("denoise_rgb"), 48, 64).shape
        torch.Size([1, 3, 48, 64])
    """
    spec, usual = network.spec, probe_px(network.spec)
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, spec.input_channels, height or usual, width or usual, generator=generator)


def probe_px(spec: ModelSpec) -> int:
    """Side of an input to try a model on: 32, or the next multiple that it takes.

    That of a model that tells classes apart is the size that it is for.
    """
    if isinstance(spec, RecognitionSpec):
        return spec.preview_px
    return -(-PROBE_PX // spec.size_multiple) * spec.size_multiple


def fused_network(network: AnyNetwork) -> AnyNetwork:
    """The network in evaluation mode with every block merged, proved equal.

    Args:
        network: with branches or without; it is left untouched.

    Raises:
        FusionError: if it is not equal, or no longer of its architecture once merged.

    Example:
        >>> from edge_sdk import load_model
        >>> from edge_sdk.zoo import fused_network
        >>> fused_network(load_model("sr_x2_y")).has_branches
        False
    """
    fused, _ = merged(network, (example_input(network),))
    if not isinstance(fused, type(network)):
        raise FusionError(
            f"the {type(network).__name__} merged beyond its blocks and has no file form; fuse it "
            "from Python"
        )
    return fused


def merged(network: nn.Module, example: tuple[Tensor, ...]) -> tuple[nn.Module, Certificate]:
    """A merged model with its certificate: a network of its architecture where that has the form.

    Args:
        network: any module.
        example: one tensor for each of its arguments.

    Raises:
        InputError: if it cannot be merged with this example.
        FusionError: if it cannot be traced or proved equal.
    """
    fused, certificate = fuse(network, example)
    if isinstance(network, RecognitionNet) and isinstance(fused, fx.GraphModule):
        with contextlib.suppress(FusionError):
            # As a graph it deploys too, where a BatchNorm is left in it.
            return merged_recognition(network, fused), certificate
    return fused, certificate


def model_spec(model: str) -> ModelSpec:
    """What a model does, be it merged or not.

    Args:
        model: shipped name, or path of a ``.safetensors`` file.

    Raises:
        ModelError: if there is no such model.
    """
    return _read(model).spec


def fused_by_name(model: str) -> Network:
    """Load a network, merged, in evaluation mode.

    Args:
        model: shipped name, or path of a ``.safetensors`` file.

    Raises:
        ModelError: if there is no such model.
        FusionError: if a file's network cannot be proved equal once merged.
    """
    return _merged(_read(model), model)


def picture_network(model: str | Network, *, keep_branches: bool = False) -> PictureNetwork:
    """Load a network that takes pictures, merged, in evaluation mode; or merge one.

    Args:
        model: shipped name, path of a ``.safetensors`` file, or a network.
        keep_branches: let its branches run as they are instead.

    Raises:
        ModelError: if there is no such model.
        InputError: if it takes bursts, makes no pictures, or has no branches to keep.
        FusionError: if a network that is not shipped cannot be proved equal once merged.
    """
    if keep_branches:
        network = _picture_maker(load_model(model) if isinstance(model, str) else model)
    else:
        network = _picture_maker(model)
    name = model if isinstance(model, str) else "this network"
    _check_takes_pictures(network.spec, name)
    if not keep_branches:
        return _merged(network, model)
    if not network.has_branches:
        raise InputError(NO_BRANCHES.format(name))
    kept, _ = with_kept_branches(network, example_input(network))
    assert isinstance(kept, PictureNetwork)
    return kept


def blocks_to_merge(model: str) -> int:
    """Number of multi-branch blocks that merge whenever a model file is used; 0 for shipped ones.

    Args:
        model: shipped name, path of a ``.safetensors`` file, or anything else, which has none.

    Raises:
        ModelError: if there is no such file.
    """
    if model in model_names() or not model.endswith(".safetensors"):
        return 0
    return len(multi_branch_blocks(load_model(model)))


def picture_spec(model: str) -> PictureSpec:
    """What a network that takes pictures does, be it merged or not.

    Args:
        model: shipped name, or path of a ``.safetensors`` file.

    Raises:
        ModelError: if there is no such model.
        InputError: if it takes bursts, or makes no pictures.
    """
    spec = _picture_maker(model).spec
    _check_takes_pictures(spec, model)
    return spec


def burst_network(model: str, scale: int) -> PictureNetwork:
    """Load a network that a burst is zoomed with, fused, in evaluation mode.

    Args:
        model: shipped name, or path of a ``.safetensors`` file: of task burst-zoom and any scale,
            or a luma model of ``scale``.
        scale: enlargement requested.

    Raises:
        ModelError: if there is no such model.
        InputError: if it is another kind of model.

    Example:
        >>> from edge_sdk import burst_network
        >>> network = burst_network("burst_zoom_x2", scale=2)
        >>> network.has_branches, str(network.spec.task)
        (False, 'burst-zoom')
    """
    network = _picture_maker(model)
    if network.spec.task == Task.BURST_ZOOM:
        return _merged(network, model)
    return luma_network(model, scale)


def luma_network(model: str, scale: int) -> PictureNetwork:
    """Load a luma model that a burst is zoomed with, fused, in evaluation mode.

    Args:
        model: shipped name, or path of a ``.safetensors`` file.
        scale: enlargement requested.

    Raises:
        ModelError: if there is no such model.
        InputError: if it is no luma model of ×2, or another enlargement is requested.
    """
    network = _picture_maker(model)
    spec = network.spec
    if scale != LUMA_SCALE or not enlarges_luma(spec):
        raise InputError(
            f"model {model} is for {spec.task} ×{spec.scale} of {spec.color}; a zoom by {scale} "
            f"needs one for burst-zoom, a luma (y) model of ×{LUMA_SCALE} at scale {LUMA_SCALE}, "
            "or none"
        )
    return _merged(network, model)


def zooms_bursts(model: str, scale: int | None = None) -> bool:
    """Whether a named model is for bursts, and enlarges them by ``scale`` if that is given.

    Raises:
        ModelError: if there is no such model.
    """
    spec = model_spec(model)
    if not isinstance(spec, PictureSpec) or spec.task != Task.BURST_ZOOM:
        return False
    return scale is None or spec.scale == scale


def enlarges_luma(spec: PictureSpec) -> bool:
    """Whether a model is a luma network that a burst can be zoomed with."""
    luma_zoom = (Task.SUPER_RESOLUTION, Color.Y, LUMA_SCALE)
    return (spec.task, spec.color, spec.scale) == luma_zoom


def _picture_maker(model: str | Network) -> PictureNetwork:
    network = _read(model) if isinstance(model, str) else model
    if not isinstance(network, PictureNetwork):
        name = model if isinstance(model, str) else "this network"
        raise InputError(
            f"{name} is a {type(network).__name__} for {network.spec.task}, which makes no "
            "pictures; name a model for pictures"
        )
    return network


def _read(model: str) -> Network:
    """A network as the smallest file of it has it: merged where it ships."""
    return load_fused(model).network if model in model_names() else load_model(model)


def _merged(network: AnyNetwork, model: str | Network) -> AnyNetwork:
    return network if model in model_names() else fused_network(network)


def _check_takes_pictures(spec: PictureSpec, name: str) -> None:
    if spec.task == Task.BURST_ZOOM:
        raise InputError(
            f"{name} takes the features of a burst, not a picture; use it by `edge-sdk zoom`"
        )

"""Networks as callers need them: fused and proved, with an input to try them on."""

from __future__ import annotations

import torch
from torch import Tensor

from edge_sdk.errors import FusionError, InputError
from edge_sdk.models import Color, EnhanceNet
from edge_sdk.models.spec import ModelSpec, Task
from edge_sdk.reparam import fuse
from edge_sdk.zoo.catalogue import resolve_model

PROBE_PX = 32
LUMA_SCALE = 2
"""What a luma model enlarges by that a burst is zoomed with: the filter after it is for ×2."""


def example_input(network: EnhanceNet, height: int = PROBE_PX, width: int = PROBE_PX) -> Tensor:
    """Seeded noise of the network's input shape, float32 [1, C, height, width] in [0, 1].

    Example:
        >>> from edge_sdk import load_model
        >>> from edge_sdk.zoo import example_input
        >>> example_input(load_model("denoise_rgb"), 48, 64).shape
        torch.Size([1, 3, 48, 64])
    """
    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, network.spec.input_channels, height, width, generator=generator)


def fused_network(network: EnhanceNet) -> EnhanceNet:
    """The network in evaluation mode with every block merged, proved equal.

    Raises:
        FusionError: if it is not equal, or no longer an EnhanceNet once merged.

    Example:
        >>> from edge_sdk import load_model
        >>> from edge_sdk.zoo import fused_network
        >>> fused_network(load_model("sr_x2_y")).has_branches
        False
    """
    fused, _ = fuse(network, example_input(network))
    if not isinstance(fused, EnhanceNet):
        raise FusionError(
            "the network merged beyond its blocks and has no file form; fuse it from Python"
        )
    return fused


def picture_network(model: str | EnhanceNet) -> EnhanceNet:
    """Load a network that takes pictures, with its branches; one that is given is looked at.

    Raises:
        ModelError: if there is no such model.
        InputError: if it takes bursts.
    """
    network = model if isinstance(model, EnhanceNet) else resolve_model(model)
    if network.spec.task is Task.BURST_ZOOM:
        name = model if isinstance(model, str) else "this network"
        raise InputError(
            f"{name} takes the features of a burst, not a picture; use it by `edge-sdk zoom`"
        )
    return network


def burst_network(model: str, scale: int) -> EnhanceNet:
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
    network = resolve_model(model)
    if network.spec.task is Task.BURST_ZOOM:
        return fused_network(network)
    return luma_network(model, scale)


def luma_network(model: str, scale: int) -> EnhanceNet:
    """Load a luma model that a burst is zoomed with, fused, in evaluation mode.

    Args:
        model: shipped name, or path of a ``.safetensors`` file.
        scale: enlargement requested.

    Raises:
        ModelError: if there is no such model.
        InputError: if it is no luma model of ×2, or another enlargement is requested.
    """
    network = resolve_model(model)
    spec = network.spec
    if scale != LUMA_SCALE or not enlarges_luma(spec):
        raise InputError(
            f"model {model} is for {spec.task} ×{spec.scale} of {spec.color}; a zoom by {scale} "
            f"needs one for burst-zoom, a luma (y) model of ×{LUMA_SCALE} at scale {LUMA_SCALE}, "
            "or none"
        )
    return fused_network(network)


def enlarges_luma(spec: ModelSpec) -> bool:
    """Whether a model is a luma network that a burst can be zoomed with."""
    luma_zoom = (Task.SUPER_RESOLUTION, Color.Y, LUMA_SCALE)
    return (spec.task, spec.color, spec.scale) == luma_zoom

"""Starting from the weights of another model, as far as they fit."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from edge_sdk.errors import InputError
from edge_sdk.models.network import Network
from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.zoo.catalogue import load_model
from edge_sdk.zoo.networks import fused_network


@dataclass(frozen=True)
class InitialWeights:
    """What a network took over from another.

    Attributes:
        model: the other, a shipped name or a file.
        taken: number of tensors taken over.
        fresh: layers that hold a tensor that was not, and start as they were initialized.

    Example:
        >>> from edge_sdk.training import InitialWeights
        >>> InitialWeights("sr_x2_y", taken=24, fresh=("reconstruct",)).fresh
        ('reconstruct',)
    """

    model: str
    taken: int
    fresh: tuple[str, ...]


def take_over(network: Network, model: str) -> InitialWeights:
    """Copy every tensor of ``model`` whose name and shape agree into ``network``, in place.

    The first and the last layer of a luma model for super-resolution become those of a network of
    red, green and blue: Y = (16 + 65.481·R + 128.553·G + 24.966·B) / 255 is computed by the first,
    and what luma gains is added to all three channels, 255/219 times as much, so that the luma of
    the result is (but for the border) what the luma model makes of the luma of the input.

    A plain network takes over the merged layers of one with branches. A kernel that is larger
    than the other's starts as that one with zeros around it, which computes the same.

    Raises:
        ModelError: if ``model`` is neither a shipped model nor a readable model file.
        InputError: if no tensor agrees.
    """
    weights = copy_weights(network, load_model(model), model)
    if not weights.taken:
        raise InputError(
            f"init {model}: none of its tensors has the name and shape of one of this network; "
            "start from a model of the same branches and widths, or leave init out"
        )
    return weights


def _plain_where(network: Network, source: Network) -> Network:
    """The source with the blocks merged that are plain convolutions in the network."""
    plain = {name for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
    blocks = {
        name: part
        for name, part in source.named_modules()
        if isinstance(part, MultiBranchConv2d) and name in plain
    }
    if not blocks:
        return source
    merged = deepcopy(source)
    for name, block in blocks.items():
        merged.set_submodule(name, block.fused())
    return merged


def _grown(kernel: Tensor, shape: torch.Size) -> Tensor:
    """A kernel [O, I, h, w] in the middle of a larger one of odd sides; anything else as it is."""
    if kernel.ndim != 4 or len(shape) != 4 or kernel.shape[:2] != shape[:2]:
        return kernel
    (height, width), (taller, wider) = kernel.shape[2:], shape[2:]
    if any(side % 2 == 0 for side in (height, width, taller, wider)):
        return kernel
    if taller < height or wider < width:
        return kernel
    rows, columns = (taller - height) // 2, (wider - width) // 2
    return functional.pad(kernel, (columns, columns, rows, rows))


@torch.no_grad()
def copy_weights(network: Network, source: Network, model: str) -> InitialWeights:
    """Copy what fits as :func:`take_over` does, which may be nothing, from a network at hand.

    Args:
        network: what receives the weights, in place.
        source: what they come from.
        model: what the source is called in the result.
    """
    if source.has_branches and not network.has_branches:
        source = fused_network(source)
    source = _plain_where(network, source)
    found = network.weights_from(source)
    taken, fresh = 0, []
    for name, tensor in network.state_dict().items():
        other = found.get(name)
        if other is not None:
            other = _grown(other, tensor.shape)
        if other is not None and other.shape == tensor.shape:
            tensor.copy_(other)
            taken += tensor.is_floating_point()
        else:
            fresh.append(name.rpartition(".")[0])
    return InitialWeights(model, taken, tuple(dict.fromkeys(fresh)))

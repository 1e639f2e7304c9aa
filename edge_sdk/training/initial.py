"""Starting from the weights of another model, as far as they fit."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from edge_sdk.errors import InputError
from edge_sdk.models.enhance_net import EnhanceNet
from edge_sdk.zoo import resolve_model


@dataclass(frozen=True)
class InitialWeights:
    """What a network took over from another.

    Attributes:
        model: the other, a shipped name or a file.
        taken: number of tensors taken over.
        fresh: layers that hold a tensor that was not, and start as they were initialised.
    """

    model: str
    taken: int
    fresh: tuple[str, ...]


@torch.no_grad()
def take_over(network: EnhanceNet, model: str) -> InitialWeights:
    """Copy every tensor of ``model`` whose name and shape agree into ``network``, in place.

    Raises:
        ModelError: if ``model`` is neither a shipped model nor a readable model file.
        InputError: if no tensor agrees.
    """
    found = resolve_model(model).state_dict()
    taken, fresh = 0, []
    for name, tensor in network.state_dict().items():
        other = found.get(name)
        if other is not None and other.shape == tensor.shape:
            tensor.copy_(other)
            taken += tensor.is_floating_point()
        else:
            fresh.append(name.rpartition(".")[0])
    if not taken:
        raise InputError(
            f"init {model}: none of its tensors has the name and shape of one of this network; "
            "start from a model of the same branches and widths, or leave init out"
        )
    return InitialWeights(model, taken, tuple(dict.fromkeys(fresh)))

"""The regularizer of claims 7 and 9: small scales and shifts of BatchNorms."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge_sdk.errors import InputError


def batch_norm_penalty(network: nn.Module) -> Tensor:
    """R = (1/n)·Σ(γ² + β²) over all scales γ and shifts β of BatchNorms, n their number together.

    Args:
        network: anything with BatchNorms that learn.

    Returns:
        Float32 [], differentiable.

    Raises:
        InputError: if the network has no BatchNorm that learns.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.training.batch_norm_penalty import batch_norm_penalty
        >>> norm = nn.BatchNorm2d(2)
        >>> norm.weight.data, norm.bias.data = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])
        >>> batch_norm_penalty(norm).item()
        3.5
    """
    found = [
        parameter
        for part in network.modules()
        if isinstance(part, nn.BatchNorm2d)
        for parameter in (part.weight, part.bias)
        if parameter is not None
    ]
    if not found:
        raise InputError("the network has no BatchNorm to regularize; leave the penalty out")
    return torch.cat([parameter.flatten() for parameter in found]).square().mean()

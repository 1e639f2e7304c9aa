"""Networks as the commands need them: fused, with an input to try them on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from edge_sdk.models import EnhanceNet

PROBE_PX = 32


def example_input(network: EnhanceNet, height: int = PROBE_PX, width: int = PROBE_PX) -> Tensor:
    """Seeded noise of the network's input shape, float32 [1, C, height, width] in [0, 1]."""
    import torch

    generator = torch.Generator().manual_seed(0)
    return torch.rand(1, network.spec.colour.channels, height, width, generator=generator)


def fused_network(network: EnhanceNet) -> EnhanceNet:
    """The network with every block merged, proved equal.

    Raises:
        FusionError: if it is not equal.
    """
    from edge_sdk.models import EnhanceNet
    from edge_sdk.reparam import fuse

    fused, _ = fuse(network, example_input(network))
    assert isinstance(fused, EnhanceNet)
    return fused

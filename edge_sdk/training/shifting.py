"""Channels that a leaky ReLU only damps, shifted to where it passes them as they are.

A network hands brightness on in channels that are never positive: f ≤ 0 becomes a·f. Their range
before the activation is then 1/a of what anything reads, and with one step per tensor all other
channels pay for it in int8. The layer f' = a·f + s, s ≥ −a·min f, is never negative, so that the
activation returns a·f + s; what reads the channel takes s off its bias. The two networks are equal
but along the border, where the zeros of the padding are not shifted: training goes on from there.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edge_sdk.models.enhance_net import LEAKY_SLOPE, EnhanceNet

POSITIVE = 0.02
"""Most that a channel may be positive, as a part of how negative it is."""
MARGIN = 1.1
"""How much farther a channel is shifted than it was seen to need."""


@torch.no_grad()
def shift_channels(network: EnhanceNet, pictures: Tensor) -> tuple[str, ...]:
    """Shift the channels that are never positive and decide the range of their layer, in place.

    Args:
        network: plain convolutions with leaky ReLUs between them.
        pictures: float32 [N, C, H, W], by which ranges are known.

    Returns:
        Names of what was shifted, such as ``features.0[2]``.
    """
    shifted = []
    for index in range(len(network.features)):
        low, high = _ranges(network, index, pictures)
        for channel in torch.argsort(low).tolist():
            others = [other for other in range(len(low)) if other != channel]
            rest = torch.cat((low[others].abs(), high[others].abs()))
            never = bool(high[channel] <= -POSITIVE * low[channel])
            if not never or not others or bool(-low[channel] <= rest.max()):
                break
            shift = -LEAKY_SLOPE * MARGIN * float(low[channel])
            _shift(network, index, channel, shift)
            shifted.append(f"features.{index}[{channel}]")
            low[channel], high[channel] = 0.0, shift
    return tuple(shifted)


def _ranges(network: EnhanceNet, index: int, pictures: Tensor) -> tuple[Tensor, Tensor]:
    seen: list[Tensor] = []
    handle = network.features[index].register_forward_hook(lambda *call: seen.append(call[2]))
    network(pictures)
    handle.remove()
    return seen[0].amin((0, 2, 3)), seen[0].amax((0, 2, 3))


def _shift(network: EnhanceNet, index: int, channel: int, shift: float) -> None:
    layer = _plain(network.features[index])
    layer.weight[channel] *= LEAKY_SLOPE
    assert layer.bias is not None
    layer.bias[channel] = LEAKY_SLOPE * layer.bias[channel] + shift
    sums = [second for first, second in network.config.skips if first == index]
    for reader in {index + 1, *(second + 1 for second in sums)}:
        last = reader == len(network.features)
        conv = _plain(network.reconstruct if last else network.features[reader])
        assert conv.bias is not None
        conv.bias -= shift * conv.weight[:, channel].sum((1, 2))


def _plain(layer: nn.Module) -> nn.Conv2d:
    assert isinstance(layer, nn.Conv2d)
    return layer

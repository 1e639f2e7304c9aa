"""Recognition networks with drawn weights that could have come from training."""

from __future__ import annotations

import torch
from torch import nn

from edge_sdk.models import RecognitionNet, recognition_preset


def seeded_network(
    classes: tuple[str, ...],
    mean: tuple[float, ...] = (),
    std: tuple[float, ...] = (),
    seed: int = 0,
) -> RecognitionNet:
    """Preset ``tiny``, in evaluation mode: scales above 0, running figures that are not 0 and 1."""
    from dataclasses import replace

    torch.manual_seed(seed)
    config = replace(recognition_preset("tiny", classes), mean=mean, std=std)
    network = RecognitionNet(config).eval()
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.weight.data.uniform_(0.3, 1.7)
            part.bias.data.normal_(0, 0.3)
            part.running_mean.normal_(0, 0.3)  # type: ignore[union-attr]
            part.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    return network

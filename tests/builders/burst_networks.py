"""A network for bursts that is small enough to be converted in a test."""

from __future__ import annotations

from pathlib import Path

import torch

from edge_sdk.models import EnhanceNet, EnhanceNetConfig, save_checkpoint
from edge_sdk.models.spec import Color, Task


def small_network(folder: Path) -> Path:
    torch.manual_seed(0)
    config = EnhanceNetConfig(
        task=Task.BURST_ZOOM,
        color=Color.RGB,
        widths=(8, 8),
        branches=None,
        activation="relu",
        skips=((0, 1),),
    )
    network = EnhanceNet(config).eval()
    with torch.no_grad():
        network.reconstruct.weight.mul_(0.1)  # type: ignore[operator]
    path = folder / "small.safetensors"
    save_checkpoint(network, path)
    return path

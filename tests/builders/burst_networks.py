"""A network for bursts, and stages, that are small enough to be converted in a test."""

from __future__ import annotations

from pathlib import Path

import torch

from edge_sdk.burst.converted.graphs import StageSizes
from edge_sdk.models import EnhanceNet, EnhanceNetConfig, save_checkpoint
from edge_sdk.models.spec import Color, Task

SMALL_SIZES = StageSizes(
    scored_px=48,
    smoothed_px=48,
    halved_px=24,
    surrounded_px=24,
    expanded_px=48,
    searched_px=3,
    searched_length=300,
    aligned_blocks=16,
    encoded_px=24,
    decoded_px=16,
)
"""Less than a picture of any test takes, so that every stage runs several times."""
BUNDLE_SIZES = StageSizes(
    scored_px=96,
    smoothed_px=96,
    halved_px=48,
    surrounded_px=48,
    expanded_px=96,
    searched_px=5,
    searched_length=900,
    aligned_blocks=64,
    encoded_px=80,
    decoded_px=56,
)
"""So much that a golden burst takes a few runs of each stage."""


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

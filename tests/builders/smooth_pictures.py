"""Pictures for tests of quantization."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def smooth_pictures(count: int, seed: int, size: int = 24, channels: int = 1) -> list[Tensor]:
    """Blurred noise over the whole range, in 8-bit steps like what a camera hands over."""
    generator = torch.Generator().manual_seed(seed)
    pictures = []
    for _ in range(count):
        noise = torch.rand(1, channels, size + 8, size + 8, generator=generator)
        smooth = nn.functional.avg_pool2d(noise, 5, 1)[:, :, :size, :size]
        low, high = smooth.amin(), smooth.amax()
        pictures.append((((smooth - low) / (high - low)) * 255).round() / 255)
    return pictures

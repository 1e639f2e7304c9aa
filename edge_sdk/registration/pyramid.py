"""Gaussian pyramids and the search for whole-pixel shifts on their coarsest level."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

MIN_OVERLAP = 0.4
"""Least share of the picture that both frames must show for a shift to be considered."""
TIE = 1e-5
"""Gain in correlation, per pixel of shift, that counts as none."""


def gaussian_blur(images: Tensor, std_px: float) -> Tensor:
    """Blur [N, C, H, W] by a Gaussian of standard deviation ``std_px``; edges are replicated."""
    if std_px <= 0:
        return images
    radius = max(1, math.ceil(3 * std_px))
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-0.5 * (offsets / std_px) ** 2)
    weights = weights / weights.sum()
    channels = images.shape[1]
    row = weights.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    column = weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    padded = functional.pad(images, (radius, radius, 0, 0), mode="replicate")
    blurred = functional.conv2d(padded, row, groups=channels)
    padded = functional.pad(blurred, (0, 0, radius, radius), mode="replicate")
    return functional.conv2d(padded, column, groups=channels)


def build_pyramid(images: Tensor, smallest_px: int) -> list[Tensor]:
    """Halve [N, 1, H, W] until the shorter side would fall under ``smallest_px``; finest first.

    Each level averages 2×2 pixels of the one below after a slight blur. Of an odd size the last
    row or column is dropped, which moves the centre by half a pixel: a motion with rotation R
    changes by (R − 1)·½ px, nothing for the starting value that a coarse level gives.
    """
    levels = [images]
    while min(levels[-1].shape[-2:]) // 2 >= smallest_px:
        levels.append(_halve(levels[-1]))
    return levels


def _halve(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    even = images[..., : height - height % 2, : width - width % 2]
    return functional.avg_pool2d(gaussian_blur(even, 0.7), 2)


def search_shift(reference: Tensor, frames: Tensor, reach_px: int) -> tuple[Tensor, Tensor]:
    """Best whole-pixel shift of each frame by normalised cross-correlation over the overlap.

    Of equal correlations, as flat pictures have them, the smallest shift wins.

    Args:
        reference: float [1, 1, H, W].
        frames: float [N, 1, H, W].
        reach_px: largest shift tried in each direction.

    Returns:
        Shifts float [N, 2] as (x, y), reference to frame, and their correlation [N] in [−1, 1].
    """
    height, width = reference.shape[-2:]
    reach_x, reach_y = min(reach_px, width - 1), min(reach_px, height - 1)
    pad = (reach_x, reach_x, reach_y, reach_y)
    template = reference - reference.mean()
    ones = torch.ones_like(template)
    inside = functional.pad(ones, pad)
    shifted = functional.pad(frames - frames.mean((-2, -1), keepdim=True), pad)
    count = functional.conv2d(inside, ones)
    template_sum = functional.conv2d(inside, template)
    template_square = functional.conv2d(inside, template * template)
    frame_sum = functional.conv2d(shifted, ones)
    frame_square = functional.conv2d(shifted * shifted, ones)
    cross = functional.conv2d(shifted, template)
    covariance = cross - template_sum * frame_sum / count
    variance = (template_square - template_sum**2 / count) * (frame_square - frame_sum**2 / count)
    correlation = covariance / variance.clamp_min(1e-12).sqrt()
    correlation = correlation.masked_fill(count < MIN_OVERLAP * height * width, -1.0)[:, 0]
    rows = torch.arange(correlation.shape[-2], device=correlation.device) - reach_y
    across = torch.arange(correlation.shape[-1], device=correlation.device) - reach_x
    distance = torch.hypot(rows[:, None].float(), across[None, :].float())
    index = (correlation - TIE * distance).flatten(1).argmax(dim=1)
    best = correlation.flatten(1).gather(1, index[:, None])[:, 0]
    columns = correlation.shape[-1]
    shifts = torch.stack((index % columns - reach_x, index // columns - reach_y), dim=-1)
    return shifts.to(frames.dtype), best

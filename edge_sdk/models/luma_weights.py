"""Weights of a luma network for super-resolution as those of one of red, green and blue."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from edge_sdk.imaging import rgb_to_ycbcr
from edge_sdk.models.spec import Color, PictureSpec, Task


def is_luma_of(source: PictureSpec, wanted: PictureSpec) -> bool:
    """Whether ``source`` does to luma what ``wanted`` does to red, green and blue."""
    same = (source.task, source.scale) == (wanted.task, wanted.scale)
    colors = (source.color, wanted.color) == (Color.Y, Color.RGB)
    return same and colors and source.task == Task.SUPER_RESOLUTION


def spread_over_channels(
    state: Mapping[str, Tensor], shapes: Mapping[str, torch.Size]
) -> dict[str, Tensor]:
    """Tensors of a luma EnhanceNet with those of its ends for three channels.

    Y = (16 + 65.481·R + 128.553·G + 24.966·B) / 255 is computed by the first layer, and what luma
    gains is added to all three channels, 255/219 times as much.

    Args:
        state: the luma network's tensors by name.
        shapes: of the tensors of the network of three channels, by name.
    """
    colors = torch.cat((torch.zeros(3, 1), torch.eye(3)), 1)[:, None]
    black, *others = rgb_to_ycbcr(colors)[0, 0]
    share = torch.stack(others) - black
    gain = 1 / float(share.sum())
    spread = dict(state)
    for name, tensor in state.items():
        shape = shapes.get(name)
        if shape is None or shape == tensor.shape:
            continue
        if name.startswith("features.0.") and tensor.ndim == 4 and tensor.shape[1] == 1:
            spread[name] = tensor * share.view(1, 3, 1, 1)
            bias = name.removesuffix("weight") + "bias"
            spread[bias] = spread[bias] + black * tensor.sum((1, 2, 3))
        elif name.startswith("reconstruct.") and shape[0] == 3 * tensor.shape[0]:
            # PixelShuffle takes the sub-pixels of one channel after those of another.
            spread[name] = gain * torch.cat((tensor,) * 3)
    return spread

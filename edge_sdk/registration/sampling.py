"""Reading a picture between its pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def sample_bicubic(image: Tensor, points: Tensor) -> Tensor:
    """Cubic convolution (Keys 1981, a = −0.5) of one picture at arbitrary points.

    Args:
        image: float [C, H, W]; beyond its edge the nearest pixel counts.
        points: float [..., 2], centred (x, y) in pixels of ``image``.

    Returns:
        Float [C, ...]: exact for quadratic pictures.
    """
    channels, height, width = image.shape
    x = points[..., 0] + (width - 1) / 2
    y = points[..., 1] + (height - 1) / 2
    left, top = x.floor(), y.floor()
    weights_x, weights_y = _keys(x - left), _keys(y - top)
    flat = image.reshape(channels, -1)
    total = torch.zeros((channels, *x.shape), dtype=image.dtype, device=image.device)
    columns = [(left.long() + tap - 1).clamp(0, width - 1) for tap in range(4)]
    for row in range(4):
        start = (top.long() + row - 1).clamp(0, height - 1) * width
        line = torch.zeros_like(total)
        for column in range(4):
            line += flat[:, start + columns[column]] * weights_x[column]
        total += line * weights_y[row]
    return total


def sample_frames(frames: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Bicubic values of a batch of pictures, each at its own points, and which lie inside.

    Fast and differentiable; ``torch.nn.functional.grid_sample`` with its kernel (a = −0.75).

    Args:
        frames: float [N, C, H, W].
        points: float [N, P, 2], centred (x, y) in pixels.

    Returns:
        Values float [N, C, P], and bool [N, P]: true where the point lies on the picture.
    """
    height, width = frames.shape[-2:]
    span = torch.tensor([width / 2, height / 2], dtype=points.dtype, device=points.device)
    grid = (points / span)[:, None]
    values = functional.grid_sample(
        frames, grid.to(frames.dtype), mode="bicubic", padding_mode="border", align_corners=False
    )[:, :, 0]
    limit = span - 0.5
    inside = (points.abs() <= limit).all(-1)
    return values, inside


def _keys(fraction: Tensor) -> list[Tensor]:
    t = fraction
    return [
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    ]

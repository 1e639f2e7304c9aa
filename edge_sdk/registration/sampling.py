"""Reading a picture between its pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MIN_DEPTH = 0.1
"""Points that a perspective motion takes further away, or behind the camera, count as this far."""


def sample_bicubic(image: Tensor, points: Tensor) -> Tensor:
    """Cubic convolution (Keys 1981, a = −0.5) of one picture at arbitrary points.

    Args:
        image: float [C, H, W]; beyond its edge the nearest pixel counts.
        points: float [..., 2], centered (x, y) in pixels of ``image``.

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
    """Cubic convolution of a batch of pictures, each at its own points, and which lie inside.

    The kernel of :func:`sample_bicubic`, a = −0.5. That of ``torch.nn.functional.grid_sample``,
    a = −0.75, is not exact for a plane: motions found with it are biased by up to 0.05 px.

    Args:
        frames: float [N, C, H, W]; beyond the edge the nearest pixel counts.
        points: float [N, P, 2], centered (x, y) in pixels.

    Returns:
        Values float [N, C, P], and bool [N, P]: true where the point lies on the picture.
    """
    count, channels, height, width = frames.shape
    span = points.new_tensor([width - 1, height - 1]) / 2
    inside = (points.abs() <= span).all(-1)
    # Further out than two pixels nothing changes any more; the padding holds every tap.
    padded = functional.pad(frames, (4, 4, 4, 4), mode="replicate")
    flat, stride = padded.flatten(2), width + 8
    x, y = (points.clamp(-span - 2, span + 2) + span).unbind(-1)
    left, top = x.floor(), y.floor()
    weights_x = _keys((x - left).to(frames.dtype))
    weights_y = _keys((y - top).to(frames.dtype))
    start = (top.long() + 3) * stride + left.long() + 3
    total = frames.new_zeros(count, channels, points.shape[1])
    for row in range(4):
        line = torch.zeros_like(total)
        for column in range(4):
            index = (start + (row * stride + column))[:, None].expand_as(total)
            line += flat.gather(2, index) * weights_x[column][:, None]
        total += line * weights_y[row][:, None]
    return total, inside


def _keys(fraction: Tensor) -> list[Tensor]:
    t = fraction
    return [
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    ]


def sample_linear(
    frames: Tensor, matrices: Tensor, points: Tensor, offsets_px: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Bilinear interpolation of a batch of one-channel pictures, each moved by its own motion.

    Args:
        frames: float32 [N, 1, H, W]; beyond the edge the nearest pixel counts.
        matrices: float64 [N, 3, 3], motions.
        points: float32 [P, 2], centered (x, y) in pixels.
        offsets_px: float32 [N, 2, P], added to the moved points; ``None`` for nothing.

    Returns:
        Values float32 [N, P], and float32 [N, P]: 1 where the point lies on the picture, else 0.
    """
    height, width = frames.shape[-2:]
    count, span = len(frames), [max(width - 1, 1) / 2, max(height - 1, 1) / 2]
    scaled = matrices / matrices.new_tensor([*span, 1.0])[:, None]
    raised = functional.pad(points, (0, 1), value=1.0).T
    # Planes of x and of y, in units of half the picture: the sampler is fastest on those.
    moved = (scaled[:, :2].reshape(-1, 3).float() @ raised).view(count, 2, -1)
    if bool((matrices[:, 2, :2] != 0).any()):
        depth = scaled[:, 2:].reshape(-1, 3).float() @ raised
        moved = moved / depth.clamp_min(MIN_DEPTH)[:, None]
    if offsets_px is not None:
        moved = moved + offsets_px / moved.new_tensor(span)[:, None]
    values = functional.grid_sample(
        frames, moved.permute(0, 2, 1)[:, None], padding_mode="border", align_corners=True
    )
    return values[:, 0, 0], (moved.abs().amax(1) <= 1.0).float()

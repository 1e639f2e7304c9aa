"""Scenes that repeat, with and without one thing that does not, as a noisy camera sees them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.registration import EuclideanMotion, transform
from edge_sdk.registration.motion import centered_grid

HEIGHT, WIDTH = 120, 160
NOISE_STD = 4 / 255
THING_PX = 24.0
"""Side of the thing that repeats nowhere."""
PERIODS = (5.0, 8.0, 13.0, 21.0, 40.0)
SUPERSAMPLED = 4

Scene = Callable[[Tensor, float], Tensor]


def sine(points: Tensor, period_px: float) -> Tensor:
    x, y = (2 * math.pi / period_px * points).unbind(-1)
    return 0.5 + 0.4 * torch.sin(x) * torch.sin(y)


def checkerboard(points: Tensor, period_px: float) -> Tensor:
    dark = (points / (period_px / 2)).floor().sum(-1) % 2
    return 0.15 + 0.7 * dark


def facade(points: Tensor, period_px: float) -> Tensor:
    """Rows of windows, one and a half times as far apart as they are from side to side."""
    cell = points / points.new_tensor([period_px, 1.5 * period_px])
    x, y = (cell - cell.floor()).unbind(-1)
    window = (x > 0.25) & (x < 0.75) & (y > 0.2) & (y < 0.7)
    bar = window & ((x - 0.5).abs() < 0.06)
    return 0.7 - 0.5 * window.to(points.dtype) + 0.3 * bar.to(points.dtype)


def stripes(points: Tensor, period_px: float) -> Tensor:
    """Blinds, which repeat in one direction and are the same all along the other."""
    phase = points[..., 1] / period_px
    return 0.2 + 0.6 * (phase - phase.floor() > 0.4).to(points.dtype)


SCENES: dict[str, Scene] = {
    "sine": sine,
    "checkerboard": checkerboard,
    "facade": facade,
    "stripes": stripes,
}


def thing(points: Tensor) -> Tensor:
    """Waves in two directions, within [0, 1], that have none of the periods."""
    x, y = points.unbind(-1)
    return 0.5 + 0.25 * torch.sin(0.61 * x + 0.3 * y) + 0.2 * torch.cos(0.43 * y - 0.17 * x + 1.0)


@dataclass(frozen=True)
class Chart:
    """A scene that repeats.

    Attributes:
        name: key of ``SCENES``.
        period_px: its period.
        thing_px: side of the thing that repeats nowhere, a little off the middle; 0 for none.
        height: rows of a frame.
        width: columns of a frame.
    """

    name: str
    period_px: float
    thing_px: float = 0.0
    height: int = HEIGHT
    width: int = WIDTH

    def seen(self, motion: EuclideanMotion, noise_std: float = NOISE_STD, seed: int = 0) -> Tensor:
        """Frame float32 [1, H, W] that shows at M·p what the reference shows at p, in 8 bits."""
        fine = centered_grid(
            SUPERSAMPLED * self.height,
            SUPERSAMPLED * self.width,
            step=1 / SUPERSAMPLED,
            like=torch.zeros((), dtype=torch.float64),
        )
        points = transform(torch.linalg.inv(motion.matrix), fine.reshape(-1, 2)).reshape(fine.shape)
        value = SCENES[self.name](points, self.period_px)
        center = points.new_tensor([9.0, -6.0])
        within = ((points - center).abs() < self.thing_px / 2).all(-1)
        value = torch.where(within, thing(points), value).float()
        picture = torch.nn.functional.avg_pool2d(value[None], SUPERSAMPLED)
        generator = torch.Generator().manual_seed(seed)
        noise = noise_std * torch.randn(picture.shape, generator=generator)
        return ((picture + noise) * 255).round().clamp(0, 255) / 255


def hand_motion(seed: int, shift_px: float = 6.0, angle_deg: float = 0.4) -> EuclideanMotion:
    """A motion of a hand: uniform within ± ``shift_px`` and ± ``angle_deg``."""
    x, y, angle = (2 * torch.rand(3, generator=torch.Generator().manual_seed(seed)) - 1).tolist()
    return EuclideanMotion(shift_px * x, shift_px * y, angle_deg * angle)

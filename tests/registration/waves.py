"""A textured scene that is known at every point of the plane, and frames that look at it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from edge_sdk.registration.motion import centered_grid

HEIGHT, WIDTH = 128, 160
LONGEST_PX, SHORTEST_PX = 40.0, 6.0
WAVES = 60


def scene(points: Tensor) -> Tensor:
    """Plane waves of random direction and phase, about [0, 1], at float64 [..., 2]."""
    generator = torch.Generator().manual_seed(5)
    draws = torch.rand(3, WAVES, generator=generator, dtype=torch.float64)
    length = SHORTEST_PX * (LONGEST_PX / SHORTEST_PX) ** draws[0]
    angle, phase = 2 * math.pi * draws[1], 2 * math.pi * draws[2]
    direction = torch.stack((angle.cos(), angle.sin()))
    waves = torch.cos(2 * math.pi * (points @ direction) / length + phase)
    return 0.5 + 0.15 * waves.sum(-1) / math.sqrt(WAVES / 2)


def grid() -> Tensor:
    return centered_grid(HEIGHT, WIDTH, like=torch.zeros((), dtype=torch.float64))


def view(to_scene: Callable[[Tensor], Tensor] | None = None, noise_std: float = 0.0) -> Tensor:
    """Frame float32 [1, H, W] that shows at p what the scene shows at ``to_scene(p)``."""
    points = grid()
    picture = scene(points if to_scene is None else to_scene(points)).float()[None]
    return picture + noise_std * torch.randn(picture.shape)

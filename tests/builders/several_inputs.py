"""A network of a picture, a map and a vector, as conditioned restoration has them."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conditioned(nn.Module):
    """Two feature maps added, scaled by channel from a vector; a picture and a vector come out."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.of_picture = nn.Conv2d(3, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.of_map = nn.Conv2d(1, width, 3, padding=1)
        self.of_vector = nn.Linear(5, width)
        self.last = nn.Conv2d(width, 3, 1)

    def forward(self, picture: Tensor, level: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
        """Shapes [1, 3, H, W], [1, 1, H, W] and [1, 5] to [1, 3, H, W] and [1, width]."""
        features = torch.relu(self.norm(self.of_picture(picture)) + self.of_map(level))
        features = features * self.of_vector(vector)[:, :, None, None]
        return self.last(features), features.mean((2, 3))


def conditioned(width: int = 8) -> nn.Module:
    """The network, seeded, with statistics of its own in the norm."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Conditioned(width)
        network.norm.running_mean = torch.randn(width) * 0.1
        network.norm.running_var = torch.rand(width) + 0.5
    return network.eval()


def inputs(seed: int = 0, side: int = 16) -> tuple[Tensor, ...]:
    """Seeded noise of its shapes."""
    draw = torch.Generator().manual_seed(seed)
    shapes = ((1, 3, side, side), (1, 1, side, side), (1, 5))
    return tuple(torch.rand(shape, generator=draw) for shape in shapes)

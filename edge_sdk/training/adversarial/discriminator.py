"""The network that tells true pictures from made ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import leaky_relu

SLOPE = 0.2


class Discriminator(nn.Module):
    """Convolutions 4×4 with stride 2 and leaky ReLUs, then one of 3×3 to a map of logits.

    It has no BatchNorm, whose statistics would tell a batch of true pictures from one of made ones,
    and no fully connected layer: each logit judges a part of the picture, of any size.

    Args:
        channels: of what it judges; with those of a condition that stands beside it.
        widths: channels after each convolution.

    Example:
        >>> import torch
        >>> from edge_sdk.training.adversarial.discriminator import Discriminator
        >>> logits, features = Discriminator(3, (8, 16))(torch.rand(2, 3, 32, 48))
        >>> logits.shape, len(features)
        (torch.Size([2, 1, 8, 12]), 2)
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        sides = (channels, *widths)
        self.features = nn.ModuleList(
            nn.Conv2d(before, after, 4, 2, padding=1) for before, after in pairwise(sides)
        )
        self.verdict = nn.Conv2d(sides[-1], 1, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Judge pictures.

        Args:
            x: float [N, C, H, W] in [0, 1], sides of 2 to the number of convolutions or more.

        Returns:
            Logits float [N, 1, h, w], above 0 for true, and the features of every layer.
        """
        features = []
        for layer in self.features:
            x = leaky_relu(layer(x), SLOPE)
            features.append(x)
        logits: Tensor = self.verdict(x)
        return logits, features

"""Noise of one frame: for each color, a curve over level."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edge_sdk.burst.stages.noise_map import LEVELS, LUMA_SHARES, white_noise


@dataclass(frozen=True, eq=False)
class Noise:
    """Noise of one frame on sRGB-encoded values in [0, 1], at the levels ``LEVELS``.

    Attributes:
        std: float64 [3, K], standard deviation of a pixel of red, green, blue.
        coarse_std: float64 [3, K], three times that of a mean of 3×3 pixels: the same where noise
            is white, more where neighbors go along.
        typical_std: that of luma, from ``coarse_std``, over the levels that the picture has.

    Example:
        >>> from edge_sdk.burst.noise.curve import Noise
        >>> noise = Noise.white(8 / 255)
        >>> round(255 * noise.typical_std, 3), noise.is_white
        (8.0, True)
    """

    std: Tensor
    coarse_std: Tensor
    typical_std: float

    @classmethod
    def white(cls, std: float) -> Noise:
        """The same at all levels and in all colors, and neighbors do not go along."""
        flat = torch.full((3, len(LEVELS)), std, dtype=torch.float64)
        return cls(flat, flat, std)

    @property
    def is_white(self) -> bool:
        """Whether one number says all."""
        return bool((self.std == self.typical_std).all() and (self.coarse_std == self.std).all())

    def tensor(self) -> Tensor:
        """As stages take it: float32 [1, 3, K, 2]."""
        if self.is_white:
            return white_noise(self.typical_std)
        return torch.stack((self.std, self.coarse_std), -1).float()[None]

    def limited(self, most: float) -> Noise:
        """The same, nowhere more than ``most``."""
        return Noise(
            self.std.clamp_max(most), self.coarse_std.clamp_max(most), min(self.typical_std, most)
        )


def luma_std(by_color: Tensor) -> float:
    """Noise of luma for that of colors, float64 [3], as noise of equal colors would give it."""
    return math.sqrt(float(by_color.square() @ torch.tensor(LUMA_SHARES, dtype=torch.float64)))

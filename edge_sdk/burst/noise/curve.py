"""Noise of one frame: for each color, a curve over level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from edge_sdk.burst.stages.noise_map import LEVELS, LUMA_SHARES
from edge_sdk.errors import InputError

_EVEN_LEVELS = 101


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

    @classmethod
    def at_levels(
        cls,
        levels: Sequence[float],
        std: Sequence[Sequence[float]],
        coarse_std: Sequence[Sequence[float]] | None = None,
    ) -> Noise:
        """Noise known at other levels, brought to ``LEVELS``: linear between, held beyond the ends.

        ``typical_std`` is that of a picture of all levels alike; a zoom replaces it by that of its
        own picture.

        Args:
            levels: values in [0, 1], increasing, at least one.
            std: of red, green and blue at these levels, each in [0, 1].
            coarse_std: likewise, three times that of a mean of 3×3 pixels; ``None`` for white
                noise, where it is the same.

        Raises:
            InputError: of one line, if something is not so.

        Example:
            >>> from edge_sdk.burst import Noise
            >>> noise = Noise.at_levels([0.0, 1.0], [[0.01, 0.03], [0.01, 0.02], [0.01, 0.03]])
            >>> [round(value, 3) for value in noise.std[0].tolist()]
            [0.01, 0.011, 0.013, 0.015, 0.02, 0.03]
        """
        found = _checked_levels(levels)
        fine = _brought(found, std, "std")
        coarse = fine if coarse_std is None else _brought(found, coarse_std, "coarse_std")
        first = float(fine[0, 0])
        if bool((fine == first).all()) and torch.equal(fine, coarse):
            return cls.white(first)
        everywhere = coarse @ level_hats(torch.linspace(0, 1, _EVEN_LEVELS)).T
        typical = everywhere.square().mean(1).sqrt()
        return cls(fine, coarse, luma_std(typical))

    @property
    def is_white(self) -> bool:
        """Whether one number says all."""
        return bool((self.std == self.typical_std).all() and (self.coarse_std == self.std).all())

    def tensor(self) -> Tensor:
        """As stages take it: float32 [1, 3, K, 2]."""
        return torch.stack((self.std, self.coarse_std), -1).float()[None]

    def limited(self, most: float) -> Noise:
        """The same, nowhere more than ``most``."""
        return Noise(
            self.std.clamp_max(most), self.coarse_std.clamp_max(most), min(self.typical_std, most)
        )


def luma_std(by_color: Tensor) -> float:
    """Noise of luma for that of colors, float64 [3], as noise of equal colors would give it."""
    return math.sqrt(float(by_color.square() @ torch.tensor(LUMA_SHARES, dtype=torch.float64)))


def level_hats(level: Tensor) -> Tensor:
    """Weights of linear interpolation between ``LEVELS``, float64 [n, K], at levels [n]."""
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    place = level.double().clamp(levels[0], levels[-1])
    above = torch.searchsorted(levels, place, right=True).clamp(1, len(LEVELS) - 1)
    share = (place - levels[above - 1]) / (levels[above] - levels[above - 1])
    hats = torch.zeros(len(level), len(LEVELS), dtype=torch.float64)
    hats.scatter_(1, above[:, None] - 1, 1 - share[:, None])
    return hats.scatter_add_(1, above[:, None], share[:, None])


def _checked_levels(levels: Sequence[float]) -> list[float]:
    found = [float(level) for level in levels]
    if not found or not all(0 <= level <= 1 for level in found):
        raise InputError(f"levels: must be one or more numbers in [0, 1], not {found}")
    if any(low >= high for low, high in pairwise(found)):
        raise InputError(f"levels: must increase from one to the next, not {found}; sort them")
    return found


def _brought(levels: list[float], curves: Sequence[Sequence[float]], name: str) -> Tensor:
    """Curves at ``LEVELS``, float64 [3, K]."""
    lengths = [len(curve) for curve in curves]
    if lengths != [len(levels)] * 3:
        raise InputError(
            f"{name}: must be three lists (red, green, blue) of one number per level, "
            f"{len(levels)} each, not {len(lengths)} of lengths {lengths}"
        )
    for color, curve in zip(("red", "green", "blue"), curves, strict=True):
        wrong = [value for value in curve if not 0 <= value <= 1]
        if wrong:
            raise InputError(
                f"{name}: of {color} must be numbers in [0, 1], not {wrong[0]}; divide 8-bit "
                "levels by 255"
            )
    rows = [np.interp(LEVELS, levels, np.asarray(curve, float)) for curve in curves]
    return torch.from_numpy(np.stack(rows))

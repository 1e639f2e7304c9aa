"""Symmetric filters along both axes, in the form that stages on phones take."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def gaussian_taps(std: float) -> Tensor:
    """A sampled Gaussian, sum 1; a single tap if ``std`` is 0."""
    if std <= 0:
        return torch.ones(1)
    radius = max(1, math.ceil(3 * std))
    taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1.0) / std) ** 2)
    return taps / taps.sum()


def separable(x: Tensor, taps: Sequence[float]) -> Tensor:
    """Filter the last two dimensions by the same symmetric taps, where all of them lie on ``x``.

    Written as sums of shifted views: on a few channels they are faster than convolutions.

    Args:
        x: float [..., H, W].
        taps: 2·reach + 1 of them.

    Returns:
        Float [..., H − 2·reach, W − 2·reach].
    """
    reach = len(taps) // 2
    for dim in (-2, -1):
        size = x.shape[dim] - 2 * reach
        total = x.narrow(dim, reach, size) * taps[reach]
        for away in range(1, reach + 1):
            # Mirrored taps share their weight.
            pair = x.narrow(dim, reach - away, size) + x.narrow(dim, reach + away, size)
            total = _plus_share(total, pair, taps[reach + away])
        x = total
    return x


def _plus_share(total: Tensor, more: Tensor, share: float) -> Tensor:
    # Delegates take a product and a sum, not both in one; beside them one pass is faster.
    if torch.compiler.is_compiling():
        return total + more * share
    return total.add_(more, alpha=share)

"""Figures of residuals that outliers do not move."""

from __future__ import annotations

import torch
from torch import Tensor

MEDIAN_POINTS = 2048
"""Residuals from which a median is taken."""
NORMAL = 1.4826
"""Standard deviation of normal values over the median of their absolutes."""


def robust_std(residual: Tensor, inside: Tensor) -> Tensor:
    """Standard deviation [N] by the median of absolute residuals [N, P] that count."""
    return (NORMAL * median_of(residual.abs(), inside)).clamp_min(1e-5)


def median_of(values: Tensor, inside: Tensor) -> Tensor:
    """Median [N] of some of the values [N, P] that count; 0 if none does."""
    median: Tensor = _counting(values, inside).nanmedian(dim=-1).values.nan_to_num(0.0)
    return median


def quantile_of(values: Tensor, inside: Tensor, share: float) -> Tensor:
    """Quantile [N] of some of the values [N, P] that count; 0 if none does."""
    return _counting(values, inside).nanquantile(share, dim=-1).nan_to_num(0.0)


def _counting(values: Tensor, inside: Tensor) -> Tensor:
    stride = -(-values.shape[1] // MEDIAN_POINTS)
    return values[:, ::stride].masked_fill(inside[:, ::stride] == 0, torch.nan)

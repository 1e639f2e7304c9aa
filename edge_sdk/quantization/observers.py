"""How a range for the int8 codes is chosen from what calibration saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.quantization.calibrate import Histogram
from edge_sdk.quantization.scheme import Affine, affine

Observer = Literal["min-max", "percentile", "mse"]
OBSERVERS: tuple[str, ...] = get_args(Observer)

TAIL = 1e-4
"""Part of the values that ``percentile`` leaves out at each end."""
Activation = Callable[[Tensor], Tensor]
"""From values to values of the same shape, one by one."""
_SHRINKS = torch.linspace(1.0, 0.3, 29, dtype=torch.float64).tolist()


def choose_codes(
    histogram: Histogram, observer: Observer, read_by: Activation | None = None
) -> Affine:
    """Codes for one set of values.

    ``min-max`` covers all that was seen; ``percentile`` leaves out a part of 10⁻⁴ at each end;
    ``mse`` takes, of 29 shrunken ranges at each end, the pair with the least expected squared
    error Σ n_b (a(x_b) − a(x̂_b))² over the histogram, clipped values included; a is the activation
    that alone reads the values, so that what it damps may be coarse.

    Args:
        histogram: what calibration saw of the values.
        observer: how to choose.
        read_by: a, for ``mse``; ``None`` where something else reads them.

    Raises:
        InputError: if the observer is unknown.
    """
    if observer == "min-max":
        return affine(histogram.low, histogram.high)
    if observer == "percentile":
        return _percentile(histogram)
    if observer == "mse":
        return _least_error(histogram, read_by)
    raise InputError(f"unknown observer '{observer}'; choose one of: {', '.join(OBSERVERS)}")


def _percentile(histogram: Histogram) -> Affine:
    below = torch.cumsum(histogram.counts, 0) / histogram.counts.sum().clamp_min(1)
    inside = (
        (below >= TAIL) & (below - histogram.counts / histogram.counts.sum() <= 1 - TAIL)
    ).nonzero()
    centers = histogram.centers
    half = (histogram.high - histogram.low) / len(centers) / 2
    low, high = centers[int(inside[0])] - half, centers[int(inside[-1])] + half
    return affine(float(low), float(high))


def _least_error(histogram: Histogram, read_by: Activation | None) -> Affine:
    occupied = histogram.counts > 0
    values, weights = histogram.centers[occupied], histogram.counts[occupied]
    after = read_by or torch.clone
    exact = after(values)

    def error(codes: Affine) -> float:
        return float((weights * (exact - after(codes.rounded(values))).square()).sum())

    low, high = min(histogram.low, 0.0), max(histogram.high, 0.0)
    best = affine(low, high)
    least = error(best)
    # One end after the other, twice: the error is smooth enough for that.
    for _ in range(2):
        for end in (0, 1):
            for shrink in _SHRINKS:
                ends = (low * shrink, best.high) if end == 0 else (best.low, high * shrink)
                candidate = affine(*ends)
                if (found := error(candidate)) < least:
                    best, least = candidate, found
    return best

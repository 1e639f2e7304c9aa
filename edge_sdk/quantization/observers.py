"""How a range for the int8 codes is chosen from what calibration saw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from edge_sdk.errors import InputError
from edge_sdk.quantization.calibrate import Seen
from edge_sdk.quantization.scheme import Affine, affine

Observer = Literal["min-max", "percentile", "mse"]
OBSERVERS: tuple[str, ...] = get_args(Observer)

TAIL = 1e-4
"""Part of the values that ``percentile`` leaves out at each end."""
Activation = Callable[[Tensor], Tensor]
"""From values to values of the same shape, one by one."""
_SHRINKS = torch.linspace(1.0, 0.3, 29, dtype=torch.float64).tolist()


def choose_codes(seen: Seen, observer: Observer, read_by: Activation | None = None) -> Affine:
    """Codes for one set of values.

    ``min-max`` covers all that was seen; ``percentile`` leaves out a part of 10⁻⁴ at each end;
    ``mse`` takes, of 29 shrunken ranges at each end, the pair with the least expected squared
    error Σ n_b (a(x_b) − a(x̂_b))² over the histogram, clipped values included; a is the activation
    that alone reads the values, so that what it damps may be coarse.

    Args:
        seen: what calibration saw of the values.
        observer: how to choose.
        read_by: a, for ``mse``; ``None`` where something else reads them.

    Raises:
        InputError: if the observer is unknown.
    """
    if observer == "min-max":
        return affine(seen.low, seen.high)
    if observer == "percentile":
        return _percentile(seen)
    if observer == "mse":
        return _least_error(seen, read_by)
    raise InputError(f"unknown observer '{observer}'; choose one of: {', '.join(OBSERVERS)}")


def _percentile(seen: Seen) -> Affine:
    below = torch.cumsum(seen.counts, 0) / seen.counts.sum().clamp_min(1)
    inside = ((below >= TAIL) & (below - seen.counts / seen.counts.sum() <= 1 - TAIL)).nonzero()
    centers = seen.centers
    half = (seen.high - seen.low) / len(centers) / 2
    low, high = centers[int(inside[0])] - half, centers[int(inside[-1])] + half
    return affine(float(low), float(high))


def _least_error(seen: Seen, read_by: Activation | None) -> Affine:
    occupied = seen.counts > 0
    values, weights = seen.centers[occupied], seen.counts[occupied]
    after = read_by or torch.clone
    exact = after(values)

    def error(codes: Affine) -> float:
        return float((weights * (exact - after(codes.rounded(values))).square()).sum())

    low, high = min(seen.low, 0.0), max(seen.high, 0.0)
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

"""How far the outputs of two ways to run a model differ, in dB."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_sdk.errors import ArtifactError

Results = list[list[NDArray[np.generic]]]
"""For each probe, the outputs in order."""


@dataclass(frozen=True)
class Differences:
    """Differences of all outputs for all probes.

    Attributes:
        psnr_db: PSNR of the worst output, pooled over the probes.
        worst_db: PSNR of the worst output for the worst probe.
        max_abs_error: largest absolute difference; infinite if one is not a number.
    """

    psnr_db: float
    worst_db: float
    max_abs_error: float


def differences(
    expected: Results, results: Results, peaks: Sequence[float], *, clip: bool
) -> Differences:
    """Compare two sets of results.

    Args:
        expected: outputs of the reference.
        results: outputs of the other, for the same probes.
        peaks: for each output, what 0 dB is measured from.
        clip: clip both to [0, 1] first.

    Raises:
        ArtifactError: if numbers or shapes of the outputs differ.
    """
    squares: dict[int, list[tuple[float, int]]] = {}
    largest = 0.0
    for one, other in zip(expected, results, strict=True):
        if len(one) != len(other):
            raise ArtifactError(
                f"the model has {len(one)} outputs, the converted one {len(other)}; convert "
                "the model again"
            )
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            difference = _difference(left, right, clip)
            found = float(np.abs(difference).max()) if difference.size else 0.0
            largest = max(largest, found) if math.isfinite(found) else math.inf
            total = float(np.square(difference).sum())
            squares.setdefault(index, []).append((total, difference.size))
    pooled = min(
        _db(sum(total for total, _ in found), sum(count for _, count in found), peaks[index])
        for index, found in squares.items()
    )
    worst = min(_db(*each, peaks[index]) for index, found in squares.items() for each in found)
    return Differences(pooled, worst, largest)


def first_difference(expected: Results, results: Results) -> NDArray[np.float64]:
    """|difference| of the first output for the first probe."""
    return np.abs(_difference(expected[0][0], results[0][0], clip=False))


def largest_values(results: Results) -> tuple[float, ...]:
    """Largest absolute value of each output over all probes."""
    return tuple(
        max(float(np.abs(array).max(initial=0.0)) for array in arrays)
        for arrays in zip(*results, strict=True)
    )


def _difference(
    left: NDArray[np.generic], right: NDArray[np.generic], clip: bool
) -> NDArray[np.float64]:
    if left.shape != right.shape:
        raise ArtifactError(
            f"the model gives an output of shape {left.shape}, the converted one {right.shape}; "
            "convert the model again"
        )
    one, other = left.astype(np.float64), right.astype(np.float64)
    if clip:
        one, other = one.clip(0, 1), other.clip(0, 1)
    return one - other


def _db(squares: float, count: int, peak: float) -> float:
    if not math.isfinite(squares):
        return -math.inf
    if squares == 0:
        return math.inf
    return -10 * math.log10(squares / max(count, 1) / max(peak, 1e-30) ** 2)

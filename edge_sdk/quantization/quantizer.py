"""The uniform 8-bit quantizer that ranges of activations are judged by; it rounds half to even.

Per tensor, affine: for values in [a, b] ∋ 0, Δ = (b − a)/255, z = round(−a/Δ),
x̂ = Δ·(clip(round(x/Δ) + z, 0, 255) − z). That of weights is :mod:`edge_sdk.int8`.
"""

from __future__ import annotations

import math

from torch import Tensor

AFFINE_LEVELS = 255


def quantize_affine(values: Tensor, low: float, high: float) -> Tensor:
    """What 8 bits keep of values in [low, high], by one step and zero point.

    Args:
        values: float64, any shape.
        low: least value, at most 0.
        high: greatest value, at least 0.

    Returns:
        Same shape and dtype; the values themselves if the range is too narrow for steps.
    """
    step = (high - low) / AFFINE_LEVELS
    if step == 0:
        return values.clone()
    zero = round(-low / step)
    return step * (((values / step).round() + zero).clamp(0, AFFINE_LEVELS) - zero)


def sqnr_db(signal_power: float, error_power: float) -> float:
    """10·log₁₀(signal/error) in dB; +∞ without an error."""
    if error_power == 0:
        return math.inf
    return 10 * math.log10(signal_power / error_power) if signal_power > 0 else -math.inf

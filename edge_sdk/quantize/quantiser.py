"""The uniform 8-bit quantiser that ranges are judged by; it rounds half to even.

- Weights per output channel, symmetric: Δ_c = max|w_c|/127,
  ŵ = Δ_c·clip(round(w/Δ_c), −127, 127).
- Activations per tensor, affine: for values in [a, b] ∋ 0, Δ = (b − a)/255, z = round(−a/Δ),
  x̂ = Δ·(clip(round(x/Δ) + z, 0, 255) − z).
"""

from __future__ import annotations

import math

from torch import Tensor

SYMMETRIC_LEVELS = 127
AFFINE_LEVELS = 255


def quantise_symmetric(weight: Tensor) -> Tensor:
    """What 8 bits keep of a weight, per output channel.

    Args:
        weight: float64 [out, ...].

    Returns:
        Same shape and dtype; a channel of zeros stays so.
    """
    peak = weight.flatten(1).abs().amax(1).clamp_min(5e-324)
    step = (peak / SYMMETRIC_LEVELS).reshape(-1, *[1] * (weight.ndim - 1))
    levels = (weight / step).nan_to_num(0.0).round()
    return step * levels.clamp(-SYMMETRIC_LEVELS, SYMMETRIC_LEVELS)


def quantise_affine(values: Tensor, low: float, high: float) -> Tensor:
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

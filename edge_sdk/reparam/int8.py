"""What int8 makes of a kernel: symmetric, one step size per output channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LEVELS = 127
"""Largest code; −128 is not used, so that the codes are symmetric."""

SMALLEST_STEP = 1e-30
"""Step of a channel of zeros, which every code represents exactly."""


LEAST_NORMAL_HALF = 2.0**-14


def step_sizes(kernel: Tensor) -> Tensor:
    """Step between neighbouring int8 codes, max |kernel| / 127 per channel.

    Rounded up to a half-precision number, which every format holds exactly; steps below half
    precision's normal numbers stay as they are.

    Args:
        kernel: float [out, in, kh, kw].

    Returns:
        Float [out, 1, 1, 1], above zero.
    """
    exact = kernel.detach().abs().amax((1, 2, 3), keepdim=True).clamp_min(SMALLEST_STEP) / LEVELS
    half = exact.half()
    # The bits of a positive number, read as an integer, grow by one to the next number.
    above = (half.view(torch.int16) + 1).view(torch.float16)
    up = torch.where(half.to(exact) < exact, above, half).to(exact)
    held = (exact >= LEAST_NORMAL_HALF) & up.isfinite()
    return torch.where(held, up, exact)


def int8_values(weight: Tensor) -> Tensor:
    """The values that int8 codes of a weight stand for: Δ_c · clip(round(w / Δ_c), −127, 127).

    Args:
        weight: float [out, …]; Δ_c by :func:`step_sizes` per output channel.

    Returns:
        Same shape and dtype, without gradient.
    """
    fixed = weight.detach()
    flat = fixed.reshape(fixed.shape[0], -1, 1, 1)
    step = step_sizes(flat)
    return ((flat / step).round().clamp(-LEVELS, LEVELS) * step).reshape(weight.shape)


def fake_quantise(weight: Tensor) -> Tensor:
    """:func:`int8_values` with gradients straight through.

    Args:
        weight: float [out, …].

    Returns:
        Same shape; its gradient is passed to ``weight`` as it is.
    """
    return weight + (int8_values(weight) - weight.detach())


def slope_divisions(slopes: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """How many parts n of 1 the grid of a PReLU's slopes has, per channel.

    An integer kernel holds relu(x) − a·relu(−x) with both weights in int8 and one step 1/n, so
    that the positive side stays exactly 1: n = ⌊127 / max(1, |a|)⌋, at least 1.

    Args:
        slopes: float [C].

    Returns:
        Whole numbers, float64 [C].
    """
    exact = slopes.astype(np.float64)
    divisions: NDArray[np.float64] = np.floor(LEVELS / np.maximum(1.0, np.abs(exact)) + 1e-6)
    return np.maximum(divisions, 1.0)


def rounding_noise(kernel: Tensor) -> Tensor:
    """Expected squared error of each weight after rounding to int8: step² / 12.

    Args:
        kernel: float [out, in, kh, kw].

    Returns:
        Float [out], one per output channel. Weights that are zero are counted as the others.
    """
    return step_sizes(kernel).flatten() ** 2 / 12

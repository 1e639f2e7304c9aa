"""What int8 makes of a kernel: symmetric, one step size per output channel."""

from __future__ import annotations

import torch
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
    half = exact.half().to(exact)
    up = torch.where(half < exact, (exact * (1 + 2.0**-10)).half().to(exact), half)
    held = (exact >= LEAST_NORMAL_HALF) & up.isfinite()
    return torch.where(held, up, exact)


def fake_quantise(kernel: Tensor) -> Tensor:
    """The kernel with the values that int8 codes stand for, gradients straight through.

    Args:
        kernel: float [out, in, kh, kw].

    Returns:
        Float [out, in, kh, kw]; its gradient is passed to ``kernel`` as it is.
    """
    step = step_sizes(kernel)
    fixed = kernel.detach()
    rounded = (fixed / step).round().clamp(-LEVELS, LEVELS) * step
    return kernel + (rounded - fixed)


def rounding_noise(kernel: Tensor) -> Tensor:
    """Expected squared error of each weight after rounding to int8: step² / 12.

    Args:
        kernel: float [out, in, kh, kw].

    Returns:
        Float [out], one per output channel. Weights that are zero are counted as the others.
    """
    return step_sizes(kernel).flatten() ** 2 / 12

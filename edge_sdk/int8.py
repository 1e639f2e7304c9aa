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


MIN_NORMAL_HALF = 2.0**-14


def step_sizes(kernel: Tensor) -> Tensor:
    """Step between neighboring int8 codes, max |kernel| / 127 per channel.

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
    representable = (exact >= MIN_NORMAL_HALF) & up.isfinite()
    return torch.where(representable, up, exact)


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


def fake_quantize(weight: Tensor) -> Tensor:
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


LEAKY_PARTS = 256
"""Parts of 1 that integer kernels hold the factors of a leaky ReLU in (XNNPACK, which LiteRT runs):
input step / output step, and that times the slope."""


def leaky_slope(slope: float, input_scale: float, output_scale: float) -> float:
    """The slope that an integer kernel computes with: a whole number of parts of the codes.

    a' = round(256 · a · s_in / s_out) / round(256 · s_in / s_out).

    Args:
        slope: of the negative side.
        input_scale: step of the input's codes.
        output_scale: step of the output's.
    """
    ratio = LEAKY_PARTS * input_scale / output_scale
    return round(slope * ratio) / ratio if ratio > 0 else slope


def leaky_scales(
    slope: float, scales: tuple[float, float], points: tuple[int, int]
) -> tuple[float, float]:
    """Steps a little wider than given, for which integer kernels compute leaky ReLU exactly.

    Of all pairs of half-precision numbers up to :data:`WIDENING` above the given ones, that with
    the fewest codes for which the kernel, which adds ½ and rounds down, differs from rounding the
    exact value to the nearest step; the narrowest of those.

    Args:
        slope: of the negative side.
        scales: steps of input and output.
        points: their zero points.

    Returns:
        Steps of input and output; those given where none are better.
    """
    codes = np.arange(-128, 128, dtype=np.float64) - points[0]
    best, fewest = scales, 257.0
    for one in _half_floats_from(scales[0]):
        others = np.array(_half_floats_from(scales[1]))
        ratio = LEAKY_PARTS * one / others[:, None]
        factor = np.round(np.where(codes >= 0, ratio, slope * ratio))
        kernel = np.floor(factor * codes / LEAKY_PARTS + 0.5)
        own = np.array([leaky_slope(slope, one, other) for other in others])[:, None]
        # In single precision, as the graph computes: at halves its last bit decides.
        x = codes.astype(np.float32) * np.float32(one)
        y = np.where(codes >= 0, x, x * own.astype(np.float32))
        exact = np.round(y / others.astype(np.float32)[:, None])
        low, high = -128 - points[1], 127 - points[1]
        wrong = (kernel.clip(low, high) != exact.clip(low, high)).sum(1)
        cost = wrong + (one / scales[0] - 1) + (others / scales[1] - 1)
        if float(cost.min()) < fewest:
            fewest, best = float(cost.min()), (one, float(others[int(cost.argmin())]))
    return best


WIDENING = 1 / 64
"""Most that a step is widened by: 0.13 dB of its rounding noise."""


def _half_floats_from(scale: float) -> list[float]:
    found = [scale]
    step = np.float16(scale)
    while float(step := np.nextafter(step, np.float16(np.inf))) <= scale * (1 + WIDENING):
        found.append(float(step))
    return found


def rounding_noise(kernel: Tensor) -> Tensor:
    """Expected squared error of each weight after rounding to int8: step² / 12.

    Args:
        kernel: float [out, in, kh, kw].

    Returns:
        Float [out], one per output channel. Weights that are zero are counted as the others.
    """
    return step_sizes(kernel).flatten() ** 2 / 12

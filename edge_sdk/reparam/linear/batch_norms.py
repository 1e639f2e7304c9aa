"""A BatchNorm with running statistics as a scale and a shift of every channel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def scale_and_shift(
    mean: Tensor, variance: Tensor, eps: float, weight: Tensor | None, bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    """S and t of (x − μ)/√(v + ε)·γ + β = s·x + t: s = γ/√(v + ε), t = β − s·μ.

    Args:
        mean: μ, running mean [C].
        variance: v, running variance [C].
        eps: ε.
        weight: γ [C]; ``None`` for 1.
        bias: β [C]; ``None`` for 0.

    Returns:
        s and t, [C] each, in the dtype that is given; differentiable.
    """
    scale = torch.rsqrt(variance + eps)
    if weight is not None:
        scale = scale * weight
    shift = -mean * scale
    return scale, shift if bias is None else shift + bias


def layer_scale_and_shift(norm: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The same of a layer that keeps running statistics, computed in ``dtype``.

    Args:
        norm: a BatchNorm of any rank.
        dtype: of the results.
    """
    weight, bias = (None if part is None else part.to(dtype) for part in (norm.weight, norm.bias))
    mean, variance = norm.running_mean.to(dtype), norm.running_var.to(dtype)
    return scale_and_shift(mean, variance, norm.eps, weight, bias)

"""Layers that take a scale or a shift of their channels into weights and bias, of any rank.

With γ, s of the input's channels and d of the output's, W·(γ·x) + b + d is a layer on x, and so is
W·(x' − s) + b + d on a stream x' = x + s. The first holds for zero padding too, since γ·0 = 0; the
second does not, since the padded zeros carry no shift.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True)
class Change:
    """What a layer takes in, each float64, one number per channel, or ``None`` for nothing.

    Attributes:
        input_scale: γ; its input is to be multiplied by that.
        input_shift: s; its input carries that, which it takes back out.
        output_shift: d; its output is to carry that.
    """

    input_scale: Tensor | None = None
    input_shift: Tensor | None = None
    output_shift: Tensor | None = None


def takes_bias(layer: nn.Module, rank: int) -> bool:
    """Whether a layer's output can carry a shift.

    Args:
        layer: any layer.
        rank: dimensions of its input, the channels second.
    """
    return _is_plain(layer) and _fits(weighted(layer), rank)


def takes_scale(layer: nn.Module, rank: int) -> bool:
    """Whether a layer can multiply its input channels by a scale; arguments likewise."""
    inner = weighted(layer)
    if not _is_plain(layer) or not _fits(inner, rank) or isinstance(inner, NORMS):
        return False
    return inner is layer or _pad_of(layer).value == 0


def takes_shift_out(layer: nn.Module, rank: int) -> bool:
    """Whether a layer can take a shift of its input back out; arguments likewise."""
    inner = weighted(layer)
    if not _is_plain(layer) or not _fits(inner, rank) or inner is not layer:
        return False
    if isinstance(inner, CONVOLUTIONS):
        return not _pads_zeros(inner)
    # Fewer taps of a transposed convolution overlap at the border.
    return not isinstance(inner, TRANSPOSED)


def changed(layer: nn.Module, change: Change, dtype: torch.dtype) -> nn.Module:
    """Copy of a layer with a change taken in, computed in float64.

    Args:
        layer: one that :func:`takes_bias`, :func:`takes_scale` or :func:`takes_shift_out` said can.
        change: what it takes in.
        dtype: of the copy.
    """
    copy = deepcopy(layer).double()
    inner = weighted(copy)
    rule = _norm if isinstance(inner, NORMS) else _layer
    rule(inner, change)
    return copy.to(dtype).eval()


def weighted(layer: Any) -> Any:
    """The layer itself; of a constant padding with a convolution behind it, the convolution."""
    if type(layer) is nn.Sequential and [type(part) for part in layer] == [
        nn.ConstantPad2d,
        nn.Conv2d,
    ]:
        return layer[1]
    return layer


def _pad_of(layer: Any) -> Any:
    return layer[0]


def _is_plain(layer: nn.Module) -> bool:
    """Whether a layer is of a known class, runs nothing else and keeps to its statistics."""
    inner = weighted(layer)
    if type(inner) not in (*NORMS, *CONVOLUTIONS, *TRANSPOSED, nn.Linear):
        return False
    if any(part._forward_hooks or part._forward_pre_hooks for part in layer.modules()):
        return False
    return not isinstance(inner, NORMS) or is_settled(inner)


def is_settled(norm: Any) -> bool:
    """Whether a BatchNorm is in evaluation mode with running statistics."""
    return not norm.training and norm.running_mean is not None and norm.running_var is not None


def _fits(layer: nn.Module, rank: int) -> bool:
    """Whether the second dimension is the one that a layer takes as channels."""
    return rank == 2 if isinstance(layer, nn.Linear) else rank >= 2


def _pads_zeros(conv: Any) -> bool:
    if conv.padding_mode != "zeros" or conv.padding == "valid":
        return False
    if conv.padding == "same":
        return any(size > 1 for size in conv.kernel_size)
    return any(conv.padding)


def _layer(layer: Any, change: Change) -> None:
    weight: Tensor = layer.weight.detach()
    bias = None if layer.bias is None else layer.bias.detach()
    if change.input_shift is not None:
        bias = _sum(bias, -_summed(_times(layer, weight, change.input_shift)))
    if change.output_shift is not None:
        bias = _sum(bias, change.output_shift)
    if change.input_scale is not None:
        weight = _times(layer, weight, change.input_scale)
    layer.weight = nn.Parameter(weight)
    layer.bias = None if bias is None else nn.Parameter(bias)


def _norm(norm: Any, change: Change) -> None:
    if change.input_shift is not None:
        norm.running_mean = norm.running_mean + change.input_shift
    if change.output_shift is not None:
        if norm.weight is None:
            norm.weight = nn.Parameter(torch.ones_like(norm.running_mean))
        bias = None if norm.bias is None else norm.bias.detach()
        norm.bias = nn.Parameter(_sum(bias, change.output_shift))


def _sum(first: Tensor | None, second: Tensor) -> Tensor:
    return second if first is None else first + second


def _times(layer: Any, weight: Tensor, factors: Tensor) -> Tensor:
    """Weights with each input channel's multiplied by its factor."""
    ones = [1] * (weight.ndim - 2)
    if isinstance(layer, TRANSPOSED):
        # [in, out / groups, …].
        return weight * factors.reshape(-1, 1, *ones)
    groups = int(getattr(layer, "groups", 1))
    # [out, in / groups, …]: each group of outputs has its own inputs.
    parts = weight.reshape(groups, -1, *weight.shape[1:])
    return (parts * factors.reshape(groups, 1, -1, *ones)).reshape(weight.shape)


def _summed(weight: Tensor) -> Tensor:
    return weight.flatten(1).sum(1)

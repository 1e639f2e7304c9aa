"""The cheapest convolution layer for a dense operator: groups and dilation found again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_sdk.errors import FusionError
from edge_sdk.reparam.linear.operator import LinearOperator


@dataclass(frozen=True)
class CompactKernel:
    """A kernel without the zeros that groups and dilation make.

    Attributes:
        weight: [out, in/groups, kh, kw].
        groups: number of groups.
        dilation: vertical and horizontal step between taps.
    """

    weight: Tensor
    groups: int
    dilation: tuple[int, int]


def compact(kernel: Tensor) -> CompactKernel:
    """Find the most groups and the widest dilation that hold all non-zero weights of a kernel."""
    dilation = (_dilation(kernel, 2), _dilation(kernel, 3))
    thinned = kernel[:, :, :: dilation[0], :: dilation[1]]
    out, channels = thinned.shape[:2]
    for groups in range(min(out, channels), 1, -1):
        if out % groups or channels % groups:
            continue
        blocks = thinned.reshape(groups, out // groups, groups, channels // groups, -1)
        on_diagonal = torch.eye(groups, dtype=torch.bool)[:, None, :, None, None]
        if not bool((blocks != 0).logical_and(~on_diagonal).any()):
            index = torch.arange(groups)
            weight = blocks[index, :, index].reshape(out, channels // groups, *thinned.shape[2:])
            return CompactKernel(weight, groups, dilation)
    return CompactKernel(thinned, 1, dilation)


def kernel_macs(operator: LinearOperator) -> int:
    """Multiply–accumulates of an operator per output pixel, as the cheapest layer."""
    return compact(operator.kernel).weight.numel()


def conv_layer(operator: LinearOperator, dtype: torch.dtype) -> nn.Module:
    """Layer that computes an operator: a convolution, behind a padding layer where it needs one.

    Raises:
        FusionError: if the padding has another value for each channel, which no layer makes.
    """
    kernel = compact(operator.kernel)
    pad = operator.padding
    value = 0.0
    if operator.pad_value is not None and not pad.is_none:
        value = float(operator.pad_value.flatten()[0])
        if bool(operator.pad_value.ne(value).any()):
            raise FusionError("padding by another value for each channel has no layer")
    even = pad.top == pad.bottom and pad.left == pad.right and value == 0
    out, per_group, height, width = kernel.weight.shape
    conv = nn.Conv2d(
        per_group * kernel.groups,
        out,
        (height, width),
        stride=operator.stride,
        padding=(pad.top, pad.left) if even else 0,
        dilation=kernel.dilation,
        groups=kernel.groups,
        bias=bool(operator.bias.any()),
    )
    conv.weight.data = kernel.weight.detach().to(dtype).contiguous()
    if conv.bias is not None:
        conv.bias.data = operator.bias.detach().to(dtype)
    if even:
        return conv
    around = (pad.left, pad.right, pad.top, pad.bottom)
    return nn.Sequential(nn.ConstantPad2d(around, value), conv)


def _dilation(kernel: Tensor, axis: int) -> int:
    length = kernel.shape[axis]
    taps = [bool(part.any()) for part in kernel.unbind(axis)]
    for step in range(length - 1, 1, -1):
        if (length - 1) % step == 0 and not any(
            tap for index, tap in enumerate(taps) if index % step
        ):
            return step
    return 1

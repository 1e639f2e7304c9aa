"""The algebra of linear operators: compose, add, concatenate, scale, normalize, pad.

Each rule returns the one operator that equals the combination it is named after, on every pixel,
borders included; where no such operator exists it raises :class:`~edge_sdk.errors.FusionError`
with the reason. All rules are differentiable and keep the dtype they are given: training composes
kernels in float32 on every step, fusing does it once in float64.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam.linear.batch_norms import layer_scale_and_shift
from edge_sdk.reparam.linear.operator import LinearOperator, Padding, dilate


def compose(first: LinearOperator, second: LinearOperator) -> LinearOperator:
    """``second`` after ``first`` as one operator.

    With s the stride of ``first``, K1 its kernel and K2 the kernel of ``second``,

        K[o, i, v] = Σ_{m, u} K2[o, m, u] · K1[m, i, v − s·u],
        b[o] = b2[o] + Σ_{m, u} K2[o, m, u] · b1[m].

    What ``second`` pads onto the intermediate result is in general not what ``first`` would compute
    there. It is if ``first`` is one pixel long, without stride, in the directions that are padded,
    and turns its own padding (zeros where it has none) into just that value: a 1×1 kernel without
    bias before zero padding, or with bias before padding by that bias; a 1×k kernel before rows.

    Raises:
        FusionError: if the channels differ, or if ``second`` pads by anything else.
    """
    if first.out_channels != second.in_channels:
        raise FusionError(
            f"{first.out_channels} channels cannot feed a kernel of {second.in_channels}"
        )
    if _is_identity(first):
        return second
    padding = first.padding
    if not second.padding.is_none:
        _check_padding_between(first, second)
        padding = first.padding.outside(second.padding)
    spread = dilate(second.kernel, first.stride)
    height, width = spread.shape[2:]
    kernel = functional.conv2d(
        first.kernel.transpose(0, 1), spread.flip(2, 3), padding=(height - 1, width - 1)
    ).transpose(0, 1)
    bias = second.bias + second.kernel.sum((2, 3)) @ first.bias
    stride = (first.stride[0] * second.stride[0], first.stride[1] * second.stride[1])
    return LinearOperator(kernel, bias, padding, stride, first.pad_value)


def add(*operators: LinearOperator) -> LinearOperator:
    """Sum of operators on the same input: kernels are aligned by their padding, then added.

    A kernel whose padding is smaller on one side is bordered there by zeros, which is the smaller
    kernel centered in the larger one (specification 1, merge rule 4).

    Raises:
        FusionError: if none is given, or if strides, channels, output sizes or pad values differ.
    """
    kernels, padding, pad_value = _aligned(operators)
    head = operators[0]
    if any(operator.out_channels != head.out_channels for operator in operators):
        widths = [operator.out_channels for operator in operators]
        raise FusionError(f"results of {widths} channels cannot be added")
    bias = head.bias
    for operator in operators[1:]:
        bias = bias + operator.bias
    total = kernels[0]
    for kernel in kernels[1:]:
        total = total + kernel
    return LinearOperator(total, bias, padding, head.stride, pad_value)


def concatenate(*operators: LinearOperator) -> LinearOperator:
    """Channels of operators on the same input one after the other: kernels aligned, then stacked.

    Raises:
        FusionError: if none is given, or if strides, output sizes or pad values differ.
    """
    kernels, padding, pad_value = _aligned(operators)
    bias = torch.cat([operator.bias for operator in operators])
    return LinearOperator(torch.cat(kernels), bias, padding, operators[0].stride, pad_value)


def _aligned(
    operators: tuple[LinearOperator, ...],
) -> tuple[list[Tensor], Padding, Tensor | None]:
    """Kernels of one size for the padding that all operators share."""
    if not operators:
        raise FusionError("at least one operator is needed")
    head = operators[0]
    padding = head.padding
    pad_value: Tensor | None = None
    seen_padding = False
    for operator in operators:
        if operator.stride != head.stride:
            raise FusionError(f"strides {head.stride} and {operator.stride} do not match")
        if operator.in_channels != head.in_channels:
            raise FusionError(
                f"inputs of {head.in_channels} and {operator.in_channels} channels do not match"
            )
        padding = padding.around(operator.padding)
        if not operator.padding.is_none:
            if seen_padding and not _same_value(pad_value, operator.pad_value):
                raise FusionError("branches that pad with different values are not one kernel")
            pad_value, seen_padding = operator.pad_value, True
    kernels: list[Tensor] = []
    for operator in operators:
        pad = operator.padding
        border = (
            padding.left - pad.left,
            padding.right - pad.right,
            padding.top - pad.top,
            padding.bottom - pad.bottom,
        )
        kernel = functional.pad(operator.kernel, border)
        if kernels and kernel.shape[2:] != kernels[0].shape[2:]:
            raise FusionError(
                f"kernels of {tuple(kernels[0].shape[2:])} and {tuple(kernel.shape[2:])} with this "
                "padding give outputs of different sizes"
            )
        kernels.append(kernel)
    return kernels, padding, pad_value


def _same_value(first: Tensor | None, second: Tensor | None) -> bool:
    if first is None or second is None:
        other = second if first is None else first
        return other is None or not bool(other.detach().any())
    return bool(torch.equal(first, second))


def _is_identity(operator: LinearOperator) -> bool:
    if not operator.is_pointwise or operator.in_channels != operator.out_channels:
        return False
    if operator.kernel.requires_grad or operator.bias.requires_grad:
        return False
    eye = torch.eye(operator.in_channels, dtype=operator.kernel.dtype)
    matrix = operator.kernel[:, :, 0, 0]
    return bool(torch.equal(matrix, eye.to(matrix.device)) and not operator.bias.any())


def _check_padding_between(first: LinearOperator, second: LinearOperator) -> None:
    pad = second.padding
    padded_axes = (pad.top + pad.bottom, pad.left + pad.right)
    for axis, pixels in enumerate(padded_axes):
        if pixels and (first.kernel.shape[2 + axis] != 1 or first.stride[axis] != 1):
            raise FusionError(
                "padding between two kernels is not one kernel at the border; "
                "pad once, before the first"
            )
    made = first.bias.detach()
    kernel = first.kernel.detach()
    if first.pad_value is not None:
        made = made + kernel.sum((2, 3)) @ first.pad_value
    padded = torch.zeros_like(made) if second.pad_value is None else second.pad_value.detach()
    # Rounding, beside what the channel makes of inputs of about 1; no size is small by itself.
    allowed = 1e-12 * padded.abs() + 1e-15 * kernel.abs().sum((1, 2, 3))
    if not bool(((made - padded).abs() <= allowed).all()):
        raise FusionError(
            "a bias followed by zero padding is not one kernel at the border; "
            "pad before the bias is added, or with its value"
        )


def scale_shift(operator: LinearOperator, scale: Tensor, shift: Tensor) -> LinearOperator:
    """``scale·operator(x) + shift`` with one scale and shift [out] per output channel.

    Raises:
        FusionError: if scale or shift has another number of channels.
    """
    channels = (operator.out_channels,)
    if scale.shape != channels or shift.shape != channels:
        raise FusionError(
            f"scale {tuple(scale.shape)} and shift {tuple(shift.shape)} do not fit the "
            f"{operator.out_channels} output channels; give one of each per channel"
        )
    return replace(
        operator,
        kernel=operator.kernel * scale[:, None, None, None],
        bias=operator.bias * scale + shift,
    )


def batch_norm(operator: LinearOperator, bn: torch.nn.BatchNorm2d) -> LinearOperator:
    """``bn(operator(x))`` with the layer's running statistics.

    With σ = √(running variance + ε): kernel·γ/σ and (bias − μ)·γ/σ + β (specification 1, rule 1).

    Raises:
        FusionError: if the layer keeps no running statistics, or has another number of channels.
    """
    if bn.running_mean is None or bn.running_var is None:
        raise FusionError("a BatchNorm without running statistics is not linear; track them")
    return scale_shift(operator, *layer_scale_and_shift(bn, operator.kernel.dtype))


def pad_first(operator: LinearOperator, padding: Padding) -> LinearOperator:
    """``operator`` applied to an input that was zero-padded by ``padding`` before.

    Raises:
        FusionError: if the operator itself pads with something else than zero.
    """
    if not operator.padding.is_none and not _same_value(operator.pad_value, None):
        raise FusionError("zeros around other padding are not one padding")
    return replace(operator, padding=operator.padding.outside(padding), pad_value=None)

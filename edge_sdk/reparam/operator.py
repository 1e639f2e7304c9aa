"""The linear spatial operator and its algebra: everything a branch of convolutions can be.

An operator pads its input and correlates it with a kernel,

    y[o, p] = bias[o] + Σ_{i, t} kernel[o, i, t] · x̃[i, stride·p + t],

where x̃ is x surrounded by ``padding`` rows and columns of zeros. Each rule below returns the one
operator that equals the combination it is named after, on every pixel, borders included; where no
such operator exists it raises :class:`~edge_sdk.errors.FusionError` with the reason.

All rules are differentiable and keep the dtype they are given: training composes kernels in float32
on every step, fusing does it once in float64.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import FusionError


@dataclass(frozen=True)
class Padding:
    """Rows and columns of zeros around the input, in pixels, each ≥ 0."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __post_init__(self) -> None:
        if min(self.top, self.bottom, self.left, self.right) < 0:
            raise FusionError(f"{self} cuts pixels off; padding must be 0 or more on every side")

    @property
    def is_none(self) -> bool:
        """Whether nothing is added on any side."""
        return not (self.top or self.bottom or self.left or self.right)

    def around(self, other: Padding) -> Padding:
        """Padding that holds both this one and ``other`` on every side."""
        return Padding(
            max(self.top, other.top),
            max(self.bottom, other.bottom),
            max(self.left, other.left),
            max(self.right, other.right),
        )


@dataclass(frozen=True)
class LinearOperator:
    """A convolution with its padding.

    Attributes:
        kernel: float tensor [out, in, kh, kw]; grouped and dilated kernels are stored dense.
        bias: float tensor [out].
        padding: zeros added around the input before the correlation.
        stride: vertical and horizontal step between output pixels.
    """

    kernel: Tensor
    bias: Tensor
    padding: Padding = Padding()
    stride: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        if self.kernel.ndim != 4 or self.bias.shape != (self.kernel.shape[0],):
            raise FusionError(
                f"kernel {tuple(self.kernel.shape)} and bias {tuple(self.bias.shape)} do not fit; "
                "give a kernel [out, in, kh, kw] and a bias [out]"
            )

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return int(self.kernel.shape[1])

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return int(self.kernel.shape[0])

    @property
    def is_pointwise(self) -> bool:
        """Whether an output pixel sees one input pixel only, without padding or stride."""
        return self.kernel.shape[2:] == (1, 1) and self.padding.is_none and self.stride == (1, 1)

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the operator to ``x`` [N, in, H, W]; returns [N, out, H', W']."""
        pad = self.padding
        if not pad.is_none:
            x = functional.pad(x, (pad.left, pad.right, pad.top, pad.bottom))
        return functional.conv2d(x, self.kernel, self.bias, self.stride)

    def to(self, dtype: torch.dtype) -> LinearOperator:
        """Same operator with kernel and bias in ``dtype``."""
        return replace(self, kernel=self.kernel.to(dtype), bias=self.bias.to(dtype))


def from_conv(conv: torch.nn.Conv2d) -> LinearOperator:
    """Operator of a convolution layer: zero padding, any stride, dilation and groups.

    Raises:
        FusionError: if the layer pads by reflection, replication or wrapping, or by a string.
    """
    if conv.padding_mode != "zeros":
        raise FusionError(
            f"a convolution that pads by '{conv.padding_mode}' is not one linear kernel at the "
            "border; pad with zeros"
        )
    if isinstance(conv.padding, str):
        raise FusionError(f"padding='{conv.padding}' is not supported; give it in pixels")
    kernel = dilate(ungroup(conv.weight, conv.groups), _pair(conv.dilation))
    bias = conv.bias if conv.bias is not None else kernel.new_zeros(kernel.shape[0])
    vertical, horizontal = _pair(conv.padding)
    return LinearOperator(
        kernel, bias, Padding(vertical, vertical, horizontal, horizontal), _pair(conv.stride)
    )


def identity(channels: int, like: Tensor) -> LinearOperator:
    """Operator that returns its input: kernel δ[o, i] of size 1×1, bias 0; dtype as ``like``."""
    eye = torch.eye(channels, dtype=like.dtype, device=like.device)
    return LinearOperator(eye[:, :, None, None], eye.new_zeros(channels))


def compose(first: LinearOperator, second: LinearOperator) -> LinearOperator:
    """``second`` after ``first`` as one operator.

    With s the stride of ``first``, K1 its kernel and K2 the kernel of ``second``,

        K[o, i, v] = Σ_{m, u} K2[o, m, u] · K1[m, i, v − s·u],
        b[o] = b2[o] + Σ_{m, u} K2[o, m, u] · b1[m].

    Zeros that ``second`` pads onto the intermediate result are not what ``first`` would compute
    there, so ``second`` may pad only if ``first`` maps a zero pixel to a zero pixel: a pointwise
    kernel without bias.

    Raises:
        FusionError: if the channels differ, or if ``second`` pads what is not zero.
    """
    if first.out_channels != second.in_channels:
        raise FusionError(
            f"{first.out_channels} channels cannot feed a kernel of {second.in_channels}"
        )
    padding = first.padding
    if not second.padding.is_none:
        if not first.is_pointwise:
            raise FusionError(
                "zero padding between two kernels is not one kernel at the border; "
                "pad once, before the first"
            )
        if bool(first.bias.detach().ne(0).any()):
            raise FusionError(
                "a bias followed by zero padding is not one kernel at the border; "
                "pad before the bias is added"
            )
        padding = second.padding
    spread = dilate(second.kernel, first.stride)
    height, width = spread.shape[2:]
    kernel = functional.conv2d(
        first.kernel.transpose(0, 1), spread.flip(2, 3), padding=(height - 1, width - 1)
    ).transpose(0, 1)
    bias = second.bias + second.kernel.sum((2, 3)) @ first.bias
    stride = (first.stride[0] * second.stride[0], first.stride[1] * second.stride[1])
    return LinearOperator(kernel, bias, padding, stride)


def add(*operators: LinearOperator) -> LinearOperator:
    """Sum of operators on the same input: kernels are aligned by their padding, then added.

    A kernel whose padding is smaller on one side is bordered there by zeros, which is the smaller
    kernel centred in the larger one (specification 1, merge rule 4).

    Raises:
        FusionError: if none is given, or if strides, channels or output sizes differ.
    """
    if not operators:
        raise FusionError("a sum needs at least one operator")
    head = operators[0]
    padding = head.padding
    for other in operators[1:]:
        padding = padding.around(other.padding)
    total_kernel: Tensor | None = None
    total_bias = torch.zeros_like(head.bias)
    for operator in operators:
        if operator.stride != head.stride:
            raise FusionError(f"strides {head.stride} and {operator.stride} cannot be added")
        pad = operator.padding
        border = (
            padding.left - pad.left,
            padding.right - pad.right,
            padding.top - pad.top,
            padding.bottom - pad.bottom,
        )
        kernel = functional.pad(operator.kernel, border)
        if total_kernel is not None and kernel.shape != total_kernel.shape:
            raise FusionError(
                f"kernels {tuple(total_kernel.shape)} and {tuple(kernel.shape)} give outputs of "
                "different sizes and cannot be added"
            )
        total_kernel = kernel if total_kernel is None else total_kernel + kernel
        total_bias = total_bias + operator.bias
    assert total_kernel is not None
    return LinearOperator(total_kernel, total_bias, padding, head.stride)


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
    dtype = operator.kernel.dtype
    scale = (bn.running_var.to(dtype) + bn.eps).rsqrt()
    if bn.weight is not None:
        scale = scale * bn.weight.to(dtype)
    shift = -bn.running_mean.to(dtype) * scale
    if bn.bias is not None:
        shift = shift + bn.bias.to(dtype)
    return scale_shift(operator, scale, shift)


def pad_first(operator: LinearOperator, padding: Padding) -> LinearOperator:
    """``operator`` applied to an input that was zero-padded by ``padding`` before."""
    own = operator.padding
    return replace(
        operator,
        padding=Padding(
            own.top + padding.top,
            own.bottom + padding.bottom,
            own.left + padding.left,
            own.right + padding.right,
        ),
    )


def ungroup(kernel: Tensor, groups: int) -> Tensor:
    """Dense kernel [out, in, kh, kw] of a grouped one [out, in/groups, kh, kw]."""
    if groups == 1:
        return kernel
    out, per_group, height, width = kernel.shape
    dense = kernel.new_zeros(out, per_group * groups, height, width)
    step = out // groups
    for group in range(groups):
        rows = slice(group * step, (group + 1) * step)
        columns = slice(group * per_group, (group + 1) * per_group)
        dense[rows, columns] = kernel[rows]
    return dense


def dilate(kernel: Tensor, step: tuple[int, int]) -> Tensor:
    """Kernel with ``step − 1`` zeros between neighbouring taps in each direction."""
    if step == (1, 1):
        return kernel
    out, channels, height, width = kernel.shape
    spread = kernel.new_zeros(out, channels, (height - 1) * step[0] + 1, (width - 1) * step[1] + 1)
    spread[:, :, :: step[0], :: step[1]] = kernel
    return spread


def _pair(value: tuple[int, ...]) -> tuple[int, int]:
    return value[0], value[1]

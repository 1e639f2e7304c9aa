"""The linear spatial operator and what it is made from.

An operator pads its input and correlates it with a kernel,

    y[o, p] = bias[o] + Σ_{i, t} kernel[o, i, t] · x̃[i, stride·p + t],

where x̃ is x surrounded by ``padding`` rows and columns of a value per channel, zero unless said
otherwise. Layers become operators here; :mod:`edge_sdk.reparam.linear.algebra` combines them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from edge_sdk.errors import FusionError


@dataclass(frozen=True)
class Padding:
    """Rows and columns of zeros around the input, in pixels, each ≥ 0.

    Attributes:
        top: rows above.
        bottom: rows below.
        left: columns in front.
        right: columns behind.

    Example:
        >>> from edge_sdk.reparam import Padding
        >>> Padding(1, 1, 1, 1).outside(Padding(top=2))
        Padding(top=3, bottom=1, left=1, right=1)
    """

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

    def outside(self, inner: Padding) -> Padding:
        """Padding that first adds ``inner``, then this one: the sums of all sides."""
        return Padding(
            self.top + inner.top,
            self.bottom + inner.bottom,
            self.left + inner.left,
            self.right + inner.right,
        )

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
        padding: rows and columns added around the input before the correlation.
        stride: vertical and horizontal step between output pixels.
        pad_value: float tensor [in], what the padding holds; ``None`` for zeros.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from edge_sdk.reparam import LinearOperator, Padding
        >>> conv = nn.Conv2d(3, 8, 3, padding=1).requires_grad_(False)
        >>> operator = LinearOperator(conv.weight, conv.bias, Padding(1, 1, 1, 1))
        >>> operator.out_channels, operator.in_channels
        (8, 3)
    """

    kernel: Tensor
    bias: Tensor
    padding: Padding = Padding()
    stride: tuple[int, int] = (1, 1)
    pad_value: Tensor | None = None

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
            around = (pad.left, pad.right, pad.top, pad.bottom)
            if self.pad_value is None:
                x = functional.pad(x, around)
            else:
                value = self.pad_value[:, None, None]
                x = functional.pad(x - value, around) + value
        return functional.conv2d(x, self.kernel, self.bias, self.stride)

    def to(self, dtype: torch.dtype) -> LinearOperator:
        """Same operator with kernel and bias in ``dtype``."""
        value = None if self.pad_value is None else self.pad_value.to(dtype)
        return replace(
            self, kernel=self.kernel.to(dtype), bias=self.bias.to(dtype), pad_value=value
        )


def from_conv(conv: torch.nn.Conv2d) -> LinearOperator:
    """Operator of a convolution layer: zero padding, any stride, dilation and groups.

    Raises:
        FusionError: if the layer pads by reflection, replication or wrapping.
    """
    if conv.padding_mode != "zeros":
        raise FusionError(
            f"a convolution that pads by '{conv.padding_mode}' is not one linear kernel at the "
            "border; pad with zeros"
        )
    return from_kernel(
        conv.weight, conv.bias, _pair(conv.stride), conv.padding, _pair(conv.dilation), conv.groups
    )


def from_kernel(
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, int],
    padding: str | tuple[int, ...],
    dilation: tuple[int, int],
    groups: int,
) -> LinearOperator:
    """Operator of a convolution with the arguments of ``torch.nn.functional.conv2d``."""
    kernel = dilate(ungroup(weight, groups), dilation)
    if bias is None:
        bias = kernel.new_zeros(kernel.shape[0])
    if padding == "valid":
        around = Padding()
    elif padding == "same":
        rows, columns = kernel.shape[2] - 1, kernel.shape[3] - 1
        around = Padding(rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)
    else:
        assert isinstance(padding, tuple)
        vertical, horizontal = _pair(padding)
        around = Padding(vertical, vertical, horizontal, horizontal)
    return LinearOperator(kernel, bias, around, stride)


def identity(channels: int, like: Tensor) -> LinearOperator:
    """Operator that returns its input: kernel δ[o, i] of size 1×1, bias 0; dtype as ``like``."""
    eye = torch.eye(channels, dtype=like.dtype, device=like.device)
    return LinearOperator(eye[:, :, None, None], eye.new_zeros(channels))


def average_pool(
    channels: int,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: Padding,
    like: Tensor,
) -> LinearOperator:
    """Mean over ``size`` pixels of each channel, zeros of the padding counted."""
    kernel = like.new_zeros(channels, channels, *size)
    index = torch.arange(channels)
    kernel[index, index] = 1.0 / (size[0] * size[1])
    return LinearOperator(kernel, like.new_zeros(channels), padding, stride)


def constant_pad(
    channels: int, padding: Padding, value: Tensor | None, like: Tensor
) -> LinearOperator:
    """The input with ``padding`` around it, filled with ``value`` [channels] or zeros."""
    return replace(identity(channels, like), padding=padding, pad_value=value)


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
    """Kernel with ``step − 1`` zeros between neighboring taps in each direction."""
    if step == (1, 1):
        return kernel
    out, channels, height, width = kernel.shape
    spread = kernel.new_zeros(out, channels, (height - 1) * step[0] + 1, (width - 1) * step[1] + 1)
    spread[:, :, :: step[0], :: step[1]] = kernel
    return spread


def _pair(value: tuple[int, ...]) -> tuple[int, int]:
    return value[0], value[1]

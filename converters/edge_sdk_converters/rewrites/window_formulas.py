"""Convolutions, poolings and windows as formulas of simpler ones, for targets without them.

Like :mod:`edge_sdk_converters.rewrites.formulas`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

aten = torch.ops.aten


def adaptive_max_pool2d(x: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """The largest of each window, rows first; for those alone who read no places."""
    for dim, count in zip((x.dim() - 2, x.dim() - 1), output_size, strict=True):
        size = int(x.shape[dim])
        bounds = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
        parts = [
            aten.amax.default(aten.slice.Tensor(x, dim, start, end), [dim], True)
            for start, end in bounds
        ]
        x = torch.cat(parts, dim) if count > 1 else parts[0]
    return x, torch.zeros_like(x, dtype=torch.int64)


def avg_pool3d(
    x: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = (0,),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """A mean over neighbors along the first of three axes, as local response norms have it."""
    taps, *flat = _three(kernel_size)
    step, *steps = _three(stride or kernel_size)
    if flat != [1, 1] or steps != [1, 1] or any(padding) or ceil_mode or x.dim() != 5:
        return NotImplemented
    reach = (int(x.shape[2]) - taps) // step * step + 1
    total: Tensor = aten.slice.Tensor(x, 2, 0, reach, step)
    for tap in range(1, taps):
        total = total + aten.slice.Tensor(x, 2, tap, tap + reach, step)
    return total * (1.0 / (divisor_override or taps))


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = (1,),
    padding: Any = (0,),
    dilation: Any = (1,),
    groups: int = 1,
) -> Any:
    """A convolution of a picture of one row."""
    if x.dim() != 3:
        return NotImplemented
    whole = aten.conv2d.default(
        x.unsqueeze(2), weight.unsqueeze(2), bias,
        [1, *stride], [0, *padding], [1, *dilation], groups,
    )  # fmt: skip
    return whole.squeeze(2)


def unfold(x: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows along an axis, their insides as a new last one."""
    dim = dimension % x.dim()
    count = (int(x.shape[dim]) - size) // step + 1
    reach = step * (count - 1) + 1
    parts = [aten.slice.Tensor(x, dim, first, first + reach, step) for first in range(size)]
    return torch.cat([part.unsqueeze(-1) for part in parts], -1)


def conv3d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = (1, 1, 1),
    padding: Any = (0, 0, 0),
    dilation: Any = (1, 1, 1),
    groups: int = 1,
) -> Any:
    """One convolution of two dimensions for each slice of the result, all with one kernel.

    Each reads the slices of the input under the kernel as channels.
    """
    if x.dim() != 5:
        return NotImplemented
    (step, *steps), (pad, *pads), (gap, *gaps) = map(_three, (stride, padding, dilation))
    if pad:
        x = aten.constant_pad_nd.default(x, [0, 0, 0, 0, pad, pad], 0.0)
    batch, channels, depth, height, width = (int(size) for size in x.shape)
    outputs, _, taps, rows, columns = (int(size) for size in weight.shape)
    flat = weight.reshape(outputs, -1, rows, columns)
    reach = gap * (taps - 1) + 1
    maps = []
    for first in range(0, depth - reach + 1, step):
        under = aten.slice.Tensor(x, 2, first, first + reach, gap)
        under = under.reshape(batch, channels * taps, height, width)
        maps.append(aten.conv2d.default(under, flat, bias, steps, pads, gaps, groups))
    return torch.cat([each.unsqueeze(2) for each in maps], 2)


def conv3d_padded_by_name(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = (1, 1, 1),
    padding: str = "valid",
    dilation: Any = (1, 1, 1),
    groups: int = 1,
) -> Any:
    """The same, padded so that the result has the input's size, or not at all."""
    if x.dim() != 5:
        return NotImplemented
    if padding == "same":
        wide = [
            gap * (int(size) - 1)
            for gap, size in zip(_three(dilation), weight.shape[2:], strict=True)
        ]
        amounts = [part for each in reversed(wide) for part in (each // 2, each - each // 2)]
        x = aten.constant_pad_nd.default(x, amounts, 0.0)
    return conv3d(x, weight, bias, stride, (0, 0, 0), dilation, groups)


def max_pool2d(
    x: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    ceil_mode: bool = False,
) -> Any:
    """Pooling of spread windows, or of those alone that begin in the picture.

    The picture is padded or cut to what the windows reach; spread windows are the largest of
    shifted pictures.
    """
    axes = _pooled_axes(x, kernel_size, stride, padding, dilation)
    if not is_windowed(x, kernel_size, stride, padding, dilation, ceil_mode):
        return NotImplemented
    counts = []
    for number, (size, taps, step, before, gap) in enumerate(axes):
        free = size + 2 * before - gap * (taps - 1) - 1
        count = (-(-free // step) if ceil_mode else free // step) + 1
        if ceil_mode and (count - 1) * step >= size + before:
            count -= 1
        after = (count - 1) * step + gap * (taps - 1) + 1 - before - size
        dim = x.dim() - 2 + number
        if after < 0:
            x = aten.slice.Tensor(x, dim, 0, size + after)
        if before or after > 0:
            edges = [before, max(after, 0)]
            amounts = edges if number else [0, 0, *edges]
            x = aten.constant_pad_nd.default(x, amounts, -torch.inf)
        counts.append(count)
    if all(gap == 1 for *_, gap in axes):
        return aten.max_pool2d.default(
            x, [taps for _, taps, *_ in axes], [step for _, _, step, *_ in axes]
        )
    for number, (_, taps, step, _, gap) in enumerate(axes):
        x = _largest_of_shifted(x, x.dim() - 2 + number, counts[number], taps, step, gap)
    return x


def is_windowed(
    x: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    ceil_mode: bool = False,
) -> bool:
    """Whether windows of a max-pooling are spread, or one that begins in the pad is left out."""
    axes = _pooled_axes(x, kernel_size, stride, padding, dilation)
    return any(gap != 1 for *_, gap in axes) or (
        ceil_mode
        and any(
            -((taps - 2 * pad - size) // step) * step >= size + pad
            for size, taps, step, pad, _ in axes
        )
    )


def _pooled_axes(
    x: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any
) -> list[tuple[int, int, int, int, int]]:
    """Size, taps, step, pad and gap of rows and of columns."""
    taps, steps, pads, gaps = (
        list(each) * (2 if len(each) == 1 else 1)
        for each in (kernel_size, stride or kernel_size, padding, dilation)
    )
    return [
        (int(x.shape[-2 + axis]), taps[axis], steps[axis], pads[axis], gaps[axis])
        for axis in range(2)
    ]


def _largest_of_shifted(x: Tensor, dim: int, count: int, taps: int, step: int, gap: int) -> Tensor:
    reach = (count - 1) * step + 1
    parts = [aten.slice.Tensor(x, dim, tap * gap, tap * gap + reach, step) for tap in range(taps)]
    result: Tensor = parts[0]
    for part in parts[1:]:
        result = torch.maximum(result, part)
    return result


def _three(numbers: Sequence[int]) -> list[int]:
    return list(numbers) * (3 if len(numbers) == 1 else 1)


WINDOWED: dict[Any, Any] = {
    aten.adaptive_max_pool2d.default: adaptive_max_pool2d,
    aten.avg_pool3d.default: avg_pool3d,
    aten.conv1d.default: conv1d,
    aten.conv3d.default: conv3d,
    aten.conv3d.padding: conv3d_padded_by_name,
    aten.max_pool2d.default: max_pool2d,
    aten.unfold.default: unfold,
}
"""The formulas by operator."""

"""Operators of the linear functions of ``torch.nn.functional``, and of what layers share with them.

A function here takes what torch's takes and returns the operator on its first argument.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx

from edge_sdk.errors import FusionError
from edge_sdk.reparam.linear.algebra import scale_shift
from edge_sdk.reparam.linear.batch_norms import scale_and_shift
from edge_sdk.reparam.linear.operator import (
    LinearOperator,
    Padding,
    average_pool,
    constant_pad,
    from_kernel,
    identity,
)

LIKE = torch.zeros((), dtype=torch.float64)

Constants = dict[fx.Node, Any]


def scaled(channels: int, scale: Tensor, shift: Tensor) -> LinearOperator:
    """``scale·x + shift``, each one number or one per channel."""
    scales, shifts = (value.double().flatten().expand(channels) for value in (scale, shift))
    return scale_shift(identity(channels, LIKE), scales, shifts)


def repeated(channels: int, index: list[int]) -> LinearOperator:
    """Channels of x picked by their ``index``, in that order, as often as they stand there."""
    eye = torch.eye(channels, dtype=LIKE.dtype)[index]
    return LinearOperator(eye[:, :, None, None], eye.new_zeros(len(index)))


def mean(
    channels: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> LinearOperator:
    """Average pooling.

    Raises:
        FusionError: if a window at the border is another mean than one inside.
    """
    size = two(kernel_size)
    around = two(padding)
    if around != (0, 0) and not count_include_pad and not divisor_override:
        raise FusionError(
            "average pooling that does not count its padding has another kernel at the border; "
            "set count_include_pad=True"
        )
    if ceil_mode:
        raise FusionError(
            "average pooling with ceil_mode has another kernel at the border; set it to False"
        )
    pad = Padding(around[0], around[0], around[1], around[1])
    step = two(stride) if stride else size
    pool = average_pool(channels, size, step, pad, LIKE)
    if divisor_override:
        factor = size[0] * size[1] / divisor_override
        pool = replace(pool, kernel=pool.kernel * factor)
    return pool


def constant_padding(channels: int, padding: Any, value: float) -> LinearOperator:
    """Padding (left, right, top, bottom) by one value.

    Raises:
        FusionError: if it crops.
    """
    left, right, top, bottom = (int(side) for side in padding)
    if min(left, right, top, bottom) < 0:
        raise FusionError("a negative padding crops, which is not one kernel")
    filling = None if value == 0 else torch.full((channels,), value, dtype=torch.float64)
    return constant_pad(channels, Padding(top, bottom, left, right), filling, LIKE)


def pad(node: fx.Node, channels: int) -> LinearOperator | None:
    """Operator of ``functional.pad``."""
    named: dict[str, Any] = named_arguments(node, ("input", "pad", "mode", "value"))
    mode = named.get("mode", "constant")
    if mode != "constant":
        raise FusionError(f"padding by '{mode}' is not one kernel at the border; pad with zeros")
    padding = named["pad"]
    value = named.get("value")
    numbers = isinstance(padding, tuple | list) and all(isinstance(side, int) for side in padding)
    if not numbers or len(padding) not in (2, 4) or isinstance(value, fx.Node):
        return None
    padding = (*padding, 0, 0)[:4]
    return constant_padding(channels, padding, 0.0 if value is None else float(value))


def pool(node: fx.Node, channels: int) -> LinearOperator | None:
    """Operator of ``functional.avg_pool2d``."""
    if len(node.all_input_nodes) > 1:
        return None
    arguments: Any = node.args[1:]
    keywords: Any = {key: value for key, value in node.kwargs.items() if key != "input"}
    return mean(channels, *arguments, **keywords)


def conv(node: fx.Node, constants: Constants) -> LinearOperator | None:
    """Operator of ``functional.conv2d`` with constant weights."""
    named = named_arguments(
        node, ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    )
    weight, bias = named["weight"], named.get("bias")
    if weight not in constants or (bias is not None and bias not in constants):
        return None
    padding = named.get("padding", 0)
    return from_kernel(
        constants[weight].double(),
        None if bias is None else constants[bias].double(),
        two(named.get("stride", 1)),
        padding if isinstance(padding, str) else two(padding),
        two(named.get("dilation", 1)),
        int(named.get("groups", 1)),
    )


def batch_norm(node: fx.Node, constants: Constants, channels: int) -> LinearOperator | None:
    """Operator of ``functional.batch_norm`` with running statistics."""
    names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum")
    named = named_arguments(node, (*names, "eps"))
    if named.get("training", False):
        raise FusionError("a BatchNorm in training mode depends on the batch")
    parts = [named.get(key) for key in ("running_mean", "running_var", "weight", "bias")]
    if any(part is not None and part not in constants for part in parts):
        return None
    average, variance, weight, bias = (
        None if part is None else constants[part].double() for part in parts
    )
    if average is None or variance is None:
        return None
    eps = named.get("eps", 1e-5)
    return scaled(channels, *scale_and_shift(average, variance, eps, weight, bias))


def repeat_interleave(node: fx.Node, channels: int) -> LinearOperator | None:
    """Operator of ``repeat_interleave`` along the channels."""
    named = named_arguments(node, ("input", "repeats", "dim"))
    count = named.get("repeats")
    if named.get("dim") not in (1, -3) or not isinstance(count, int):
        return None
    return repeated(channels, [index // count for index in range(channels * count)])


def repeat(node: fx.Node, channels: int) -> LinearOperator | None:
    """Operator of ``x.repeat(1, n, 1, 1)``."""
    sizes = node.args[1] if len(node.args) == 2 else node.args[1:]
    if not isinstance(sizes, tuple | list) or len(sizes) != 4:
        return None
    first, count, *rest = sizes
    if (first, *rest) != (1, 1, 1) or not isinstance(count, int):
        return None
    return repeated(channels, list(range(channels)) * count)


def dropout(node: fx.Node, channels: int) -> LinearOperator | None:
    """Operator of ``functional.dropout`` and its variants outside of training."""
    # Behind the input and the probability; true by default in dropout and dropout2d alone.
    if named_arguments(node, ("input", "p", "training")).get("training", True) is not False:
        return None
    return identity(channels, LIKE)


def crop(node: fx.Node, channels: int) -> LinearOperator | None:
    """Channels picked and rows and columns cut off, ``x[:, e:f, a:-b, c:-d]``.

    It is a kernel with one tap per channel, off its center.

    Raises:
        FusionError: if an index counts from the front to a fixed row or column, or takes steps.
    """
    index = node.args[1]
    if not isinstance(index, tuple):
        return None
    if index[0] is Ellipsis and len(index) == 3:
        index = (slice(None), slice(None), *index[1:])
    if len(index) < 2 or not all(isinstance(part, slice) for part in index):
        return None
    channel = index[1]
    if index[0] != slice(None) or not isinstance(channel, slice) or not _is_plain(channel):
        return None
    picked = range(channels)[channel]
    if not picked:
        return None
    cuts = (*index[2:], slice(None), slice(None))[:2]
    (top, bottom), (left, right) = (_cut(part) for part in cuts)
    kernel = LIKE.new_zeros(len(picked), channels, top + bottom + 1, left + right + 1)
    kernel[range(len(picked)), picked, top, left] = 1.0
    return LinearOperator(kernel, LIKE.new_zeros(len(picked)))


def _is_plain(part: slice) -> bool:
    return all(isinstance(end, int | None) for end in (part.start, part.stop, part.step))


def _cut(part: slice) -> tuple[int, int]:
    """Pixels that a slice takes off in front and behind."""
    front, end = part.start or 0, part.stop or 0
    plain = isinstance(front, int) and isinstance(end, int) and part.step in (None, 1)
    if not plain or front < 0 or end > 0 or (end == 0 and part.stop is not None):
        raise FusionError(
            "it cuts at a fixed row or column, which is no kernel for pictures of another size; "
            "count from both ends, such as 1:-1"
        )
    return front, -end


def two(value: Any) -> tuple[int, int]:
    """Vertical and horizontal number of an argument that is one number or two."""
    if isinstance(value, tuple | list):
        return (int(value[0]), int(value[-1]))
    return (int(value), int(value))


def named_arguments(node: fx.Node, names: tuple[str, ...]) -> dict[str, Any]:
    """Arguments of a call by name, those given by position included."""
    return dict(zip(names, node.args, strict=False)) | node.kwargs

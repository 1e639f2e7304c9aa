"""Pooling over windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from edge_sdk_converters.tflite.operators.conv import explicit_pad, is_same, pair
from edge_sdk_converters.tflite.registry import Call, Value, handles


def _window(
    call: Call, x: Value
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Kernel, stride, padding before and padding after that torch's output size implies."""
    kernel = pair(call["kernel_size"])
    stride = pair(call["stride"]) if call["stride"] else kernel
    begin = pair(call["padding"])
    end = tuple(
        (call.shape[2 + axis] - 1) * stride[axis] + kernel[axis] - x.shape[2 + axis] - begin[axis]
        for axis in range(2)
    )
    return kernel, stride, begin, (end[0], end[1])


LARGEST_ADAPTIVE = 16
"""Most rows or columns of windows that are written out one by one."""


@handles("max_pool2d")
def max_pool2d(call: Call) -> Value:
    """Maximum over windows; padding never wins."""
    import tensorflow as tf

    x: Value = call["self"]
    if pair(call["dilation"]) != (1, 1):
        raise call.refuse("with dilation")
    kernel, stride, begin, end = _window(call, x)
    tensor, padding = x.tensor, "VALID"
    if is_same(x.shape[2:4], call.shape[2:4], kernel, stride, (1, 1), begin):
        padding = "SAME"
    else:
        tensor = explicit_pad(tensor, begin, end, float(np.finfo(np.float32).min))
    return Value(tf.nn.max_pool2d(tensor, kernel, stride, padding), call.shape)


@handles("avg_pool2d")
def avg_pool2d(call: Call) -> Value:
    """Mean over windows; where torch divides by another count, a constant map corrects it."""
    import tensorflow as tf

    x: Value = call["self"]
    kernel, stride, begin, end = _window(call, x)
    pooled = tf.nn.avg_pool2d(explicit_pad(x.tensor, begin, end, 0.0), kernel, stride, "VALID")
    ones = torch.ones(1, 1, *x.shape[2:4], dtype=torch.float64)
    arguments = (kernel, stride, begin, call["ceil_mode"], call["count_include_pad"])
    covered = torch.nn.functional.avg_pool2d(ones, *arguments, 1)
    weighted = torch.nn.functional.avg_pool2d(ones, *arguments, call["divisor_override"])
    exact = (kernel[0] * kernel[1] * weighted / covered).permute(0, 2, 3, 1)
    correction = exact.numpy().astype(np.float32)
    if np.all(correction == 1):
        return Value(pooled, call.shape)
    if np.ptp(correction) == 0:
        return Value(pooled * correction.flat[0], call.shape)
    return Value(pooled * correction, call.shape)


@handles("adaptive_avg_pool2d")
def adaptive_avg_pool2d(call: Call) -> Value:
    """Mean over the whole picture, or over equal windows where the sizes divide."""
    import tensorflow as tf

    x: Value = call["self"]
    outputs, sizes = call.shape[2:4], x.shape[2:4]
    if tuple(outputs) == (1, 1):
        return Value(tf.reduce_mean(x.tensor, axis=[1, 2], keepdims=True), call.shape)
    if any(size % output for size, output in zip(sizes, outputs, strict=True)):
        return Value(_by_windows(call, x, tf.reduce_mean), call.shape)
    kernel = [size // output for size, output in zip(sizes, outputs, strict=True)]
    return Value(tf.nn.avg_pool2d(x.tensor, kernel, kernel, "VALID"), call.shape)


@handles("adaptive_max_pool2d")
def adaptive_max_pool2d(call: Call) -> tuple[Value, ...]:
    """Maximum over the whole picture, or over windows that cover it; no indices."""
    import tensorflow as tf

    shape = tuple(int(size) for size in call.node.meta["val"][0].shape)
    return (Value(_by_windows(call, call["self"], tf.reduce_max, shape), shape),)


def _by_windows(call: Call, x: Value, function: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Reduce rows ⌊i·H/h⌋ … ⌈(i+1)·H/h⌉ for each of h outputs, then columns likewise.

    A window is a product of rows and columns, so reducing one axis after the other is the same.
    """
    import tensorflow as tf

    tensor = x.tensor
    for axis in (1, 2):
        size, outputs = x.shape[1 + axis], (shape or call.shape)[1 + axis]
        if outputs > LARGEST_ADAPTIVE:
            raise call.refuse(f"to {outputs} rows or columns that do not divide {size}")
        parts = []
        for index in range(outputs):
            start, stop = index * size // outputs, -(-(index + 1) * size // outputs)
            window = tensor[:, start:stop] if axis == 1 else tensor[:, :, start:stop]
            parts.append(function(window, axis=axis, keepdims=True))
        tensor = tf.concat(parts, axis=axis) if outputs > 1 else parts[0]
    return tensor

"""Pooling and reductions."""

from __future__ import annotations

import numpy as np
import torch

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.conv import explicit_pad, is_same, pair
from edge_sdk_converters.tflite.registry import NHWC_AXIS, Call, Value, handles


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
        raise call.refuse(f"from {sizes[0]}×{sizes[1]} to {outputs[0]}×{outputs[1]}")
    kernel = [size // output for size, output in zip(sizes, outputs, strict=True)]
    return Value(tf.nn.avg_pool2d(x.tensor, kernel, kernel, "VALID"), call.shape)


@handles("mean", "sum", "amax", "amin")
def reduce(call: Call) -> Value:
    """Mean, sum, maximum or minimum over axes."""
    import tensorflow as tf

    x: Value = call["self"]
    rank = len(x.shape)
    dims = call.arguments.get("dim")
    axes = range(rank) if dims is None or dims == [] else dims
    axes = [axis % rank for axis in ([axes] if isinstance(axes, int) else axes)]
    keep = bool(call.arguments.get("keepdim", False))
    if rank == 4:
        left = [axis for axis in range(4) if axis not in axes]
        if not keep and [NHWC_AXIS[axis] for axis in left] != sorted(
            NHWC_AXIS[axis] for axis in left
        ):
            raise call.refuse("that drops axes and leaves channels before rows; use keepdim=True")
        axes = [NHWC_AXIS[axis] for axis in axes]
    function = {
        "mean": tf.reduce_mean,
        "sum": tf.reduce_sum,
        "amax": tf.reduce_max,
        "amin": tf.reduce_min,
    }[operator_name(call.node.target)]
    return Value(function(x.tensor, axis=axes, keepdims=keep), call.shape)

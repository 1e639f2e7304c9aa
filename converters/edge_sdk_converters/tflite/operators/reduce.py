"""Reductions over whole axes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.registry import NHWC_AXIS, Call, Value, handles


@handles("mean", "sum", "amax", "amin", "prod", "var", "std", "linalg_vector_norm", any_axes=True)
def reduce(call: Call) -> Value:
    """Mean, sum, extreme, variance, deviation or length over axes."""
    import tensorflow as tf

    x: Value = call["self"]
    name = operator_name(call.node.target)
    dims = call.arguments.get("dim")
    axes, keep = _axes(call, x, dims), bool(call.arguments.get("keepdim", False))
    simple = {
        "mean": tf.reduce_mean,
        "sum": tf.reduce_sum,
        "amax": tf.reduce_max,
        "amin": tf.reduce_min,
        "prod": tf.reduce_prod,
    }
    if name in simple:
        return Value(simple[name](x.tensor, axis=axes, keepdims=keep), call.shape)
    if name == "linalg_vector_norm":
        return Value(_norm(call, x.tensor, axes, keep), call.shape)
    centered = x.tensor - tf.reduce_mean(x.tensor, axis=axes, keepdims=True)
    count = math.prod(int(x.tensor.shape[axis]) for axis in axes)
    correction = call.arguments.get("correction")
    unbiased = call.arguments.get("unbiased", True)
    lost = float(correction if correction is not None else unbiased)
    variance = tf.reduce_sum(tf.square(centered), axis=axes, keepdims=keep) * np.float32(
        1 / (count - lost)
    )
    return Value(variance if name == "var" else tf.sqrt(variance), call.shape)


@handles("max", "min", any_axes=True)
def extreme(call: Call) -> Value | tuple[Value, ...]:
    """Maximum or minimum, over all or with one axis dropped; indices of it are not kept."""
    import tensorflow as tf

    name = operator_name(call.node.target)
    x: Value = call["self"]
    function = tf.reduce_max if name == "max" else tf.reduce_min
    if "dim" not in call.arguments:
        if isinstance(call.arguments.get("other"), Value | np.ndarray):
            raise call.refuse("of two tensors; use torch.maximum or torch.minimum")
        return Value(function(x.tensor), ())
    axes = _axes(call, x, call["dim"])
    shape = tuple(int(size) for size in call.node.meta["val"][0].shape)
    return (Value(function(x.tensor, axis=axes, keepdims=bool(call["keepdim"])), shape),)


def _axes(call: Call, x: Value, dims: Any) -> list[int]:
    """Axes of the tensor for torch's ``dims``; refuses to leave channels before rows."""
    rank = len(x.shape)
    listed = range(rank) if dims is None or dims == [] else dims
    axes = [axis % rank for axis in ([listed] if isinstance(listed, int) else listed)]
    if rank != 4 or call.plain:
        return axes
    left = [NHWC_AXIS[axis] for axis in range(4) if axis not in axes]
    if not call.arguments.get("keepdim", False) and left != sorted(left):
        raise call.refuse("that drops axes and leaves channels before rows; use keepdim=True")
    return [NHWC_AXIS[axis] for axis in axes]


def _norm(call: Call, tensor: Any, axes: list[int], keep: bool) -> Any:
    import tensorflow as tf

    if call["ord"] == 1:
        return tf.reduce_sum(tf.abs(tensor), axis=axes, keepdims=keep)
    if call["ord"] != 2:
        raise call.refuse(f"of order {call['ord']}")
    return tf.sqrt(tf.reduce_sum(tf.square(tensor), axis=axes, keepdims=keep))

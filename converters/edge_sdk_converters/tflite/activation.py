"""Activations: one value in, one value out, whatever the order of the channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.registry import NHWC_AXIS, Call, Value, constant_like, handles

SIMPLE: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda tf, x: tf.nn.relu(x),
    "relu6": lambda tf, x: tf.nn.relu6(x),
    "sigmoid": lambda tf, x: tf.sigmoid(x),
    "tanh": lambda tf, x: tf.tanh(x),
    "silu": lambda tf, x: x * tf.sigmoid(x),
    "hardsigmoid": lambda tf, x: tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "hardswish": lambda tf, x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "neg": lambda tf, x: tf.negative(x),
    "abs": lambda tf, x: tf.abs(x),
    "exp": lambda tf, x: tf.exp(x),
    "sqrt": lambda tf, x: tf.sqrt(x),
    "reciprocal": lambda tf, x: 1.0 / x,
    "clone": lambda tf, x: x,
    "alias": lambda tf, x: x,
    "detach": lambda tf, x: x,
}
"""Elementwise operators without parameters."""


@handles(*SIMPLE, any_order=True)
def elementwise(call: Call) -> Value:
    """Apply an operator of :data:`SIMPLE`."""
    import tensorflow as tf

    x: Value = next(iter(call.arguments.values()))
    name = operator_name(call.node.target)
    return Value(SIMPLE[name](tf, x.tensor), x.shape, x.order)


@handles("_to_copy", any_order=True)
def to_copy(call: Call) -> Value:
    """Pass a copy through that stays float32; the memory format means nothing here."""
    x: Value = call["self"]
    dtype = call.node.meta["val"].dtype
    if dtype != torch.float32:
        raise call.refuse(f"to {dtype}")
    return x


@handles("leaky_relu", any_order=True)
def leaky_relu(call: Call) -> Value:
    """LEAKY_RELU; slope as given."""
    import tensorflow as tf

    x: Value = call["self"]
    slope = float(call["negative_slope"])
    return Value(tf.nn.leaky_relu(x.tensor, alpha=slope), x.shape, x.order)


@handles("prelu", any_order=True)
def prelu(call: Call) -> Value:
    """PReLU, relu(x) − a·relu(−x), in the form that becomes one PRELU operator."""
    import tensorflow as tf

    x: Value = call["self"]
    if not isinstance(call["weight"], np.ndarray):
        raise call.refuse("with a slope that is computed from the input")
    if len(x.shape) != 4:
        raise call.refuse(f"on a tensor of rank {len(x.shape)}")
    slope = call["weight"].reshape(1, -1, 1, 1)
    # The PRELU kernel wants one slope per channel, also where torch shares one.
    slope = np.broadcast_to(slope, (1, x.shape[1], 1, 1))
    alpha = constant_like(slope, 4, x.order)[0]
    tensor = tf.nn.relu(x.tensor) + (-alpha) * tf.nn.relu(-x.tensor)
    return Value(tensor, x.shape, x.order)


@handles("hardtanh", "clamp", "clip", "clamp_min", "clamp_max", any_order=True)
def clamp(call: Call) -> Value:
    """Clamp to constants; the ranges RELU, RELU6 and RELU_N1_TO_1 have operators of their own."""
    import tensorflow as tf

    x: Value = call["self"]
    low = call.arguments.get("min_val", call.arguments.get("min"))
    high = call.arguments.get("max_val", call.arguments.get("max"))
    if not all(bound is None or isinstance(bound, int | float) for bound in (low, high)):
        raise call.refuse("with bounds that are tensors")
    tensor = x.tensor
    if (low, high) == (0, 6):
        return Value(tf.nn.relu6(tensor), x.shape, x.order)
    if low == 0:
        tensor = tf.nn.relu(tensor)
    elif low is not None:
        tensor = tf.maximum(tensor, np.float32(low))
    if high is not None:
        tensor = tf.minimum(tensor, np.float32(high))
    return Value(tensor, x.shape, x.order)


@handles("softmax")
def softmax(call: Call) -> Value:
    """Softmax over one axis; written out where SOFTMAX would need a transpose."""
    import tensorflow as tf

    x: Value = call["self"]
    rank = len(x.shape)
    axis = call["dim"] % rank
    axis = NHWC_AXIS[axis] if rank == 4 else axis
    if axis == rank - 1:
        return Value(tf.nn.softmax(x.tensor), x.shape)
    raised = tf.exp(x.tensor - tf.reduce_max(x.tensor, axis=axis, keepdims=True))
    return Value(raised / tf.reduce_sum(raised, axis=axis, keepdims=True), x.shape)

"""Fully connected layers and matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.operators.conv import add_bias, constant, optional_constant
from edge_sdk_converters.tflite.registry import Call, Floats, Value, handles, inverse, reordered


@handles("linear", any_order=True, any_axes=True)
def linear(call: Call) -> Value:
    """Fully connected layer on the last axis; a reordered input is absorbed by the weights."""
    weight = constant(call, "weight")
    tensor = _multiplied(call, call["input"], weight.T)
    return Value(add_bias(tensor, optional_constant(call, "bias")), call.shape)


@handles("mm", "matmul", "addmm", "bmm", any_order=True, any_axes=True)
def matmul(call: Call) -> Value:
    """Matrix product of two tensors, or of one with a constant, with an offset for ``addmm``."""
    import tensorflow as tf

    sides = [call.arguments.get(name) for name in ("self", "other", "mat1", "mat2")]
    if operator_name(call.node.target) == "addmm":
        sides = [call["mat1"], call["mat2"]]
        if not isinstance(call["self"], np.ndarray):
            raise call.refuse("with an offset that is computed from the input")
    left, right = (side for side in sides if side is not None)
    if isinstance(left, Value) and isinstance(right, np.ndarray) and right.ndim == 2:
        tensor = _multiplied(call, left, np.asarray(right, np.float32))
    else:
        left, right = (_whole(call, side) for side in (left, right))
        tensor = tf.matmul(left, right)
    if operator_name(call.node.target) == "addmm":
        if call["alpha"] != 1:
            tensor = tensor * np.float32(call["alpha"])
        tensor = tensor + constant(call, "self") * np.float32(call["beta"])
    return Value(tensor, call.shape)


def _multiplied(call: Call, x: Value, weight: Floats) -> Any:
    """x·W for a constant K×M ``weight``, whatever the order of the last axis of ``x``."""
    import tensorflow as tf

    if len(x.shape) not in (2, 3) and not call.plain:
        raise call.refuse(f"on a tensor of rank {len(x.shape)}")
    if x.order is not None:
        weight = weight[list(inverse(x.order))]
        call.note("its weights are permuted so that the flattened picture stays channels-last")
    rows = x.tensor if len(x.shape) == 2 else tf.reshape(x.tensor, [-1, x.shape[-1]])
    tensor = tf.matmul(rows, np.ascontiguousarray(weight.T), transpose_b=True)
    return tensor if len(x.shape) == 2 else tf.reshape(tensor, [*x.shape[:-1], weight.shape[1]])


def _whole(call: Call, side: Any) -> Any:
    if isinstance(side, np.ndarray):
        return np.asarray(side, np.float32)
    if len(side.shape) not in (2, 3) and not call.plain:
        raise call.refuse(f"on a tensor of rank {len(side.shape)}")
    return reordered(side, None).tensor

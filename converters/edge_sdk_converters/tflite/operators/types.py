"""Other types than float32: casts, and the logic of masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.registry import Call, Value, handles

_TYPES = {
    torch.bool: "bool",
    torch.float32: "float32",
    torch.float64: "float32",
    torch.int32: "int32",
    torch.int64: "int32",
}
"""TensorFlow's types for torch's. Indices and counts fit into 32 bits; kernels have no double."""

LOGIC: dict[str, Callable[[Any, Any, Any], Any]] = {
    name: function
    for names, function in (
        (("__and__", "bitwise_and", "logical_and"), lambda tf, a, b: tf.logical_and(a, b)),
        (("__or__", "bitwise_or", "logical_or"), lambda tf, a, b: tf.logical_or(a, b)),
        (("__xor__", "bitwise_xor", "logical_xor"), lambda tf, a, b: tf.not_equal(a, b)),
    )
    for name in names
}
"""Operators of two masks."""


@handles("_to_copy", any_order=True, any_places=True)
def to_copy(call: Call) -> Value:
    """Another type, or a copy; the memory format means nothing here."""
    import tensorflow as tf

    x: Value = call["self"]
    dtype = call.node.meta["val"].dtype
    if dtype not in _TYPES:
        raise call.refuse(f"to {dtype}")
    if dtype == torch.float64:
        call.note("float64 is computed in float32")
    kind = getattr(tf, _TYPES[dtype])
    return x if x.tensor.dtype == kind else replace(x, tensor=tf.cast(x.tensor, kind))


@handles(*LOGIC, any_axes=True)
def logic(call: Call) -> Value:
    """Apply an operator of :data:`LOGIC` to masks."""
    import tensorflow as tf

    first, second = (
        _mask(call, side, len(call.shape)) for side in list(call.arguments.values())[:2]
    )
    return Value(LOGIC[operator_name(call.node.target)](tf, first, second), call.shape)


@handles("bitwise_not", "logical_not", any_axes=True)
def negation(call: Call) -> Value:
    """What a mask leaves out."""
    import tensorflow as tf

    x: Value = call["self"]
    return Value(tf.logical_not(_mask(call, x, len(x.shape))), x.shape)


@handles("any", "all", any_axes=True)
def every(call: Call) -> Value:
    """Whether some or all of a tensor, or along one axis that is kept, is not 0."""
    import tensorflow as tf

    x: Value = call["self"]
    function = tf.reduce_all if operator_name(call.node.target) == "all" else tf.reduce_any
    mask = _mask(call, x, len(x.shape), numbers=True)
    dims = call.arguments.get("dim")
    if dims is None:
        return Value(function(mask), ())
    if not call["keepdim"] and not call.plain and len(x.shape) == 4:
        raise call.refuse("that drops an axis; use keepdim=True")
    listed = [dims] if isinstance(dims, int) else dims
    axes = [call.axis(dim, len(x.shape)) for dim in listed]
    return Value(function(mask, axis=axes, keepdims=bool(call["keepdim"])), call.shape)


def _mask(call: Call, side: Any, rank: int, *, numbers: bool = False) -> Any:
    import tensorflow as tf

    if isinstance(side, Value):
        if side.tensor.dtype == tf.bool:
            return side.tensor
        if not numbers and not operator_name(call.node.target).startswith("logical"):
            raise call.refuse("of numbers; only masks have it")
        return tf.not_equal(side.tensor, tf.zeros((), side.tensor.dtype))
    if isinstance(side, np.ndarray):
        return call.constant(side, rank) != 0
    return bool(side)

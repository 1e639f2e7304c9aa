"""Arithmetic, comparison and selection, with broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.registry import (
    Call,
    Order,
    Value,
    handles,
    reordered,
)

BINARY: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda tf, a, b: a + b,
    "sub": lambda tf, a, b: a - b,
    "rsub": lambda tf, a, b: b - a,
    "mul": lambda tf, a, b: a * b,
    "div": lambda tf, a, b: a / b,
    "maximum": lambda tf, a, b: tf.maximum(a, b),
    "minimum": lambda tf, a, b: tf.minimum(a, b),
    "floor_divide": lambda tf, a, b: tf.floor(a / b),
    "atan2": lambda tf, a, b: tf.math.atan2(a, b),
    "remainder": lambda tf, a, b: a - tf.floor(a / b) * b,
    "gt": lambda tf, a, b: tf.greater(a, b),
    "ge": lambda tf, a, b: tf.greater_equal(a, b),
    "lt": lambda tf, a, b: tf.less(a, b),
    "le": lambda tf, a, b: tf.less_equal(a, b),
    "eq": lambda tf, a, b: tf.equal(a, b),
    "ne": lambda tf, a, b: tf.not_equal(a, b),
}
"""Operators of two operands; ``alpha``, where torch has it, scales the one torch says."""


@handles(*BINARY, any_order=True, any_axes=True)
def binary(call: Call) -> Value:
    """Apply an operator of :data:`BINARY` to features, constants and scalars."""
    import tensorflow as tf

    name = operator_name(call.node.target)
    first, second = list(call.arguments.values())[:2]
    alpha = call.arguments.get("alpha", 1)
    rank = len(call.shape)
    order = _shared_order([first, second], rank)
    left, right = (_number(_operand(call, side, rank, order)) for side in (first, second))
    if alpha != 1:
        # torch scales ``other`` in add and sub, and ``self`` in rsub.
        left, right = (
            (left * np.float32(alpha), right)
            if name == "rsub"
            else (left, right * np.float32(alpha))
        )
    return Value(BINARY[name](tf, left, right), call.shape, order)


def _number(operand: Any) -> Any:
    """A mask as zeros and ones: TensorFlow would make a mask of the number instead."""
    import tensorflow as tf

    is_mask = operand.dtype in (tf.bool, np.bool_)
    return tf.cast(operand, tf.float32) if is_mask else operand


@handles("lerp", any_order=True, any_axes=True)
def lerp(call: Call) -> Value:
    """Blend of two tensors, a + w·(b − a)."""
    rank = len(call.shape)
    sides = [call["self"], call["end"], call["weight"]]
    order = _shared_order(sides, rank)
    start, end, weight = (_operand(call, side, rank, order) for side in sides)
    return Value(start + weight * (end - start), call.shape, order)


@handles("addcmul", "addcdiv", any_order=True, any_axes=True)
def add_product(call: Call) -> Value:
    """Sum with a scaled product or quotient, a + s·b·c or a + s·b/c."""
    rank = len(call.shape)
    sides = [call["self"], call["tensor1"], call["tensor2"]]
    order = _shared_order(sides, rank)
    base, left, right = (_operand(call, side, rank, order) for side in sides)
    divides = operator_name(call.node.target) == "addcdiv"
    part = left / right if divides else left * right
    return Value(base + np.float32(call["value"]) * part, call.shape, order)


@handles("where", "masked_fill", any_order=True, any_axes=True)
def where(call: Call) -> Value:
    """Choose by a mask, element by element."""
    import tensorflow as tf

    if operator_name(call.node.target) == "where":
        mask, first, second = call["condition"], call["self"], call["other"]
    else:
        mask, first, second = call["mask"], call["value"], call["self"]
    rank = len(call.shape)
    order = _shared_order([mask, first, second], rank)
    chosen = [_operand(call, side, rank, order) for side in (mask, first, second)]
    return Value(tf.where(tf.cast(chosen[0], tf.bool), *chosen[1:]), call.shape, order)


@handles("threshold", any_order=True, any_axes=True)
def threshold(call: Call) -> Value:
    """Keep x above the threshold, a constant elsewhere."""
    import tensorflow as tf

    x: Value = call["self"]
    above = x.tensor > np.float32(call["threshold"])
    return Value(tf.where(above, x.tensor, np.float32(call["value"])), x.shape, x.order)


def _shared_order(sides: list[Any], rank: int) -> Order | None:
    """Order in which to combine: the features' own if all that have channels agree."""
    if rank != 4 and any(isinstance(side, np.ndarray) for side in sides):
        return None
    orders = [
        side.order
        for side in sides
        if isinstance(side, Value) and side.shape and side.tensor.shape[-1] != 1
    ]
    return orders[0] if orders and all(order == orders[0] for order in orders) else None


def _operand(call: Call, side: Any, rank: int, order: Order | None) -> Any:
    if isinstance(side, Value):
        if call.plain or not side.shape:
            return side.tensor
        if len(side.shape) != rank and 4 in (len(side.shape), rank):
            raise call.refuse(f"between tensors of rank {len(side.shape)} and {rank}")
        return side.tensor if side.tensor.shape[-1] == 1 else reordered(side, order).tensor
    if isinstance(side, np.ndarray):
        return call.constant(side, rank, order)
    return np.float32(side)


@handles("pow", any_order=True, any_axes=True)
def power(call: Call) -> Value:
    """Square, square root or a general power with a constant exponent."""
    import tensorflow as tf

    x, exponent = call["self"], call["exponent"]
    if not isinstance(x, Value) or not isinstance(exponent, int | float):
        raise call.refuse("with an exponent that is not a number")
    if exponent in (0.5, 2):
        tensor = tf.sqrt(x.tensor) if exponent == 0.5 else tf.square(x.tensor)
    else:
        tensor = tf.pow(x.tensor, np.float32(exponent))
    return Value(tensor, x.shape, x.order)

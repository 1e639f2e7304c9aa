"""Arithmetic of two operands, with broadcasting, and batch normalisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.registry import (
    Call,
    Order,
    Value,
    constant_like,
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
}
"""Operators of two operands; ``alpha``, where torch has it, scales the one torch says."""


@handles(*BINARY, any_order=True)
def binary(call: Call) -> Value:
    """Apply an operator of :data:`BINARY` to features, constants and scalars."""
    import tensorflow as tf

    name = operator_name(call.node.target)
    first, second = list(call.arguments.values())[:2]
    alpha = call.arguments.get("alpha", 1)
    if call.arguments.get("rounding_mode") is not None:
        raise call.refuse(f"with rounding_mode='{call['rounding_mode']}'")
    rank = len(call.shape)
    order = _shared_order([first, second], rank)
    left, right = (_operand(call, side, rank, order) for side in (first, second))
    if alpha != 1:
        # torch scales ``other`` in add and sub, and ``self`` in rsub.
        left, right = (
            (left * np.float32(alpha), right)
            if name == "rsub"
            else (left, right * np.float32(alpha))
        )
    return Value(BINARY[name](tf, left, right), call.shape, order)


def _shared_order(sides: list[Any], rank: int) -> Order | None:
    """Order in which to combine: the features' own if all that have channels agree."""
    if rank != 4 and any(isinstance(side, np.ndarray) for side in sides):
        return None
    orders = [
        side.order for side in sides if isinstance(side, Value) and side.tensor.shape[-1] != 1
    ]
    return orders[0] if orders and all(order == orders[0] for order in orders) else None


def _operand(call: Call, side: Any, rank: int, order: Order | None) -> Any:
    if isinstance(side, Value):
        if len(side.shape) != rank and 4 in (len(side.shape), rank):
            raise call.refuse(f"between tensors of rank {len(side.shape)} and {rank}")
        return side.tensor if side.tensor.shape[-1] == 1 else reordered(side, order).tensor
    if isinstance(side, np.ndarray):
        return constant_like(side, rank, order)
    return np.float32(side)


@handles("pow", any_order=True)
def power(call: Call) -> Value:
    """Square, square root or a general power with a constant exponent."""
    import tensorflow as tf

    x, exponent = call["self"], call["exponent"]
    if not isinstance(x, Value) or not isinstance(exponent, int | float):
        raise call.refuse("with an exponent that is not a number")
    tensor = tf.square(x.tensor) if exponent == 2 else tf.pow(x.tensor, np.float32(exponent))
    return Value(tensor, x.shape, x.order)


@handles("_native_batch_norm_legit_no_training", any_order=True)
def batch_norm(call: Call) -> tuple[Value, ...]:
    """Batch normalisation in eval mode as scale and offset, computed in float64.

    y = x·s + (b − m·s) with s = w / √(v + ε).
    """
    x: Value = call["input"]
    mean, variance = (call[name].astype(np.float64) for name in ("running_mean", "running_var"))
    weight = np.ones_like(mean) if call["weight"] is None else call["weight"].astype(np.float64)
    bias = np.zeros_like(mean) if call["bias"] is None else call["bias"].astype(np.float64)
    scale = weight / np.sqrt(variance + call["eps"])
    offset = bias - mean * scale
    if len(x.shape) != 4:
        raise call.refuse(f"on a tensor of rank {len(x.shape)}")
    scale, offset = (
        constant_like(part.reshape(1, -1, 1, 1), 4, x.order) for part in (scale, offset)
    )
    return (Value(x.tensor * scale + offset, x.shape, x.order),)

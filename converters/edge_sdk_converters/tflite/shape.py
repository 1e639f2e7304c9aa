"""Joining, cutting, padding and reshaping."""

from __future__ import annotations

import numpy as np

from edge_sdk_converters.tflite.registry import (
    NHWC_AXIS,
    Call,
    Order,
    Value,
    constant_like,
    handles,
    reordered,
)


def _axis(dim: int, rank: int) -> int:
    return NHWC_AXIS[dim % rank] if rank == 4 else dim % rank


@handles("cat")
def cat(call: Call) -> Value:
    """Concatenate along any axis, constants included."""
    import tensorflow as tf

    rank = len(call.shape)
    parts = [
        part.tensor if isinstance(part, Value) else constant_like(part, rank)
        for part in call["tensors"]
    ]
    return Value(tf.concat(parts, axis=_axis(call["dim"], rank)), call.shape)


@handles("slice")
def slice_(call: Call) -> Value:
    """Cut one axis to start:end:step."""
    x: Value = call["self"]
    rank = len(x.shape)
    dim = call["dim"] % rank
    cut = slice(*slice(call["start"], call["end"], call["step"]).indices(x.shape[dim]))
    if cut == slice(0, x.shape[dim], 1):
        return x
    index = [slice(None)] * rank
    index[_axis(dim, rank)] = cut
    return Value(x.tensor[tuple(index)], call.shape)


@handles("split", "split_with_sizes")
def split(call: Call) -> tuple[Value, ...]:
    """Cut one axis into consecutive parts."""
    x: Value = call["self"]
    rank = len(x.shape)
    axis = _axis(call["dim"], rank)
    parts, start = [], 0
    for meta in call.node.meta["val"]:
        shape = tuple(int(size) for size in meta.shape)
        index = [slice(None)] * rank
        index[axis] = slice(start, start + shape[call["dim"] % rank])
        start += shape[call["dim"] % rank]
        parts.append(Value(x.tensor[tuple(index)], shape))
    return tuple(parts)


@handles("pad", "constant_pad_nd")
def pad(call: Call) -> Value:
    """Pad by a constant, by reflection, or by the edge (a mirror of one row, repeated)."""
    import tensorflow as tf

    x: Value = call["self"]
    rank = len(x.shape)
    amounts = [[0, 0] for _ in range(rank)]
    for index in range(len(call["pad"]) // 2):
        amounts[_axis(rank - 1 - index, rank)] = call["pad"][2 * index : 2 * index + 2]
    if np.min(amounts) < 0:
        raise call.refuse("with negative amounts; slice instead")
    mode = call.arguments.get("mode", "constant")
    if mode == "constant":
        fill = float(call.arguments.get("value") or 0.0)
        return Value(tf.pad(x.tensor, amounts, constant_values=fill), call.shape)
    if mode == "reflect":
        return Value(tf.pad(x.tensor, amounts, mode="REFLECT"), call.shape)
    if mode != "replicate":
        raise call.refuse(f"in mode '{mode}'")
    tensor, remaining = x.tensor, np.asarray(amounts)
    while remaining.any():
        step = np.minimum(remaining, 1)
        tensor = tf.pad(tensor, step.tolist(), mode="SYMMETRIC")
        remaining = remaining - step
    return Value(tensor, call.shape)


@handles("view", "squeeze", "unsqueeze")
def reshape(call: Call) -> Value:
    """Change the shape where the two layouts agree, or flatten with the order left to the user."""
    import tensorflow as tf

    x: Value = call["self"]
    if x.shape == call.shape:
        return x
    target = call.shape
    laid_out = (target[0], target[2], target[3], target[1]) if len(target) == 4 else target
    if _layouts_agree(x.shape) and _layouts_agree(target):
        return Value(tf.reshape(x.tensor, laid_out), target)
    size = int(np.prod(target[1:]))
    if len(x.shape) == 4 and target == (x.shape[0], size):
        return Value(tf.reshape(x.tensor, target), target, _flat_order(x.shape))
    if len(target) == 4 and x.shape == (target[0], size):
        ordered = reordered(x, _flat_order(target))
        call.note("the vector is gathered into channels-last order")
        return Value(tf.reshape(ordered.tensor, laid_out), target)
    raise call.refuse(f"from {x.shape} to {target}, which would need a transpose")


def _layouts_agree(shape: tuple[int, ...]) -> bool:
    """Tell whether the elements run in the same order in torch's layout and channels-last."""
    return len(shape) != 4 or shape[1] == 1 or shape[2] * shape[3] == 1


def _flat_order(shape: tuple[int, ...]) -> Order:
    """Where the elements of a C×H×W picture lie once it is flattened channels-last."""
    _, channels, height, width = shape
    places = np.arange(channels * height * width).reshape(height, width, channels)
    return tuple(int(place) for place in places.transpose(2, 0, 1).reshape(-1))

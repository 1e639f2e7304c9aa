"""Joining, cutting, padding and picking."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_sdk_converters.tflite.registry import Call, Value, handles


@handles("cat", any_axes=True)
def cat(call: Call) -> Value:
    """Concatenate along any axis, constants included."""
    import tensorflow as tf

    rank = len(call.shape)
    parts = [
        part.tensor if isinstance(part, Value) else call.constant(part, rank)
        for part in call["tensors"]
    ]
    return Value(tf.concat(parts, axis=call.axis(call["dim"], rank)), call.shape)


@handles("slice", any_axes=True)
def slice_(call: Call) -> Value:
    """Cut one axis to start:end:step."""
    x: Value = call["self"]
    rank = len(x.shape)
    dim = call["dim"] % rank
    cut = slice(*slice(call["start"], call["end"], call["step"]).indices(x.shape[dim]))
    if cut == slice(0, x.shape[dim], 1):
        return x
    index = [slice(None)] * rank
    index[call.axis(dim, rank)] = cut
    return Value(x.tensor[tuple(index)], call.shape)


@handles("split", "split_with_sizes", any_axes=True)
def split(call: Call) -> tuple[Value, ...]:
    """Cut one axis into consecutive parts."""
    x: Value = call["self"]
    rank = len(x.shape)
    axis = call.axis(call["dim"], rank)
    parts, start = [], 0
    for meta in call.node.meta["val"]:
        shape = tuple(int(size) for size in meta.shape)
        index = [slice(None)] * rank
        index[axis] = slice(start, start + shape[call["dim"] % rank])
        start += shape[call["dim"] % rank]
        parts.append(Value(x.tensor[tuple(index)], shape))
    return tuple(parts)


@handles("pad", "constant_pad_nd", any_axes=True)
def pad(call: Call) -> Value:
    """Pad by a constant, by reflection, or by the edge (a mirror of one row, repeated)."""
    import tensorflow as tf

    x: Value = call["self"]
    rank = len(x.shape)
    amounts = [[0, 0] for _ in range(rank)]
    for index in range(len(call["pad"]) // 2):
        amounts[call.axis(rank - 1 - index, rank)] = call["pad"][2 * index : 2 * index + 2]
    mode = call.arguments.get("mode", "constant")
    tensor = _cropped(x.tensor, amounts)
    amounts = [[max(before, 0), max(after, 0)] for before, after in amounts]
    if mode == "constant":
        fill = float(call.arguments.get("value") or 0.0)
        return Value(tf.pad(tensor, amounts, constant_values=fill), call.shape)
    if mode == "reflect":
        return Value(tf.pad(tensor, amounts, mode="REFLECT"), call.shape)
    if mode == "circular":
        return Value(_wrapped(tensor, amounts), call.shape)
    if mode != "replicate":
        raise call.refuse(f"in mode '{mode}'")
    remaining = np.asarray(amounts)
    while remaining.any():
        step = np.minimum(remaining, 1)
        tensor = tf.pad(tensor, step.tolist(), mode="SYMMETRIC")
        remaining = remaining - step
    return Value(tensor, call.shape)


def _cropped(tensor: Any, amounts: list[list[int]]) -> Any:
    """Take away the rows that negative amounts of padding stand for."""
    if np.min(amounts) >= 0:
        return tensor
    window = [
        slice(max(-before, 0), size - max(-after, 0))
        for (before, after), size in zip(amounts, tensor.shape, strict=True)
    ]
    return tensor[tuple(window)]


def _wrapped(tensor: Any, amounts: list[list[int]]) -> Any:
    """Continue each axis with its own other end."""
    import tensorflow as tf

    for axis, (before, after) in enumerate(amounts):
        if before or after:
            size = tensor.shape[axis]
            index = [slice(None)] * len(amounts)
            head, tail = list(index), list(index)
            head[axis], tail[axis] = slice(size - before, size), slice(0, after)
            tensor = tf.concat([tensor[tuple(head)], tensor, tensor[tuple(tail)]], axis=axis)
    return tensor


@handles("flip", any_axes=True)
def flip(call: Call) -> Value:
    """Turn axes round."""
    import tensorflow as tf

    x: Value = call["self"]
    axes = [call.axis(dim, len(x.shape)) for dim in call["dims"]]
    return Value(tf.reverse(x.tensor, axes), x.shape)


@handles("roll", any_axes=True)
def roll(call: Call) -> Value:
    """Shift axes round in a circle."""
    import tensorflow as tf

    x: Value = call["self"]
    if not call["dims"]:
        raise call.refuse("over the flattened tensor; name the axes")
    tensor = x.tensor
    for shift, dim in zip(call["shifts"], call["dims"], strict=True):
        axis = call.axis(dim, len(x.shape))
        size = tensor.shape[axis]
        head, tail = tf.split(tensor, [size - shift % size, shift % size], axis=axis)
        tensor = tf.concat([tail, head], axis=axis)
    return Value(tensor, x.shape)


@handles("repeat", "expand", any_axes=True)
def repeat(call: Call) -> Value:
    """Repeat along axes; new ones come first."""
    import tensorflow as tf

    x: Value = call["self"]
    rank = len(x.shape)
    shape, tensor = x.shape, x.tensor
    if rank != len(call.shape):
        if not call.plain:
            raise call.refuse(f"from rank {rank} to {len(call.shape)}")
        rank = len(call.shape)
        shape = (*[1] * (rank - len(shape)), *shape)
        tensor = tf.reshape(tensor, shape)
    counts = [1] * rank
    for dim, (before, after) in enumerate(zip(shape, call.shape, strict=True)):
        counts[call.axis(dim, rank)] = after // before
    return Value(tf.tile(tensor, counts) if max(counts) > 1 else tensor, call.shape)


@handles("stack", any_axes=True)
def stack(call: Call) -> Value:
    """Join along a new axis."""
    import tensorflow as tf

    rank = len(call.shape)
    if rank > 3 and not call.plain:
        raise call.refuse(f"into a tensor of rank {rank}; concatenate instead")
    parts = [
        part.tensor if isinstance(part, Value) else np.asarray(part, np.float32)
        for part in call["tensors"]
    ]
    return Value(tf.stack(parts, axis=call["dim"] % rank), call.shape)


@handles("select", any_axes=True)
def select(call: Call) -> Value:
    """One index of an axis, which is dropped; what is left must be in order."""
    x: Value = call["self"]
    dim = call["dim"] % len(x.shape)
    _check_left(call, x, dim)
    index: list[Any] = [slice(None)] * len(x.shape)
    index[call.axis(dim, len(x.shape))] = call["index"]
    return Value(x.tensor[tuple(index)], call.shape)


@handles("unbind", any_axes=True)
def unbind(call: Call) -> tuple[Value, ...]:
    """Every index of an axis, which is dropped."""
    import tensorflow as tf

    x: Value = call["self"]
    dim = call["dim"] % len(x.shape)
    _check_left(call, x, dim)
    shape = tuple(size for axis, size in enumerate(x.shape) if axis != dim)
    parts = tf.unstack(x.tensor, axis=call.axis(dim, len(x.shape)))
    return tuple(Value(part, shape) for part in parts)


def _check_left(call: Call, x: Value, dim: int) -> None:
    """Refuse to drop an axis if the channels would then stand before the rows."""
    if len(x.shape) == 4 and dim != 1 and not call.plain:
        raise call.refuse("that drops an axis and leaves channels before rows; slice instead")


@handles("index", any_axes=True)
def index(call: Call) -> Value:
    """Constant indices of one axis; channels become an order that the next layer absorbs."""
    import tensorflow as tf

    x: Value = call["self"]
    chosen = [(dim, array) for dim, array in enumerate(call["indices"]) if array is not None]
    if len(chosen) != 1 or not isinstance(chosen[0][1], np.ndarray) or chosen[0][1].ndim != 1:
        raise call.refuse("by anything but one constant list of indices")
    dim, array = chosen[0]
    if (
        dim == 1
        and len(x.shape) == 4
        and not call.plain
        and sorted(array % x.shape[1]) == list(range(x.shape[1]))
    ):
        return Value(x.tensor, x.shape, tuple(int(i) for i in array % x.shape[1]))
    axis = call.axis(dim, len(x.shape))
    indices = (array % x.shape[dim]).astype(np.int32)
    return Value(tf.gather(x.tensor, indices, axis=axis), call.shape)

"""Largest values and their places, and running sums."""

from __future__ import annotations

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.registry import Call, Value, handles


@handles("topk", plain_only=True)
def topk(call: Call) -> tuple[Value, ...]:
    """The largest or least values of an axis in order, and their places."""
    import tensorflow as tf

    x: Value = call["self"]
    rank = len(x.shape)
    dim = call["dim"] % rank
    order = [axis for axis in range(rank) if axis != dim] + [dim]
    back = [order.index(axis) for axis in range(rank)]
    tensor = x.tensor
    if dim != rank - 1:
        call.note("a TRANSPOSE before topk and behind it")
        tensor = tf.transpose(tensor, order)
    largest = bool(call["largest"])
    values, places = tf.math.top_k(tensor if largest else -tensor, call["k"], sorted=True)
    results = [values if largest else -values, places]
    if dim != rank - 1:
        results = [tf.transpose(result, back) for result in results]
    shape = tuple(int(size) for size in call.node.meta["val"][0].shape)
    return tuple(Value(result, shape) for result in results)


@handles("argmax", "argmin", any_axes=True)
def argmax(call: Call) -> Value:
    """Place of the largest or the least value of an axis."""
    import tensorflow as tf

    x: Value = call["self"]
    if call["dim"] is None:
        raise call.refuse("over the flattened tensor; name the axis")
    rank, dim = len(x.shape), call["dim"] % len(x.shape)
    if rank == 4 and dim != 1 and not call["keepdim"] and not call.plain:
        raise call.refuse("that drops an axis and leaves channels before rows; use keepdim=True")
    name = operator_name(call.node.target)
    function = tf.argmax if name == "argmax" else tf.argmin
    axis = call.axis(dim, rank)
    tensor = function(x.tensor, axis=axis, output_type=tf.int32)
    return Value(tf.expand_dims(tensor, axis) if call["keepdim"] else tensor, call.shape)


@handles("cumsum", any_axes=True)
def cumsum(call: Call) -> Value:
    """Running sum along an axis."""
    import tensorflow as tf

    x: Value = call["self"]
    return Value(tf.cumsum(x.tensor, axis=call.axis(call["dim"], len(x.shape))), x.shape)

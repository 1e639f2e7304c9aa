"""Values picked by indices and at places that the model computes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge_sdk_converters.tflite.layout import channels_last, moves, plain
from edge_sdk_converters.tflite.registry import Call, Value, handles


@handles("gather", plain_only=True)
def gather(call: Call) -> Value:
    """One value for each index along an axis: a GATHER of the flattened tensor."""
    import tensorflow as tf

    x = call["self"]
    if not isinstance(x, Value):
        raise call.refuse("from a constant table by indices that the model computes")
    dim = call["dim"] % len(x.shape)
    strides = [math.prod(x.shape[axis + 1 :]) for axis in range(len(x.shape))]
    place = np.zeros(call.shape, np.int32)
    for axis, size in enumerate(call.shape):
        if axis != dim:
            shape = [1] * len(call.shape)
            shape[axis] = size
            place = place + (np.arange(size, dtype=np.int32) * strides[axis]).reshape(shape)
    chosen = call["index"]
    if isinstance(chosen, Value):
        along = tf.cast(chosen.tensor, tf.int32) * np.int32(strides[dim])
    else:
        along = (chosen % x.shape[dim]).astype(np.int32) * np.int32(strides[dim])
    return Value(tf.gather(tf.reshape(x.tensor, [-1]), place + along), call.shape)


_BILINEAR, _NEAREST = 0, 1
_ZEROS, _BORDER = 0, 1


@handles("grid_sampler", any_places=True)
def grid_sample(call: Call) -> Value:
    """Values at places in [−1, 1]: for each of four neighbors a GATHER of whole pixels."""
    import tensorflow as tf

    if not isinstance(call["input"], Value):
        raise call.refuse("of a constant picture")
    x, places = channels_last(call["input"]), _in_order(call, call["grid"])
    mode, padding = call["interpolation_mode"], call["padding_mode"]
    if len(x.shape) != 4 or mode not in (_BILINEAR, _NEAREST):
        raise call.refuse("but by nearest neighbors or bilinear, of pictures")
    if padding not in (_ZEROS, _BORDER):
        raise call.refuse("with padding_mode='reflection'")
    batch, channels, height, width = x.shape
    corners = bool(call["align_corners"])
    columns, rows = (
        (places[..., axis] + 1.0) * np.float32((size - 1 if corners else size) / 2)
        - np.float32(0 if corners else 0.5)
        for axis, size in ((0, width), (1, height))
    )
    if padding == _BORDER:
        rows = tf.clip_by_value(rows, 0.0, float(height - 1))
        columns = tf.clip_by_value(columns, 0.0, float(width - 1))
    pixels = tf.reshape(x.tensor, [-1, channels])
    first = np.arange(batch, dtype=np.int32).reshape(-1, 1, 1) * (height * width)

    def at(row: Any, column: Any) -> Any:
        inside_rows = tf.clip_by_value(row, 0.0, float(height - 1))
        inside_columns = tf.clip_by_value(column, 0.0, float(width - 1))
        index = tf.cast(inside_rows, tf.int32) * width + tf.cast(inside_columns, tf.int32)
        found = tf.gather(pixels, index + first)
        if padding == _BORDER:
            return found
        is_inside = tf.logical_and(tf.equal(inside_rows, row), tf.equal(inside_columns, column))
        return found * tf.cast(is_inside, tf.float32)[..., None]

    if mode == _NEAREST:
        return Value(at(tf.round(rows), tf.round(columns)), call.shape)
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    upper = at(top, left) * (1.0 - right) + at(top, left + 1.0) * right
    lower = at(top + 1.0, left) * (1.0 - right) + at(top + 1.0, left + 1.0) * right
    return Value(upper * (1.0 - down) + lower * down, call.shape)


def _in_order(call: Call, grid: Any) -> Any:
    """Places N×H×W×2, which a feature map's own layout would turn round."""
    if not isinstance(grid, Value):
        return np.asarray(grid, np.float32)
    if moves(grid, to_plain=True):
        call.note("a TRANSPOSE before the places of grid_sample")
    return plain(grid).tensor

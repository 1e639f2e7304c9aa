"""Batch, group, instance and layer normalization.

Statistics of groups of channels are taken without leaving rank 4: the mean of each channel over the
picture, then a 1×1 convolution that averages the channels of each group.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk_converters.tflite.quantization import integer_affine, step_of
from edge_sdk_converters.tflite.registry import Call, Floats, Order, Value, handles, inverse


def per_channel(array: NDArray[np.generic], order: Order | None) -> Floats:
    """Lay one number per channel out along the last axis of a value held in ``order``."""
    floats = np.asarray(array, np.float32)
    return floats if order is None else np.ascontiguousarray(floats[list(inverse(order))])


@handles("_native_batch_norm_legit_no_training", any_order=True)
def batch_norm(call: Call) -> tuple[Value, ...]:
    """Batch normalization in eval mode as scale and offset, computed in float64.

    y = x·s + (b − m·s) with s = w / √(v + ε).
    """
    x: Value = call["input"]
    mean, variance = (call[name].astype(np.float64) for name in ("running_mean", "running_var"))
    weight = np.ones_like(mean) if call["weight"] is None else call["weight"].astype(np.float64)
    bias = np.zeros_like(mean) if call["bias"] is None else call["bias"].astype(np.float64)
    scale = weight / np.sqrt(variance + call["eps"])
    offset = bias - mean * scale
    if len(x.shape) not in (2, 4):
        raise call.refuse(f"on a tensor of rank {len(x.shape)}")
    scale, offset = (per_channel(part, x.order) for part in (scale, offset))
    if step_of(call) is not None:
        call.note("batch normalization is a depthwise 1×1 convolution of int8 codes")
        return (Value(integer_affine(call, x.tensor, scale, offset), x.shape, x.order),)
    return (Value(x.tensor * scale + offset, x.shape, x.order),)


@handles("group_norm")
def group_norm(call: Call) -> Value:
    """Normalize each group of channels of each picture by its own mean and variance."""
    return _grouped(call, call["input"], int(call["num_groups"]))


@handles("instance_norm")
def instance_norm(call: Call) -> Value:
    """Normalize each channel of each picture, or by stored statistics if it has them."""
    x: Value = call["input"]
    if not call["use_input_stats"]:
        raise call.refuse("with running statistics; use BatchNorm2d")
    return _grouped(call, x, x.shape[1])


def _grouped(call: Call, x: Value, groups: int) -> Value:
    import tensorflow as tf

    if len(x.shape) != 4:
        raise call.refuse(f"on a tensor of rank {len(x.shape)}")
    channels = x.shape[1]
    membership = np.kron(np.eye(groups), np.ones((channels // groups,) * 2))
    average = (membership * groups / channels).astype(np.float32)[None, None]

    def group_mean(tensor: Any) -> Any:
        mean = tf.reduce_mean(tensor, axis=[1, 2], keepdims=True)
        return mean if groups == channels else tf.nn.conv2d(mean, average, 1, "VALID")

    centered = x.tensor - group_mean(x.tensor)
    deviation = tf.sqrt(group_mean(tf.square(centered)) + np.float32(call["eps"]))
    return Value(_affine(call, centered / deviation), x.shape)


@handles("layer_norm", any_axes=True)
def layer_norm(call: Call) -> Value:
    """Normalize over the last axes; over all but the first for feature maps."""
    import tensorflow as tf

    x: Value = call["input"]
    rank, count = len(x.shape), len(call["normalized_shape"])
    if rank == 4 and count != 3 and not call.plain:
        raise call.refuse(f"over {count} axes of a feature map")
    axes = list(range(rank - count, rank))
    centered = x.tensor - tf.reduce_mean(x.tensor, axis=axes, keepdims=True)
    variance = tf.reduce_mean(tf.square(centered), axis=axes, keepdims=True)
    result = centered / tf.sqrt(variance + np.float32(call["eps"]))
    return Value(_affine(call, result), x.shape)


def _affine(call: Call, tensor: Any) -> Any:
    """Scale and offset as far as the layer has them, laid out channels-last."""
    weight, bias = (
        call[name] if call.plain else _channels_last(call[name]) for name in ("weight", "bias")
    )
    tensor = tensor if weight is None else tensor * weight
    return tensor if bias is None else tensor + bias


def _channels_last(array: Floats | None) -> Floats | None:
    if array is None or array.ndim != 3:
        return array
    return np.ascontiguousarray(array.transpose(1, 2, 0))

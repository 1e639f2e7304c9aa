"""Activations: one value in, one value out, whatever the order of the channels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from edge_sdk.exported import operator_name
from edge_sdk_converters.tflite.quantization import (
    integer_affine,
    integer_prelu,
    rounded_early,
    step_of,
)
from edge_sdk_converters.tflite.registry import (
    Call,
    Value,
    constant_like,
    handles,
    inverse,
)


def _expm1(tf: Any, x: Any) -> Any:
    """exp(x) − 1 as tanh(x / 2) · (exp(x) + 1), which loses nothing near 0."""
    return tf.tanh(x * 0.5) * (tf.exp(x) + 1.0)


def _sinh(above: Any) -> Any:
    """(t + t / (t + 1)) / 2 of t = exp(x) − 1."""
    return (above + above / (above + 1.0)) * 0.5


ERF_ABOVE = (
    -2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
    -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02,
)  # fmt: skip
ERF_BELOW = (
    -1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
    -1.42647390514189e-02,
)  # fmt: skip
"""Coefficients in x², highest first, of the quotient that Eigen and XLA compute erf by; its error
in float32 is below 4e-7."""


def _erf(tf: Any, x: Any) -> Any:
    """x·P(x²) / Q(x²) between −4 and 4, where erf is ±1 within float32."""
    x = tf.clip_by_value(x, -4.0, 4.0)
    square = x * x
    above, below = (_polynomial(square, coefficients) for coefficients in (ERF_ABOVE, ERF_BELOW))
    return x * above / below


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    result = x * np.float32(coefficients[0]) + np.float32(coefficients[1])
    for each in coefficients[2:]:
        result = result * x + np.float32(each)
    return result


def _log1p(tf: Any, x: Any) -> Any:
    """log(1 + x); near 0, where 1 + x is rounded, by what is left of x (Kahan)."""
    above = 1.0 + x
    left = above - 1.0
    is_tiny = tf.equal(left, 0.0)
    return tf.where(is_tiny, x, tf.math.log(above) * (x / tf.where(is_tiny, 1.0, left)))


SIMPLE: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda tf, x: tf.nn.relu(x),
    "relu6": lambda tf, x: tf.nn.relu6(x),
    "sigmoid": lambda tf, x: tf.sigmoid(x),
    "tanh": lambda tf, x: tf.tanh(x),
    "silu": lambda tf, x: x * tf.sigmoid(x),
    "hardswish": lambda tf, x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
    "neg": lambda tf, x: tf.negative(x),
    "abs": lambda tf, x: tf.abs(x),
    "exp": lambda tf, x: tf.exp(x),
    "sqrt": lambda tf, x: tf.sqrt(x),
    "reciprocal": lambda tf, x: 1.0 / x,
    "floor": lambda tf, x: tf.floor(x),
    "ceil": lambda tf, x: tf.math.ceil(x),
    "round": lambda tf, x: tf.round(x),
    "sign": lambda tf, x: tf.sign(x),
    "sin": lambda tf, x: tf.sin(x),
    "cos": lambda tf, x: tf.cos(x),
    "tan": lambda tf, x: tf.sin(x) / tf.cos(x),
    "sinh": lambda tf, x: _sinh(_expm1(tf, x)),
    "cosh": lambda tf, x: (tf.exp(x) + tf.exp(-x)) * 0.5,
    "erf": lambda tf, x: _erf(tf, x),
    "log": lambda tf, x: tf.math.log(x),
    "log2": lambda tf, x: tf.math.log(x) * np.float32(1 / math.log(2)),
    "log1p": lambda tf, x: _log1p(tf, x),
    "expm1": lambda tf, x: _expm1(tf, x),
    "rsqrt": lambda tf, x: tf.math.rsqrt(x),
    "square": lambda tf, x: tf.square(x),
    # log(1 + exp(x)) without the overflow of exp: max(x, 0) + log(1 + exp(-|x|)).
    "log_sigmoid": lambda tf, x: -(tf.nn.relu(-x) + tf.math.log(1.0 + tf.exp(-tf.abs(x)))),
    "clone": lambda tf, x: x,
    "alias": lambda tf, x: x,
    "detach": lambda tf, x: x,
}
"""Elementwise operators without parameters."""


@handles(*SIMPLE, any_order=True, any_places=True)
def elementwise(call: Call) -> Value:
    """Apply an operator of :data:`SIMPLE`."""
    import tensorflow as tf

    x: Value = next(iter(call.arguments.values()))
    name = operator_name(call.node.target)
    return replace(x, tensor=SIMPLE[name](tf, x.tensor))


@handles("hardsigmoid", any_order=True)
def hardsigmoid(call: Call) -> Value:
    """relu6(x + 3) / 6; of int8 codes min(relu(x / 6 + ½), 1), whose product needs no codes."""
    import tensorflow as tf

    x: Value = call["self"]
    if step_of(call) is None:
        return replace(x, tensor=tf.nn.relu6(x.tensor + 3.0) * (1.0 / 6.0))
    channels = int(x.tensor.shape[-1])
    sixth = np.full(channels, 1 / 6, np.float32)
    line = integer_affine(call, x.tensor, sixth, np.full(channels, 0.5, np.float32))
    call.note("hard sigmoid is a depthwise 1×1 convolution of int8 codes and a clamp")
    return replace(x, tensor=tf.minimum(tf.nn.relu(line), np.float32(1)))


@handles("leaky_relu", any_order=True, any_places=True)
def leaky_relu(call: Call) -> Value:
    """LEAKY_RELU; slope as given."""
    import tensorflow as tf

    x: Value = call["self"]
    slope = float(call["negative_slope"])
    return replace(x, tensor=tf.nn.leaky_relu(x.tensor, alpha=slope))


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""Constants of Klambauer et al., Self-Normalizing Neural Networks, 2017."""


@handles("elu", "celu", "selu", any_order=True)
def elu(call: Call) -> Value:
    """ELU and its variants, s·(max(x, 0) + α·(exp(t·min(x, 0)) − 1)).

    ELU has t = 1, CELU t = 1/α, SELU two constants for α and s.
    """
    import tensorflow as tf

    x: Value = call["self"]
    name = operator_name(call.node.target)
    alpha = SELU_ALPHA if name == "selu" else float(call["alpha"])
    scale = SELU_SCALE if name == "selu" else float(call.arguments.get("scale", 1))
    inner = 1 / alpha if name == "celu" else float(call.arguments.get("input_scale", 1))
    if (alpha, scale, inner) == (1, 1, 1):
        return Value(tf.nn.elu(x.tensor), x.shape, x.order)
    below = tf.exp(tf.minimum(x.tensor, 0.0) * np.float32(inner)) - 1.0
    tensor = tf.nn.relu(x.tensor) * np.float32(scale) + below * np.float32(alpha * scale)
    return Value(tensor, x.shape, x.order)


@handles("gelu", any_order=True, any_places=True)
def gelu(call: Call) -> Value:
    """GELU, exact or by tanh; both are one operator."""
    import tensorflow as tf

    x: Value = call["self"]
    tensor = tf.nn.gelu(x.tensor, approximate=call["approximate"] == "tanh")
    return replace(x, tensor=tensor)


@handles("softplus", any_order=True)
def softplus(call: Call) -> Value:
    """log(1 + exp(β·x)) / β without overflow; x itself above the threshold, as in torch."""
    import tensorflow as tf

    x: Value = call["self"]
    beta = np.float32(call["beta"])
    scaled = x.tensor * beta if beta != 1 else x.tensor
    tensor = (tf.nn.relu(scaled) + tf.math.log(1.0 + tf.exp(-tf.abs(scaled)))) / beta
    above = scaled > np.float32(call["threshold"])
    return Value(tf.where(above, x.tensor, tensor), x.shape, x.order)


@handles("prelu", any_order=True)
def prelu(call: Call) -> Value:
    """PReLU, relu(x) − a·relu(−x), in the form that becomes one PRELU operator."""
    import tensorflow as tf

    x: Value = call["self"]
    if not isinstance(call["weight"], np.ndarray):
        raise call.refuse("with a slope that is computed from the input")
    if len(x.shape) == 2:
        return _prelu_of_vectors(call, x)
    if len(x.shape) != 4:
        raise call.refuse(f"on a tensor of rank {len(x.shape)}")
    slope = call["weight"].reshape(1, -1, 1, 1)
    # The PRELU kernel wants one slope per channel, also where torch shares one.
    slope = np.broadcast_to(slope, (1, x.shape[1], 1, 1))
    alpha = constant_like(slope, 4, x.order)[0]
    if (step := step_of(call)) is not None:
        call.note("PReLU is relu(x) − a·relu(−x), two 1×1 convolutions of int8 codes")
        return Value(integer_prelu(x.tensor, alpha.ravel(), step), x.shape, x.order)
    tensor = tf.nn.relu(x.tensor) + (-alpha) * tf.nn.relu(-x.tensor)
    return Value(tensor, x.shape, x.order)


def _prelu_of_vectors(call: Call, x: Value) -> Value:
    """PReLU behind a fully connected layer, as a picture of one pixel."""
    import tensorflow as tf

    slopes = np.broadcast_to(call["weight"].astype(np.float32), (x.shape[1],))
    if x.order is not None:
        slopes = slopes[list(inverse(x.order))]
    pixel = tf.reshape(x.tensor, [x.shape[0], 1, 1, x.shape[1]])
    if (step := step_of(call)) is not None:
        call.note("PReLU is relu(x) − a·relu(−x), two 1×1 convolutions of int8 codes")
        result = rounded_early(call, integer_prelu(pixel, slopes, step))
    else:
        result = tf.nn.relu(pixel) + (-slopes[None, None]) * tf.nn.relu(-pixel)
    return Value(tf.reshape(result, list(x.shape)), x.shape, x.order)


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


@handles("softmax", "log_softmax", any_axes=True)
def softmax(call: Call) -> Value:
    """Softmax or its logarithm over one axis; written out where that would need a transpose."""
    import tensorflow as tf

    x: Value = call["self"]
    rank = len(x.shape)
    axis = call.axis(call["dim"], rank)
    logarithm = operator_name(call.node.target) == "log_softmax"
    if axis == rank - 1:
        function = tf.nn.log_softmax if logarithm else tf.nn.softmax
        return Value(function(x.tensor), x.shape)
    lowered = x.tensor - tf.reduce_max(x.tensor, axis=axis, keepdims=True)
    total = tf.reduce_sum(tf.exp(lowered), axis=axis, keepdims=True)
    if logarithm:
        return Value(lowered - tf.math.log(total), x.shape)
    return Value(tf.exp(lowered) / total, x.shape)

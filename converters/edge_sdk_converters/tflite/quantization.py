"""Int8 codes in the TensorFlow graph: fake-quantization with the scales of the scheme.

TensorFlow's converter turns every ``FakeQuant`` into the quantization parameters of the tensor
behind it, so the file holds the scheme's scales and zero points and nothing is calibrated again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.fx import Graph, Node

from edge_sdk.exported import operator_name
from edge_sdk.int8 import LEVELS, slope_divisions
from edge_sdk.quantization.scheme import MIN_SCALE, STEPS
from edge_sdk.quantization.value_graph import CLAMPING
from edge_sdk_converters.tflite.registry import Call, Floats, Value, handles, inverse


@handles("quantize_per_tensor", any_order=True)
def quantize_per_tensor(call: Call) -> Value:
    """Round to codes; the tensor goes on as the numbers that they stand for."""
    import tensorflow as tf

    x: Value = call["input"]
    scale, zero = call["scale"], call["zero_point"]
    low, high = (scale * (bound - zero) for bound in (call["quant_min"], call["quant_max"]))
    tensor = tf.quantization.fake_quant_with_min_max_vars(x.tensor, low, high)
    return Value(tensor, x.shape, x.order)


@handles("dequantize_per_tensor", any_order=True)
def dequantize_per_tensor(call: Call) -> Value:
    """Nothing to do: see :func:`quantize_per_tensor`."""
    x: Value = call["input"]
    return x


def step_of(call: Call) -> float | None:
    """Step of the codes that an activation's input is held in; ``None`` if it is in float."""
    source = call.node.args[0]
    if not isinstance(source, Node) or source.op != "call_function":
        return None
    if operator_name(source.target) != "dequantize_per_tensor":
        return None
    scale = source.args[1]
    assert isinstance(scale, float)
    return scale


def rounded_early(call: Call, tensor: Any) -> Any:
    """A layer's result on the codes that the graph gives it further on, behind its clamp at most.

    Cutting and joining keep codes, and rounding does not mind being done before a clamp.

    Args:
        call: the layer.
        tensor: its result, or a part of it; returned as it is if the layer stays in float.
    """
    import tensorflow as tf

    reader = call.node
    for _ in range(2):
        users = list(reader.users)
        if len(users) != 1 or users[0].op != "call_function":
            return tensor
        reader = users[0]
        if operator_name(reader.target) == "quantize_per_tensor":
            scale, zero, lowest, highest = reader.args[1:5]
            low, high = (float(scale) * (float(bound) - float(zero)) for bound in (lowest, highest))  # type: ignore[arg-type]
            return tf.quantization.fake_quant_with_min_max_vars(tensor, low, high)
        if operator_name(reader.target) not in CLAMPING:
            return tensor
    return tensor


def integer_affine(call: Call, tensor: Any, scale: Floats, offset: Floats) -> Any:
    """x·s + b with numbers per channel: a depthwise 1×1 convolution, whose int8 weights are exact.

    Each channel has one weight, which is ±127 steps of its own.

    Args:
        call: the operator that this is a part of.
        tensor: channels last, rank 2 or 4, on its codes.
        scale: float32 [C], in the order of the tensor's channels.
        offset: float32 [C], likewise.
    """
    import tensorflow as tf

    shape = list(tensor.shape)
    if len(shape) not in (2, 4):
        raise call.refuse(f"in int8 on a tensor of rank {len(shape)}")
    picture = tensor if len(shape) == 4 else tf.reshape(tensor, [shape[0], 1, 1, shape[1]])
    peak = np.maximum(np.abs(scale), np.float32(MIN_SCALE)).astype(np.float32)
    weight = tf.quantization.fake_quant_with_min_max_vars_per_channel(
        scale.astype(np.float32)[None, None, None], -peak, peak, num_bits=8, narrow_range=True
    )
    weight = tf.reshape(weight, [1, 1, shape[-1], 1])
    result = tf.nn.depthwise_conv2d(picture, weight, [1, 1, 1, 1], "VALID")
    result = tf.nn.bias_add(result, offset.astype(np.float32))
    return result if len(shape) == 4 else tf.reshape(rounded_early(call, result), shape)


def integer_prelu(tensor: Any, slopes: Floats, step: float) -> Any:
    """PReLU as relu(x) − a·relu(−x): two 1×1 convolutions, which integer kernels are fast at.

    TFLite's own int8 PRELU runs on a reference kernel, several times slower. relu(x) and relu(−x)
    are held exactly by the step of x; slopes lie on the grid of
    :func:`edge_sdk.int8.slope_divisions`, so that both weights are exact too.

    Args:
        tensor: channels-last, already on its codes.
        slopes: float32 [C], in the order of the tensor's channels.
        step: of the codes.
    """
    import tensorflow as tf

    count = len(slopes)
    unit = np.eye(count, dtype=np.float32)
    sides = _held(np.concatenate([unit, -unit], 1), np.full(2 * count, LEVELS, np.float64))
    parts = tf.nn.relu(tf.nn.conv2d(tensor, sides, 1, "VALID"))
    parts = tf.quantization.fake_quant_with_min_max_vars(parts, 0.0, STEPS * step)
    weights = np.concatenate([unit, -unit * slopes], 0)
    return tf.nn.conv2d(parts, _held(weights, slope_divisions(slopes)), 1, "VALID")


def _held(matrix: Floats, divisions: NDArray[np.float64]) -> Any:
    """A 1×1 kernel [in, out] in int8, with the step 1/divisions of each output channel."""
    import tensorflow as tf

    peak = (LEVELS / divisions).astype(np.float32)
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(
        matrix[None, None], -peak, peak, num_bits=8, narrow_range=True
    )


def weight_scales(graph: Graph, constants: Mapping[Node, Any]) -> dict[Node, Floats]:
    """Scales of the output channels of each layer whose weight is held in int8, float32 [out]."""
    found: dict[Node, Floats] = {}
    for node in graph.nodes:
        source = node.args[1] if node.op == "call_function" and len(node.args) > 1 else None
        if (
            isinstance(source, Node)
            and source.op == "call_function"
            and operator_name(source.target).startswith("dequantize_per_")
            and source in constants
        ):
            found[node] = _scales_of(source, constants)
    return found


def stored_weight(call: Call, weight: Floats) -> Any:
    """The weight as the file is to hold it: in int8 if the layer has scales, else as it is.

    Args:
        call: the layer; its output channels are held in ``call.emit_order``.
        weight: float32 whose last axis holds the output channels.
    """
    import tensorflow as tf

    weight = np.ascontiguousarray(weight)
    scales = call.weight_scales
    if scales is None:
        return weight
    if call.emit_order is not None:
        scales = scales[list(inverse(call.emit_order))]
    peak = (scales.astype(np.float64) * LEVELS).astype(np.float32)
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(
        weight, -peak, peak, num_bits=8, narrow_range=True
    )


def stored_kernel(call: Call, kernel: Floats) -> Any:
    """The same for a transposed convolution's kernel [height, width, out, in].

    TensorFlow has no fake-quantization along that axis. Its converter takes max|w_c| / 127 as step,
    which is the scheme's own, since steps follow from the weights.
    """
    import tensorflow as tf

    kernel = np.ascontiguousarray(kernel)
    if call.weight_scales is None or call.weight_scales.size > 1:
        return kernel
    peak = float(call.weight_scales.item() * LEVELS)
    return tf.quantization.fake_quant_with_min_max_args(
        kernel, -peak, peak, num_bits=8, narrow_range=True
    )


def _scales_of(dequantized: Node, constants: Mapping[Node, Any]) -> Floats:
    scales = dequantized.args[1]
    if isinstance(scales, float):
        return np.array([scales], np.float32)
    assert isinstance(scales, Node)
    found: Floats = constants[scales].numpy()
    return found

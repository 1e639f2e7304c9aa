"""Int8 codes in the TensorFlow graph: fake-quantisation with the scales of the scheme.

TensorFlow's converter turns every ``FakeQuant`` into the quantisation parameters of the tensor
behind it, so the file holds the scheme's scales and zero points and nothing is calibrated anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.fx import Graph, Node

from edge_sdk.exported import operator_name
from edge_sdk.quantize.scheme import STEPS
from edge_sdk.reparam.int8 import LEVELS, slope_divisions
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


def integer_prelu(tensor: Any, slopes: Floats, step: float) -> Any:
    """PReLU as relu(x) − a·relu(−x): two 1×1 convolutions, which integer kernels are fast at.

    TFLite's own int8 PRELU runs on a reference kernel, several times slower. relu(x) and relu(−x)
    are held exactly by the step of x; slopes lie on the grid of
    :func:`edge_sdk.reparam.int8.slope_divisions`, so that both weights are exact too.

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
            and operator_name(source.target) == "dequantize_per_channel"
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


def _scales_of(dequantised: Node, constants: Mapping[Node, Any]) -> Floats:
    scales = dequantised.args[1]
    assert isinstance(scales, Node)
    found: Floats = constants[scales].numpy()
    return found

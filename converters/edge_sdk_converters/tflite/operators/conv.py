"""Convolutions and fully connected layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge_sdk_converters.tflite.quantization import rounded_early, stored_kernel, stored_weight
from edge_sdk_converters.tflite.registry import Call, Floats, Value, handles, inverse, reordered


def pair(value: int | list[int] | tuple[int, ...]) -> tuple[int, int]:
    """Read torch's ``n``, ``[n]`` or ``[h, w]`` as (height, width)."""
    sizes = [value] if isinstance(value, int) else list(value)
    return (sizes[0], sizes[0]) if len(sizes) == 1 else (sizes[0], sizes[1])


def same_begin(size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """Rows that TensorFlow's SAME puts before an axis of ``size``."""
    extent = (kernel - 1) * dilation + 1
    return max((-(-size // stride) - 1) * stride + extent - size, 0) // 2


def is_same(
    sizes: tuple[int, ...],
    outputs: tuple[int, ...],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    begin: tuple[int, int],
) -> bool:
    """Return whether windows that start at ``-begin`` are exactly those of SAME, on both axes."""
    return all(
        outputs[axis] == -(-sizes[axis] // stride[axis])
        and begin[axis] == same_begin(sizes[axis], kernel[axis], stride[axis], dilation[axis])
        for axis in range(2)
    )


def explicit_pad(tensor: Any, begin: tuple[int, int], end: tuple[int, int], fill: float) -> Any:
    """Pad height and width of a channels-last tensor; negative amounts at the end are ignored."""
    import tensorflow as tf

    amounts = [[0, 0], [begin[0], max(end[0], 0)], [begin[1], max(end[1], 0)], [0, 0]]
    if not np.any(amounts):
        return tensor
    return tf.pad(tensor, amounts, constant_values=fill)


@handles("conv2d", any_order=True)
def conv2d(call: Call) -> Value:
    """Convolve: SAME or VALID where that is identical, a PAD in front where it is not."""
    x: Value = call["input"]
    weight = constant(call, "weight")
    if x.order is not None and call["groups"] != 1:
        x = reordered(x, None)
    stride, dilation = pair(call["stride"]), pair(call["dilation"])
    kernel = (weight.shape[2], weight.shape[3])
    sizes, outputs = x.shape[2:4], call.shape[2:4]
    if call["padding"] == "same":
        begin = tuple(dilation[axis] * (kernel[axis] - 1) // 2 for axis in range(2))
    else:
        begin = (0, 0) if call["padding"] == "valid" else pair(call["padding"])
    hwio = weight.transpose(2, 3, 1, 0)
    if x.order is not None:
        hwio = hwio[:, :, inverse(x.order), :]
        call.note("its input channels are permuted in the weights instead of in the picture")
    tensor, padding = x.tensor, "VALID"
    if is_same(sizes, outputs, kernel, stride, dilation, begin):
        padding = "SAME"
    else:
        end = [
            (outputs[axis] - 1) * stride[axis]
            + (kernel[axis] - 1) * dilation[axis]
            + 1
            - sizes[axis]
            - begin[axis]
            for axis in range(2)
        ]
        tensor = explicit_pad(tensor, begin, (end[0], end[1]), 0.0)
    bias = optional_constant(call, "bias")
    if call.emit_order is not None:
        hwio = hwio[..., inverse(call.emit_order)]
        bias = None if bias is None else bias[list(inverse(call.emit_order))]
    tensor = _convolve(call, tensor, hwio, stride, dilation, padding)
    return Value(add_bias(tensor, bias), call.shape, call.emit_order)


def _convolve(
    call: Call,
    tensor: Any,
    hwio: Floats,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: str,
) -> Any:
    import tensorflow as tf

    groups, channels = call["groups"], tensor.shape[-1]
    # TensorFlow's depthwise operator has one stride and, when dilated, only stride 1.
    if (
        1 < groups == channels
        and stride[0] == stride[1]
        and (stride == (1, 1) or dilation == (1, 1))
    ):
        # Its last axis alone may have scales: one per output channel before it is reshaped.
        stored = stored_weight(call, hwio.reshape(*hwio.shape[:2], 1, -1))
        multiplied = tf.reshape(stored, [*hwio.shape[:2], channels, -1])
        return tf.raw_ops.DepthwiseConv2dNative(
            input=tensor,
            filter=multiplied,
            strides=[1, *stride, 1],
            padding=padding,
            dilations=[1, *dilation, 1],
        )
    stored = stored_weight(call, hwio)
    return tf.nn.conv2d(tensor, stored, list(stride), padding, dilations=list(dilation))


@handles("conv_transpose2d")
def conv_transpose2d(call: Call) -> Value:
    """Transposed convolution: the full one, cropped where torch's padding is not SAME's."""
    import tensorflow as tf

    x: Value = call["input"]
    weight = constant(call, "weight")
    stride, dilation = pair(call["stride"]), pair(call["dilation"])
    begin, groups = pair(call["padding"]), call["groups"]
    weight = _spread(weight, dilation)
    kernel = (weight.shape[2], weight.shape[3])
    sizes, outputs = x.shape[2:4], call.shape[2:4]
    # The transpose maps back from the outputs, so their windows are those of a forward SAME.
    same = is_same(outputs, sizes, kernel, stride, (1, 1), begin)
    full = tuple(
        max(begin[axis] + outputs[axis], (sizes[axis] - 1) * stride[axis] + kernel[axis])
        for axis in range(2)
    )
    height, width = outputs if same else full
    per_group = weight.shape[1]
    bias = optional_constant(call, "bias")
    parts = []
    for index, part in enumerate(tf.split(x.tensor, groups, axis=-1) if groups > 1 else [x.tensor]):
        width_in = weight.shape[0] // groups
        chosen = weight[index * width_in : (index + 1) * width_in]
        whole = tf.nn.conv2d_transpose(
            part,
            stored_kernel(call, chosen.transpose(2, 3, 1, 0)),
            [x.shape[0], height, width, per_group],
            list(stride),
            "SAME" if same else "VALID",
        )
        own = None if bias is None else bias[index * per_group : (index + 1) * per_group]
        parts.append(add_bias(whole, own))
    is_cut = not same and (begin != (0, 0) or full != tuple(outputs))
    if is_cut or groups > 1:
        parts = [rounded_early(call, part) for part in parts]
    tensor = tf.concat(parts, axis=-1) if groups > 1 else parts[0]
    if is_cut:
        tensor = tensor[:, begin[0] : begin[0] + outputs[0], begin[1] : begin[1] + outputs[1], :]
    return Value(tensor, call.shape)


def _spread(weight: Floats, dilation: tuple[int, int]) -> Floats:
    """Write a dilated kernel out with its zeros."""
    if dilation == (1, 1):
        return weight
    height, width = (
        (size - 1) * step + 1 for size, step in zip(weight.shape[2:], dilation, strict=True)
    )
    spread = np.zeros((*weight.shape[:2], height, width), np.float32)
    spread[:, :, :: dilation[0], :: dilation[1]] = weight
    return spread


def constant(call: Call, name: str) -> Floats:
    """Weight ``name`` of a layer; refuses one that is computed from the input."""
    value = call[name]
    if not isinstance(value, np.ndarray):
        raise call.refuse(f"with a {name} that is computed from the input")
    return value.astype(np.float32)


def optional_constant(call: Call, name: str) -> Floats | None:
    """Return the same, or ``None`` if the layer has no such weight."""
    return None if call[name] is None else constant(call, name)


def add_bias(tensor: Any, bias: Floats | None) -> Any:
    """Add one number per channel, if there are any."""
    import tensorflow as tf

    return tensor if bias is None else tf.nn.bias_add(tensor, bias)

"""Int8 codes of a graph as Core AI's own quantize and dequantize, with the scales as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch.fx import Node


def _quantize(values: dict[str, Any], node: Node, loc: Any) -> Any:
    """Codes: clip(round(x / scale) + zero_point), in Core AI's own operation."""
    from coreai._compiler.dialects import coreai

    return coreai.quantize(*_per_tensor(values, node), loc=loc)


def _dequantize(values: dict[str, Any], node: Node, loc: Any) -> Any:
    from coreai._compiler.dialects import coreai

    return coreai.dequantize(*_per_tensor(values, node), loc=loc)


def _per_tensor(values: dict[str, Any], node: Node) -> tuple[Any, ...]:
    source, scale, zero_point, *_ = node.args
    return (
        values[str(source)],
        _constant(np.array(scale, np.float32)),
        _constant(np.array(zero_point, np.int8)),
        _constant(np.array(0, np.float32)),
        _constant(np.array(0, np.int32)),
    )


def _dequantize_channels(values: dict[str, Any], node: Node, loc: Any) -> Any:
    """Int8 weights, symmetric: codes · scales along an axis."""
    from coreai._compiler.dialects import coreai

    codes, scales, _, axis, *_ = node.args
    steps = values[str(scales)]
    channels = steps.type.shape[0]
    return coreai.dequantize(
        values[str(codes)],
        steps,
        _constant(np.zeros(channels, np.int8)),
        _constant(np.zeros(channels, np.float32)),
        _constant(np.array(axis, np.int32)),
        loc=loc,
    )


def _constant(array: np.ndarray[Any, Any]) -> Any:
    from coreai._compiler.dialects import coreai

    return coreai.constant(array)


CODES = {
    "quantize_per_tensor": _quantize,
    "dequantize_per_tensor": _dequantize,
    "dequantize_per_channel": _dequantize_channels,
}
"""How the operators that hold int8 codes in a graph are written."""

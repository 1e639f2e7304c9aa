"""Codes of a TFLite file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.artifacts.codes.layers import Code, StoredCodes, StoredLayer, layer
from edge_sdk.extras import require

_WEIGHTED = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1}
"""Operators with weights, and which of their inputs holds them."""
_BIAS = {"TRANSPOSE_CONV": 3}
_LAYOUTS = {"DEPTHWISE_CONV_2D": (3, 0, 1, 2)}
"""Axes of the file's weights in PyTorch's order; output, rows, columns, input by default."""


def tflite_codes(content: bytes) -> StoredCodes:
    """Codes of the first graph.

    Args:
        content: the whole file.
    """
    schema = require("tflite", "ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    graph = model.subgraphs[0]
    reader = _Reader(model, graph.tensors, schema.TensorType.INT8)
    order = [*graph.inputs]
    layers = []
    for operator in graph.operators:
        order.extend(operator.outputs)
        code = model.operatorCodes[operator.opcodeIndex]
        name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
        found = reader.layer(name, operator.inputs) if name in _WEIGHTED else None
        layers += [] if found is None else [found]
    activations = tuple(reader.code(index) for index in order if reader.is_coded(index))
    return StoredCodes(activations, tuple(layers))


class _Reader:
    def __init__(self, model: Any, tensors: Any, int8: int) -> None:
        self.model, self.tensors, self.int8 = model, tensors, int8

    def is_coded(self, index: int) -> bool:
        tensor = self.tensors[index]
        if tensor.type != self.int8 or tensor.quantization is None:
            return False
        return tensor.quantization.scale is not None and self._data(index) is None

    def code(self, index: int) -> Code:
        quantization = self.tensors[index].quantization
        return Code(float(quantization.scale[0]), int(quantization.zeroPoint[0]))

    def layer(self, kind: str, inputs: Any) -> StoredLayer | None:
        place = inputs[_WEIGHTED[kind]]
        tensor, data = self.tensors[place], self._data(place)
        if tensor.type != self.int8 or data is None:
            return None
        weight = data.view(np.int8).reshape(tuple(tensor.shape))
        if weight.ndim == 4:
            weight = weight.transpose(_LAYOUTS.get(kind, (0, 3, 1, 2)))
        at = _BIAS.get(kind, 2)
        bias = inputs[at] if len(inputs) > at and inputs[at] >= 0 else None
        return layer(
            tensor.name.decode("utf-8", "replace"),
            np.ascontiguousarray(weight),
            np.asarray(tensor.quantization.scale, np.float64),
            None if bias is None else self._bias(bias),
        )

    def _bias(self, index: int) -> NDArray[np.float64] | None:
        data = self._data(index)
        if data is None:
            return None
        quantization = self.tensors[index].quantization
        if quantization is None or quantization.scale is None:
            return data.view("<f4").astype(np.float64)
        return data.view("<i4").astype(np.float64) * np.asarray(quantization.scale, np.float64)

    def _data(self, index: int) -> NDArray[np.uint8] | None:
        data = self.model.buffers[self.tensors[index].buffer].data
        return None if data is None or len(data) == 0 else np.asarray(data, np.uint8)

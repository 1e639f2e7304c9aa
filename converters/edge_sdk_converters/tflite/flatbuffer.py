"""What a ``.tflite`` file holds, read from its flatbuffer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_sdk.extras import require

_FLOATS = {"FLOAT32", "FLOAT16", "FLOAT64"}
_CONVERSIONS = {"DEQUANTIZE", "QUANTIZE"}
"""Operators between integers and floats; they are not counted as arithmetic in float."""


@dataclass(frozen=True)
class StoredTensor:
    """Shape and numpy element type of a tensor of the file."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Contents:
    """What a TFLite file holds.

    Attributes:
        operators: counts by builtin name, such as ``CONV_2D``; custom operators by their own name.
        float_operators: operators with a float result, conversions between types left out.
        inputs: inputs of the first subgraph, by the signature's order where it has one.
        outputs: outputs likewise.
    """

    operators: Mapping[str, int]
    float_operators: int
    inputs: tuple[StoredTensor, ...]
    outputs: tuple[StoredTensor, ...]

    @property
    def custom_operators(self) -> list[str]:
        """Operators of TensorFlow's own, which the own lowering never means to leave in a file."""
        return [name for name in self.operators if name.startswith("Flex")]


@dataclass(frozen=True)
class FloatResult:
    """An operator with a float tensor that is neither an input nor an output of the file.

    Attributes:
        operator: builtin name.
        name: name of its first result, which holds the scopes of the TensorFlow graph.
    """

    operator: str
    name: str


def float_results(payload: bytes) -> tuple[FloatResult, ...]:
    """Operators that compute in float, or convert to or from it anywhere but at the ends.

    Beside them, every tensor between input and output holds integers.
    """
    schema = require("tflite", "ai_edge_litert.schema_py_generated")
    names, types = _by_value(schema.BuiltinOperator), _by_value(schema.TensorType)
    model = schema.Model.GetRootAs(payload, 0)
    found = []
    for graph_index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(graph_index)
        ends = {int(index) for index in (*graph.InputsAsNumpy(), *graph.OutputsAsNumpy())}
        for index in range(graph.OperatorsLength()):
            operator = graph.Operators(index)
            code = model.OperatorCodes(operator.OpcodeIndex())
            name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            tensors = {int(place) for place in operator.OutputsAsNumpy()}
            if operator.InputsLength():
                tensors |= {int(place) for place in operator.InputsAsNumpy() if place >= 0}
            floats = {place for place in tensors if types[graph.Tensors(place).Type()] in _FLOATS}
            if floats - ends or (floats and name not in _CONVERSIONS):
                result = graph.Tensors(operator.Outputs(0)).Name().decode()
                found.append(FloatResult(name, result))
    return tuple(found)


def contents(payload: bytes) -> Contents:
    """Read a TFLite model."""
    schema = require("tflite", "ai_edge_litert.schema_py_generated")
    names, types = _by_value(schema.BuiltinOperator), _by_value(schema.TensorType)
    model = schema.Model.GetRootAs(payload, 0)
    counts: Counter[str] = Counter()
    floats = 0
    for graph_index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(graph_index)
        for index in range(graph.OperatorsLength()):
            operator = graph.Operators(index)
            code = model.OperatorCodes(operator.OpcodeIndex())
            name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            counts[code.CustomCode().decode() if name == "CUSTOM" else name] += 1
            result = types[graph.Tensors(operator.Outputs(0)).Type()]
            floats += result in _FLOATS and name not in _CONVERSIONS
    inputs, outputs = _ends(model)
    graph = model.Subgraphs(0)
    stored = [
        tuple(_stored(graph.Tensors(index), types) for index in indices)
        for indices in (inputs, outputs)
    ]
    return Contents(dict(sorted(counts.items())), floats, stored[0], stored[1])


def _by_value(enumeration: Any) -> dict[int, str]:
    return {value: name for name, value in vars(enumeration).items() if not name.startswith("_")}


def _ends(model: Any) -> tuple[list[int], list[int]]:
    """Indices of input and output tensors; a signature's are sorted by the number in their name."""
    graph = model.Subgraphs(0)
    if model.SignatureDefsLength() == 0:
        return list(graph.InputsAsNumpy()), list(graph.OutputsAsNumpy())
    signature = model.SignatureDefs(0)
    ends: list[list[int]] = []
    for count, get in (
        (signature.InputsLength(), signature.Inputs),
        (signature.OutputsLength(), signature.Outputs),
    ):
        named = [(get(index).Name().decode(), get(index).TensorIndex()) for index in range(count)]
        ends.append([place for _, place in sorted(named, key=lambda entry: _number(entry[0]))])
    return ends[0], ends[1]


def _number(name: str) -> int:
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _stored(tensor: Any, types: Mapping[int, str]) -> StoredTensor:
    shape = tuple(int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength()))
    return StoredTensor(shape, types[tensor.Type()].lower())

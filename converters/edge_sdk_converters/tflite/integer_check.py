"""Whether an int8 file holds integers alone between its ends, and which layer to blame if not."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from torch.fx import Graph, Node

from edge_sdk.errors import ConversionError
from edge_sdk.exported import module_path, operator_name
from edge_sdk_converters.tflite.flatbuffer import float_results

_SCOPE = re.compile(r"layer_(\d+)/")
_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")


def scope(index: int) -> str:
    """Name under which the operators of the node of that index stand in the TensorFlow graph."""
    return f"layer_{index}"


def check_integer(
    payload: bytes, graph: Graph, float_layers: Collection[str], scoped: Callable[[], bytes]
) -> None:
    """Refuse a file with an operator in float that the model has in int8.

    Args:
        payload: the file.
        graph: the exported graph that it was made from.
        float_layers: names of values whose operators the model itself has in floating point.
        scoped: makes the file again, its tensors named by :func:`scope`; called where need be.

    Raises:
        ConversionError: naming the layer, its operator and what stayed in float.
    """
    if not float_results(payload):
        return
    nodes = list(graph.nodes)
    blamed: dict[Node | None, list[str]] = {}
    for result in float_results(scoped()):
        match = _SCOPE.search(result.name)
        node = nodes[int(match[1])] if match else None
        if float_layers and (node is None or result.operator in _CONVERSIONS):
            continue
        if node is None or not _is_among(node, float_layers):
            blamed.setdefault(node, []).append(result.operator)
    for node, operators in blamed.items():
        arithmetic = [name for name in dict.fromkeys(operators) if name not in _CONVERSIONS]
        if node is not None and arithmetic:
            raise ConversionError(
                f"{module_path(node)}: {operator_name(node.target)} has no int8 form in TFLite "
                f"({', '.join(arithmetic)} stayed in float); leave it in floating point "
                "(edge-sdk quantize --budget-db) or choose --target executorch"
            )
    if blamed:
        names = sorted({name for operators in blamed.values() for name in operators})
        raise ConversionError(
            f"{', '.join(names)} stayed in float in the int8 file, from no layer that is known; "
            "choose --target executorch"
        )


def _is_among(node: Node, float_layers: Collection[str]) -> bool:
    """Whether an operator is of a layer that stays in floating point, by the names of values."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path = str(stack[-1][0]) if stack else ""
    owners = {name.rpartition(":")[0] or name for name in float_layers}
    return node.name in float_layers if not path else path in owners

"""What a ``.tflite`` file holds, read from its flatbuffer."""

from __future__ import annotations

from collections import Counter

from edge_sdk.extras import require


def operator_counts(payload: bytes) -> dict[str, int]:
    """Count the operators of every subgraph of a TFLite model.

    Returns:
        Counts by builtin name, such as ``CONV_2D``; custom operators by their own name.
    """
    schema = require("tflite", "ai_edge_litert.schema_py_generated")
    names = {
        code: name
        for name, code in vars(schema.BuiltinOperator).items()
        if not name.startswith("_")
    }
    model = schema.Model.GetRootAs(payload, 0)
    counts: Counter[str] = Counter()
    for graph_index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(graph_index)
        for index in range(graph.OperatorsLength()):
            code = model.OperatorCodes(graph.Operators(index).OpcodeIndex())
            name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            counts[code.CustomCode().decode() if name == "CUSTOM" else name] += 1
    return dict(sorted(counts.items()))

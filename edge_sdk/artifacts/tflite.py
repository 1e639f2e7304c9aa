"""What a ``.tflite`` file computes in, read from its flatbuffer."""

from __future__ import annotations

from edge_sdk.extras import require


def tflite_precision(content: bytes) -> str:
    """Precision of a TFLite model by the types of its activations, then of its weights.

    Returns:
        ``int8`` or ``int16`` if activations are quantized so, else ``w8`` if weights are, else
        ``fp16`` if weights are half floats, else ``fp32``.
    """
    schema = require("tflite", "ai_edge_litert.schema_py_generated")
    model = schema.Model.GetRootAs(content, 0)
    names = {code: name for name, code in vars(schema.TensorType).items() if name.isupper()}
    activations: set[str] = set()
    weights: set[str] = set()
    for graph_index in range(model.SubgraphsLength()):
        graph = model.Subgraphs(graph_index)
        for index in range(graph.TensorsLength()):
            tensor = graph.Tensors(index)
            constant = model.Buffers(tensor.Buffer()).DataLength() > 0
            # Shapes and axes are integers too, without a scale.
            quantization = tensor.Quantization()
            scaled = quantization is not None and quantization.ScaleLength() > 0
            kind = names[tensor.Type()]
            if scaled or kind.startswith("FLOAT"):
                (weights if constant else activations).add(kind)
    if activations & {"INT8", "UINT8"}:
        return "int8"
    if "INT16" in activations:
        return "int16"
    if weights & {"INT8", "UINT8"}:
        return "w8"
    return "fp16" if "FLOAT16" in weights else "fp32"

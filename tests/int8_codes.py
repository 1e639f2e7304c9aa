"""Scales and zero points as the files themselves hold them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from edge_sdk.emulate.flatbuffer import Table
from edge_sdk.emulate.pte_file import delegate_data

Code = tuple[float, int]


def _float32(value: float) -> float:
    return float(np.float32(value))


def tflite_codes(path: Path) -> tuple[set[Code], set[float]]:
    """Activations' (scale, zero point) and weights' scales of a TFLite file."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    graph = model.subgraphs[0]
    stored = {
        index
        for index, tensor in enumerate(graph.tensors)
        if model.buffers[tensor.buffer].data is not None
        and len(model.buffers[tensor.buffer].data) > 0
    }
    activations: set[Code] = set()
    weights: set[float] = set()
    for index, tensor in enumerate(graph.tensors):
        if tensor.type != schema.TensorType.INT8 or tensor.quantization is None:
            continue
        scales = [float(scale) for scale in tensor.quantization.scale]
        if index in stored:
            weights.update(scales)
        else:
            activations.add((scales[0], int(tensor.quantization.zeroPoint[0])))
    return activations, weights


def coreml_codes(path: Path) -> tuple[set[Code], set[float]]:
    """The same of a Core ML package."""
    from edge_sdk.emulate.mil.toolkit import import_coremltools, silenced

    import_coremltools()
    from coremltools.converters.mil.frontend.milproto import load as milproto
    from coremltools.models import MLModel

    with silenced():
        model = MLModel(str(path), skip_model_load=True)
        program = milproto.load(
            model.get_spec(),
            specification_version=model.get_spec().specificationVersion,
            file_weights_dir=model.weights_dir,
        )
    activations: set[Code] = set()
    weights: set[float] = set()
    for operation in program.functions["main"].operations:
        if operation.op_type == "quantize":
            zero = operation.zero_point
            point = 0 if zero is None else int(zero.val)
            # The same codes, counted from 0.
            shift = 128 if operation.output_dtype.val == "uint8" else 0
            activations.add((_float32(operation.scale.val), point - shift))
        elif operation.op_type == "constexpr_affine_dequantize":
            weights.update(float(scale) for scale in np.ravel(operation.scale.val))
    return activations, weights


def xnnpack_codes(path: Path) -> set[Code]:
    """Activations' (scale, zero point) in the XNNPACK partitions of a ``.pte`` file."""
    content = path.read_bytes()
    program = Table.root(content)
    activations: set[Code] = set()
    for backend in program.tables(1)[0].tables(7):
        blob = delegate_data(program, backend, content)
        start = int(struct.unpack_from("<I", blob, 10)[0]) if blob[4:8] == b"XH00" else 0
        for entry in Table.root(blob[start:]).tables(2):
            value = entry.table(1)
            if entry.number(0, "B") != 2 or value is None or value.number(1, "B") != 2:
                continue
            parameters = value.table(2)
            assert parameters is not None
            bits = parameters.number(0, "I")
            scale = float(struct.unpack("<f", struct.pack("<I", bits))[0])
            activations.add((scale, parameters.number(1, "i")))
    return activations

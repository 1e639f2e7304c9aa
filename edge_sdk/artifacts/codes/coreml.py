"""Codes of a Core ML package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.artifacts.codes.layers import Code, StoredCodes, StoredLayer, layer
from edge_sdk.artifacts.coreml import import_coremltools, silenced

_CODED = ("quantize", "dequantize")
_WEIGHTED = ("conv", "conv_transpose", "linear")
_STORED = "constexpr_affine_dequantize"


def mil_codes(path: Path) -> StoredCodes:
    """Codes of the function ``main``.

    Args:
        path: the package.
    """
    activations, layers = [], []
    for operation in _main(path).operations:
        if operation.op_type in _CODED:
            activations.append(_code(operation))
        elif operation.op_type in _WEIGHTED:
            found = _layer(operation)
            layers += [] if found is None else [found]
    return StoredCodes(tuple(activations), tuple(layers))


def _main(path: Path) -> Any:
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
    return program.functions["main"]


def _code(operation: Any) -> Code:
    from coremltools.converters.mil.mil import types

    zero = operation.zero_point
    point = 0 if zero is None or zero.val is None else int(zero.val)
    coded = operation.outputs[0] if operation.op_type == "quantize" else operation.input
    unsigned = types.builtin_to_string(coded.dtype) == "uint8"
    return Code(float(operation.scale.val), point - 128 if unsigned else point)


def _layer(operation: Any) -> StoredLayer | None:
    source = operation.weight.op
    if source is None or source.op_type != _STORED:
        return None
    weight = np.asarray(source.quantized_data.val)
    zero = source.zero_point
    if weight.dtype == np.uint8 or (zero is not None and np.any(zero.val)):
        return None
    axis = 1 if operation.op_type == "conv_transpose" else 0
    if np.size(source.scale.val) > 1 and int(source.axis.val) != axis:
        return None
    if operation.op_type == "conv_transpose":
        if int(operation.groups.val) != 1:
            return None
        weight = weight.swapaxes(0, 1)
    bias = getattr(operation, "bias", None)
    offsets: NDArray[np.floating] | None = None if bias is None else bias.val
    return layer(
        str(operation.name), np.ascontiguousarray(weight), np.asarray(source.scale.val), offsets
    )

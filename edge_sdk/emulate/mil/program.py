"""Read an ``.mlpackage`` into a flat list of operations that no longer needs coremltools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edge_sdk.artifacts.coreml import import_coremltools, one_line, silenced
from edge_sdk.emulate.mil.arguments import Value
from edge_sdk.errors import ArtifactError

DTYPES = {
    "fp16": torch.float16,
    "fp32": torch.float32,
    "int8": torch.int8,
    "int16": torch.int16,
    "int32": torch.int32,
    "uint8": torch.uint8,
    "bool": torch.bool,
}
"""MIL element types that the interpreter stores, each in the torch type of the same width."""


FREE = -1
"""A side that is as long as the program's input makes it."""


@dataclass(frozen=True)
class Signature:
    """Name, MIL dtype (a key of :data:`DTYPES`) and shape of a program's value.

    Attributes:
        name: of the value.
        dtype: its type.
        shape: with :data:`FREE` for sides that are not static; of a program's input the largest.
        least: the smallest shape of a program's input that has a range; ``None`` for others.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    least: tuple[int, ...] | None = None

    def is_shape(self, shape: tuple[int, ...]) -> bool:
        """Whether a value of a shape is what is declared."""
        return len(shape) == len(self.shape) and all(
            declared in (FREE, side) for declared, side in zip(self.shape, shape, strict=True)
        )


@dataclass(frozen=True)
class Operation:
    """One operation of a program.

    Attributes:
        kind: MIL operation name, such as ``conv``.
        name: name of the operation, for messages.
        inputs: names of values by parameter; a tuple for a variadic parameter.
        outputs: values that it defines.
    """

    kind: str
    name: str
    inputs: Mapping[str, str | tuple[str, ...]]
    outputs: tuple[Signature, ...]


@dataclass(frozen=True)
class Program:
    """The ``main`` function of an ML program with static shapes, or ranges of them.

    Attributes:
        source: file or folder that it was read from, for messages.
        inputs: tensors that the app hands over, in order.
        outputs: tensors that the app gets back, in order.
        constants: weights and parameters by name, compressed weights already expanded.
        operations: operations in an order in which each can be run.
    """

    source: Path
    inputs: tuple[Signature, ...]
    outputs: tuple[Signature, ...]
    constants: Mapping[str, Value]
    operations: tuple[Operation, ...]


def load_program(path: Path) -> Program:
    """Read the ML program at ``path``, an ``.mlpackage`` folder; nothing is compiled or run.

    Raises:
        MissingExtraError: if coremltools is not installed.
        ArtifactError: if ``path`` is missing, damaged or not an ML program with static tensors.
    """
    check_package(path)
    coremltools = import_coremltools()
    from coremltools.converters.mil.frontend import milproto

    try:
        with silenced():
            model = coremltools.models.MLModel(str(path), skip_model_load=True)
            spec = model.get_spec()
    except Exception as error:
        raise _damaged(path, error) from error
    if spec.WhichOneof("Type") != "mlProgram":
        raise ArtifactError(
            f"{path}: holds {spec.WhichOneof('Type') or 'no model'}, not an ML program; "
            "convert the model again with edge-sdk"
        )
    check_tensor_inputs(spec.description, path)
    if "main" not in spec.mlProgram.functions:
        raise ArtifactError(
            f"{path}: has no function 'main'; convert the model again with edge-sdk"
        )
    try:
        with silenced():
            mil = milproto.load.load(
                spec,
                specification_version=spec.specificationVersion,
                file_weights_dir=model.weights_dir or "",
            )
            return _flattened(mil.functions["main"], spec.description, path)
    except ArtifactError:
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def check_package(path: Path) -> None:
    """Check that ``path`` looks like an ``.mlpackage`` before anything parses it.

    Raises:
        ArtifactError: if it is missing, not a folder, or has no manifest.
    """
    if not path.exists():
        raise ArtifactError(f"{path}: no such folder; convert the model first")
    if not path.is_dir():
        raise ArtifactError(f"{path}: is a file, but an .mlpackage is a folder; give that folder")
    if not (path / "Manifest.json").is_file():
        raise ArtifactError(
            f"{path}: has no Manifest.json, so it is no whole .mlpackage; copy the whole folder "
            "again or convert the model again"
        )


def check_tensor_inputs(description: Any, path: Path) -> None:
    """Check that every input of a package is a tensor, not a picture or a dictionary.

    Raises:
        ArtifactError: naming the first input that is not.
    """
    for feature in description.input:
        kind = feature.type.WhichOneof("Type")
        if kind != "multiArrayType":
            raise ArtifactError(
                f"{path}: input '{feature.name}' is of {kind}, not a tensor; convert the model "
                "with tensor inputs"
            )


def _damaged(path: Path, error: Exception) -> ArtifactError:
    return ArtifactError(
        f"{path}: cannot be read as a Core ML package ({one_line(error)}); "
        "copy it again or convert the model again"
    )


def _flattened(function: Any, description: Any, path: Path) -> Program:
    ranges = {
        feature.name: found
        for feature in description.input
        if (found := shape_range(feature.type.multiArrayType)) is not None
    }
    ranged = bool(ranges)
    inputs = [
        _signature(variable, path, free=variable.name in ranges)
        for variable in function.inputs.values()
    ]
    constants: dict[str, Value] = {}
    operations: list[Operation] = []
    for operation in function.operations:
        if operation.op_type == "const":
            constants[operation.outputs[0].name] = _constant(operation.outputs[0].val)
        elif operation.op_type.startswith("constexpr_"):
            value = operation.materialized_val_inference()
            constants[operation.outputs[0].name] = _constant(value)
        else:
            operations.append(
                Operation(
                    operation.op_type,
                    operation.name,
                    {
                        parameter: _names(variable)
                        for parameter, variable in operation.inputs.items()
                        if variable is not None
                    },
                    tuple(_signature(output, path, free=ranged) for output in operation.outputs),
                )
            )
    return Program(
        path,
        tuple(
            Signature(each.name, each.dtype, *ranges[each.name]) if each.name in ranges else each
            for each in inputs
        ),
        tuple(_signature(variable, path, free=ranged) for variable in function.outputs),
        constants,
        tuple(operations),
    )


def _names(variable: Any) -> str | tuple[str, ...]:
    if isinstance(variable, list | tuple):
        return tuple(element.name for element in variable)
    return str(variable.name)


def shape_range(tensor: Any) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The largest and the smallest shape of an input; ``None`` where it has no bounded range."""
    sides = tensor.shapeRange.sizeRanges
    if not sides or any(side.upperBound < side.lowerBound for side in sides):
        return None
    return tuple(int(s.upperBound) for s in sides), tuple(int(s.lowerBound) for s in sides)


def _signature(variable: Any, path: Path, *, free: bool) -> Signature:
    from coremltools.converters.mil.mil import types

    dtype = types.builtin_to_string(variable.dtype)
    if dtype not in DTYPES:
        raise ArtifactError(
            f"{path}: value '{variable.name}' has type {dtype}, which the interpreter does not "
            "store; convert the model in fp32 or fp16"
        )
    static = [isinstance(size, int | np.integer) for size in variable.shape]
    if not (free or all(static)):
        raise ArtifactError(
            f"{path}: value '{variable.name}' has a flexible shape without a largest; convert the "
            "model with a static one, or with a range"
        )
    shape = tuple(
        int(size) if known else FREE for size, known in zip(variable.shape, static, strict=True)
    )
    return Signature(variable.name, dtype, shape)


def _constant(value: Any) -> Value:
    if isinstance(value, str):
        return value
    array: np.ndarray[Any, Any] = np.asarray(value)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    # A copy, since arrays that coremltools maps from the file are read-only.
    return torch.from_numpy(np.array(array, order="C"))


def as_stored(value: Tensor, dtype: str) -> Tensor:
    """Round ``value`` to the MIL type ``dtype``: floats to nearest even, overflow to infinity."""
    return value.to(DTYPES[dtype])

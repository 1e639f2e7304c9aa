"""Core ML packages: Apple's runtime on a Mac, the MIL interpreter elsewhere."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge_sdk.artifacts.coreml import import_coremltools, one_line, silenced
from edge_sdk.emulate.mil.interpreter import check_operations, run_program
from edge_sdk.emulate.mil.program import (
    FREE,
    Program,
    Signature,
    check_package,
    check_tensor_inputs,
    load_program,
    shape_range,
)
from edge_sdk.emulate.runtimes.evidence import Evidence
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime
from edge_sdk.emulate.runtimes.runner import Engine, EngineRunner, RunnerInfo
from edge_sdk.emulate.runtimes.tensors import Port
from edge_sdk.errors import ArtifactError
from edge_sdk.quiet import quiet_stderr

_INTERPRETER_PROVES = (
    "graph, weights, layout and dtypes, every value rounded to its dtype; not Apple's kernels"
)
_APPLE_PROVES = (
    "the package on this Mac's kernels; not a phone's Neural Engine, which may round otherwise"
)

_FLOAT16, _FLOAT32 = 10, 11
"""MIL's codes of half and single precision."""


class CoreMLRunner(EngineRunner):
    """A loaded ``.mlpackage`` whose inputs are float32 tensors of static shape, or of a range.

    Args:
        path: the package, a folder.
        interpret: ``True`` runs the MIL interpreter, ``False`` Apple's runtime, which only macOS
            has; ``None`` takes Apple's runtime on macOS and the interpreter elsewhere.

    Raises:
        MissingExtraError: if coremltools is not installed.
        ArtifactError: if the package is missing, damaged or not an ML program with float32 inputs
            of static shape or a bounded range; if it holds an operation that the interpreter does
            not know; or if Apple's runtime is requested where there is none.
    """

    def __init__(self, path: Path, *, interpret: bool | None = None) -> None:
        path = Path(path)
        on_mac = sys.platform == "darwin"
        if interpret is None:
            interpret = not on_mac
        if not interpret and not on_mac:
            raise ArtifactError(
                f"{path}: Apple's runtime exists on macOS only; run it there or pass interpret=True"
            )
        super().__init__(path, _interpreter(path) if interpret else _apple(path))


def _numpy_type(mil: str) -> np.dtype[np.generic]:
    return np.dtype({"fp16": "float16", "fp32": "float32"}.get(mil, mil))


def _interpreter(path: Path) -> Engine:
    # TensorFlow, which coremltools imports where it finds it, writes past Python's switches.
    with quiet_stderr():
        program = load_program(path)
    check_operations(program)
    for signature in program.inputs:
        if signature.dtype != "fp32":
            raise ArtifactError(
                f"{path}: input '{signature.name}' is {signature.dtype}; convert the model with "
                "float32 inputs"
            )
    inputs, outputs = (
        tuple(
            Port(each.name, each.shape, _numpy_type(each.dtype), least=each.least)
            for each in signatures
        )
        for signatures in (program.inputs, _outputs(program))
    )

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        tensors = {
            port.name: torch.from_numpy(array) for port, array in zip(inputs, arrays, strict=True)
        }
        results = run_program(program, tensors)
        return [results[port.name].numpy() for port in outputs]

    runtime = (
        f"MIL interpreter (edge-sdk {metadata.version('edge-sdk')}, "
        f"spec by coremltools {metadata.version('coremltools')})"
    )
    info = RunnerInfo("coreml", runtime, _INTERPRETER_PROVES)
    return Engine(info, inputs, outputs, _precision(path), None, invoke)


def _outputs(program: Program) -> tuple[Signature, ...]:
    """What a program gives, in the shapes that it has for its largest inputs."""
    if not any(FREE in each.shape for each in program.outputs):
        return program.outputs
    shown = {each.name: torch.zeros(each.shape) for each in program.inputs}
    made = run_program(program, shown)
    return tuple(replace(each, shape=tuple(made[each.name].shape)) for each in program.outputs)


def _apples_port(feature: Any) -> Port:
    tensor = feature.type.multiArrayType
    shape, least = shape_range(tensor) or (tuple(int(size) for size in tensor.shape), None)
    return Port(feature.name, shape, np.dtype(np.float32), least=least)


def _apple(path: Path) -> Engine:
    check_package(path)
    coremltools = import_coremltools()
    try:
        with silenced():
            model = coremltools.models.MLModel(str(path))
            description = model.get_spec().description
    except Exception as error:
        raise ArtifactError(
            f"{path}: Core ML cannot load it ({one_line(error)}); convert the model again"
        ) from error
    check_tensor_inputs(description, path)

    inputs, outputs = (
        tuple(_apples_port(feature) for feature in features)
        for features in (description.input, description.output)
    )

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        named = {port.name: array for port, array in zip(inputs, arrays, strict=True)}
        try:
            results = model.predict(named)
        except Exception as error:
            raise ArtifactError(
                f"{path}: Core ML cannot run it ({one_line(error)}); convert the model again"
            ) from error
        return [np.asarray(results[port.name]) for port in outputs]

    runtime = (
        f"Core ML on macOS {platform.mac_ver()[0]} (coremltools {metadata.version('coremltools')})"
    )
    info = RunnerInfo("coreml", runtime, _APPLE_PROVES)
    return Engine(info, inputs, outputs, _precision(path), None, invoke)


def _precision(path: Path) -> str | None:
    """What a package computes in, by its operations and the types of what they give."""
    coremltools = import_coremltools()
    with silenced():
        spec = coremltools.utils.load_spec(str(path))
    if "main" not in spec.mlProgram.functions:
        return None
    function = spec.mlProgram.functions["main"]
    operations = function.block_specializations[function.opset].operations
    kinds = {str(operation.type) for operation in operations}
    if "quantize" in kinds:
        return "int8"
    if any(kind.startswith("constexpr_lut") for kind in kinds):
        return "palette"
    if kinds & {"constexpr_affine_dequantize", "constexpr_blockwise_shift_scale"}:
        return "w8"
    types = {
        int(output.type.tensorType.dataType)
        for operation in operations
        if operation.type not in ("const", "cast")
        for output in operation.outputs
    }
    return "fp16" if _FLOAT16 in types else "fp32" if _FLOAT32 in types else None


RUNTIMES.register(
    "coreml",
    Runtime(
        CoreMLRunner,
        suffix=".mlpackage",
        target="coreml",
        packages=("coremltools",),
        extra="coreml",
        takes_trial=False,
        evidence=Evidence.RUNTIME if sys.platform == "darwin" else Evidence.INTERPRETER,
    ),
)

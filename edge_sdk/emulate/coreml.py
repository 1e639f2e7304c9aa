"""Core ML packages: Apple's runtime on a Mac, the MIL interpreter elsewhere."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge_sdk.emulate.mil.interpreter import check_operations, run_program
from edge_sdk.emulate.mil.program import check_package, check_tensor_inputs, load_program
from edge_sdk.emulate.mil.toolkit import import_coremltools, one_line, silenced
from edge_sdk.emulate.runner import Arrays, RunnerInfo
from edge_sdk.emulate.tensors import check_inputs
from edge_sdk.errors import ArtifactError

_INTERPRETER_PROVES = (
    "graph, weights, layout and dtypes, every value rounded to its dtype; not Apple's kernels"
)
_APPLE_PROVES = (
    "the package on this Mac's kernels; not a phone's Neural Engine, which may round otherwise"
)


@dataclass(frozen=True)
class _Engine:
    """What the two runtimes have in common: shapes by input name, and a call."""

    info: RunnerInfo
    inputs: dict[str, tuple[int, ...]]
    evaluate: Callable[[Arrays], dict[str, NDArray[Any]]]


class CoreMLRunner:
    """A loaded ``.mlpackage`` whose inputs are float32 tensors of static shape.

    Args:
        path: the package, a folder.
        interpret: ``True`` runs the MIL interpreter, ``False`` Apple's runtime, which only macOS
            has; ``None`` takes Apple's runtime on macOS and the interpreter elsewhere.

    Raises:
        MissingExtraError: if coremltools is not installed.
        ArtifactError: if the package is missing, damaged or not an ML program with float32 inputs
            of static shape; if it holds an operation that the interpreter does not know; or if
            Apple's runtime is asked for where there is none.
    """

    def __init__(self, path: Path, *, interpret: bool | None = None) -> None:
        self._path = path = Path(path)
        on_mac = sys.platform == "darwin"
        if interpret is None:
            interpret = not on_mac
        if not interpret and not on_mac:
            raise ArtifactError(
                f"{path}: Apple's runtime exists on macOS only; run it there or pass interpret=True"
            )
        self._engine = _interpreter(path) if interpret else _apple(path)

    @property
    def info(self) -> RunnerInfo:
        """The runtime behind this runner and what agreement with it proves."""
        return self._engine.info

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array that :meth:`run` expects, by name, in order; N×C×H×W."""
        return dict(self._engine.inputs)

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        """Run the package once.

        Args:
            inputs: arrays by input name, float32, N×C×H×W, in the package's static shape.

        Returns:
            Arrays by output name, in the package's order, float32, N×C×H×W.

        Raises:
            ArtifactError: if a name, shape or element type does not fit the package, or the runtime
                fails.
        """
        check_inputs(self._path, inputs, self._engine.inputs)
        outputs = self._engine.evaluate(inputs)
        return {name: array.astype(np.float32, copy=False) for name, array in outputs.items()}


def _interpreter(path: Path) -> _Engine:
    program = load_program(path)
    check_operations(program)
    for signature in program.inputs:
        if signature.dtype != "fp32":
            raise ArtifactError(
                f"{path}: input '{signature.name}' is {signature.dtype}; convert the model with "
                "float32 inputs"
            )

    def evaluate(inputs: Arrays) -> dict[str, NDArray[Any]]:
        # Copies, since torch does not take arrays that are read-only or run backwards.
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in inputs.items()}
        return {name: tensor.numpy() for name, tensor in run_program(program, tensors).items()}

    runtime = (
        f"MIL interpreter (edge-sdk {metadata.version('edge-sdk')}, "
        f"spec by coremltools {metadata.version('coremltools')})"
    )
    return _Engine(
        RunnerInfo("coreml", runtime, _INTERPRETER_PROVES),
        {signature.name: signature.shape for signature in program.inputs},
        evaluate,
    )


def _apple(path: Path) -> _Engine:
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

    def evaluate(inputs: Arrays) -> dict[str, NDArray[Any]]:
        try:
            outputs = model.predict(dict(inputs))
        except Exception as error:
            raise ArtifactError(
                f"{path}: Core ML cannot run it ({one_line(error)}); convert the model again"
            ) from error
        return {feature.name: np.asarray(outputs[feature.name]) for feature in description.output}

    runtime = (
        f"Core ML on macOS {platform.mac_ver()[0]} (coremltools {metadata.version('coremltools')})"
    )
    return _Engine(
        RunnerInfo("coreml", runtime, _APPLE_PROVES),
        {feature.name: tuple(feature.type.multiArrayType.shape) for feature in description.input},
        evaluate,
    )

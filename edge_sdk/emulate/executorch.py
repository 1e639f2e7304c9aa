"""The real ExecuTorch runtime, with XNNPACK, on this machine."""

from __future__ import annotations

import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from edge_sdk.emulate.runner import Arrays, RunnerInfo
from edge_sdk.emulate.seal import check_artifact
from edge_sdk.emulate.tensors import check_inputs
from edge_sdk.errors import ArtifactError
from edge_sdk.extras import require

_FLOAT32 = 6
"""ExecuTorch's ScalarType code of float32."""

_TRIAL = """
import sys, torch, warnings
warnings.simplefilter("ignore")
from executorch.runtime import Runtime
program = Runtime.get().load_program(sys.argv[1])
method = program.load_method("forward")
meta = method.metadata
shapes = [meta.input_tensor_meta(index).sizes() for index in range(meta.num_inputs())]
method.execute([torch.zeros(tuple(shape)) for shape in shapes])
"""


class ExecuTorchRunner:
    """A ``.pte`` file loaded for the CPU.

    Inputs are named ``input`` (``input_0``, ``input_1`` … if there are several), outputs likewise:
    the format stores no names. A file made elsewhere is tried in a separate process first, which
    takes a few seconds.

    Args:
        path: the file.

    Raises:
        MissingExtraError: if ExecuTorch is not installed.
        ArtifactError: if the file is missing, damaged, or not a float32 ExecuTorch program.
    """

    def __init__(self, path: Path) -> None:
        self._path = path = Path(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            runtime = require("executorch", "executorch.runtime")
        check_artifact(path, b"ET12", "an ExecuTorch program", _TRIAL)
        try:
            program = runtime.Runtime.get().load_program(
                path, verification=runtime.Verification.InternalConsistency
            )
            self._method = program.load_method("forward")
            # The program owns the weights that the method reads.
            self._program = program
            meta = self._method.metadata
            inputs = [meta.input_tensor_meta(index) for index in range(meta.num_inputs())]
            outputs = [meta.output_tensor_meta(index) for index in range(meta.num_outputs())]
        except Exception as error:
            raise ArtifactError(
                f"{path}: ExecuTorch cannot load it ({_line(error)}); convert the model again"
            ) from error
        if any(tensor.dtype() != _FLOAT32 for tensor in [*inputs, *outputs]):
            raise ArtifactError(f"{path}: has tensors other than float32; convert it as fp32")
        self._shapes = dict(
            zip(
                _names("input", len(inputs)),
                (tuple(tensor.sizes()) for tensor in inputs),
                strict=True,
            )
        )
        self._outputs = _names("output", len(outputs))

    @property
    def info(self) -> RunnerInfo:
        """The ExecuTorch release and what agreement with it proves."""
        return RunnerInfo(
            name="executorch",
            runtime=f"ExecuTorch {metadata.version('executorch')}",
            proves="graph, weights and kernels of the runtime that phones use, on this CPU",
        )

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array that :meth:`run` expects, by name, in order; N×C×H×W."""
        return dict(self._shapes)

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        """Run the program once.

        Args:
            inputs: arrays by input name, float32, N×C×H×W, in the artifact's static shape.

        Returns:
            Arrays by output name, float32, N×C×H×W.

        Raises:
            ArtifactError: if a name, shape or element type does not fit, or ExecuTorch fails.
        """
        check_inputs(self._path, inputs, self._shapes)
        tensors = [
            torch.from_numpy(np.array(inputs[name], np.float32, order="C")) for name in self._shapes
        ]
        try:
            results = self._method.execute(tensors)
        except Exception as error:
            raise ArtifactError(
                f"{self._path}: ExecuTorch fails to run it ({_line(error)}); convert the model "
                "again"
            ) from error
        return {
            name: result.numpy().copy() for name, result in zip(self._outputs, results, strict=True)
        }


def _names(kind: str, count: int) -> tuple[str, ...]:
    return (kind,) if count == 1 else tuple(f"{kind}_{index}" for index in range(count))


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

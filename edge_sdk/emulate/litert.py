"""The real LiteRT interpreter, with XNNPACK, on this machine."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.emulate.runner import Arrays, RunnerInfo
from edge_sdk.emulate.seal import check_artifact
from edge_sdk.emulate.tensors import channels_first, channels_last, check_inputs
from edge_sdk.errors import ArtifactError
from edge_sdk.extras import require

_TRIAL = """
import sys
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
for detail in interpreter.get_input_details():
    interpreter.set_tensor(detail["index"], numpy.zeros(detail["shape"], detail["dtype"]))
interpreter.invoke()
"""


class LiteRTRunner:
    """A ``.tflite`` file loaded for the CPU. Its feature maps are NHWC; arrays here are NCHW.

    A file made elsewhere is tried in a separate process first, which takes a second.

    Args:
        path: the file; it holds one signature with static shapes.
        num_threads: threads of the interpreter, fixed so that timings can be compared.

    Raises:
        MissingExtraError: if LiteRT is not installed.
        ArtifactError: if the file is missing, damaged, or not a float32 TFLite model.
    """

    def __init__(self, path: Path, num_threads: int = 2) -> None:
        self._path = path = Path(path)
        litert = require("tflite", "ai_edge_litert.interpreter")
        check_artifact(path, b"TFL3", "a TFLite model", _TRIAL)
        try:
            interpreter = litert.Interpreter(model_path=str(path), num_threads=num_threads)
            signatures = interpreter.get_signature_list()
            if len(signatures) != 1:
                raise ArtifactError(
                    f"{path}: has {len(signatures)} signatures instead of one; convert it again"
                )
            self._run: Any = interpreter.get_signature_runner(next(iter(signatures)))
            inputs = self._run.get_input_details()
            outputs = self._run.get_output_details()
        except ArtifactError:
            raise
        except Exception as error:
            raise ArtifactError(
                f"{path}: LiteRT cannot load it ({_line(error)}); copy or convert it again"
            ) from error
        details = [*inputs.values(), *outputs.values()]
        if any(detail["dtype"] is not np.float32 for detail in details):
            raise ArtifactError(f"{path}: has tensors other than float32; convert it as fp32")
        self._shapes = {
            name: _torch_shape(tuple(int(size) for size in detail["shape"]))
            for name, detail in sorted(inputs.items(), key=lambda item: _number(item[0]))
        }
        # A signature lists its tensors by the alphabet; their numbers give the model's order.
        self._outputs = tuple(sorted(outputs, key=_number))

    @property
    def info(self) -> RunnerInfo:
        """The LiteRT release and what agreement with it proves."""
        return RunnerInfo(
            name="litert",
            runtime=f"LiteRT {metadata.version('ai-edge-litert')} (CPU)",
            proves="graph, weights, layout and CPU kernels; not a phone's GPU or NPU delegate",
        )

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each array that :meth:`run` expects, by name, in order; N×C×H×W."""
        return dict(self._shapes)

    def run(self, inputs: Arrays) -> dict[str, NDArray[np.generic]]:
        """Run the model once.

        Args:
            inputs: arrays by input name, float32, N×C×H×W, in the artifact's static shape.

        Returns:
            Arrays by output name, float32, N×C×H×W.

        Raises:
            ArtifactError: if a name, shape or element type does not fit, or LiteRT fails.
        """
        check_inputs(self._path, inputs, self._shapes)
        try:
            results = self._run(**{name: channels_last(array) for name, array in inputs.items()})
        except Exception as error:
            raise ArtifactError(
                f"{self._path}: LiteRT fails to run it ({_line(error)}); convert the model again"
            ) from error
        return {name: channels_first(np.array(results[name])) for name in self._outputs}


def _torch_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], shape[3], shape[1], shape[2]) if len(shape) == 4 else shape


def _number(name: str) -> int:
    """Read the number behind the last underscore, as in ``output_10``; 0 if there is none."""
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

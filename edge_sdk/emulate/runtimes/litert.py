"""The real LiteRT interpreter, with XNNPACK, on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.artifacts.seal import check_artifact
from edge_sdk.artifacts.tflite import tflite_precision
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime
from edge_sdk.emulate.runtimes.runner import Delegation, Engine, EngineRunner, RunnerInfo
from edge_sdk.emulate.runtimes.tensors import Port, check_ports
from edge_sdk.errors import ArtifactError, first_line
from edge_sdk.extras import require
from edge_sdk.quiet import quiet_stderr

MAGIC = b"TFL3"
TRIAL = """
import sys
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(model_path=sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
for detail in interpreter.get_input_details():
    interpreter.set_tensor(detail["index"], numpy.zeros(detail["shape"], detail["dtype"]))
interpreter.invoke()
"""


class LiteRTRunner(EngineRunner):
    """A ``.tflite`` file loaded for the CPU. Its feature maps are NHWC; arrays here are NCHW.

    A file made elsewhere is tried in a separate process first, which takes a second.

    Args:
        path: the file; it holds one signature with static shapes.
        num_threads: threads of the interpreter, fixed so that timings can be compared.
        trial: whether to try a file made elsewhere in a process of its own first; without it a
            damaged one can end this process.

    Raises:
        MissingExtraError: if LiteRT is not installed.
        ArtifactError: if the file is missing, damaged, no TFLite model, or takes integers without
            a scale.
    """

    def __init__(self, path: Path, num_threads: int = 2, *, trial: bool = True) -> None:
        path = Path(path)
        super().__init__(path, _load(path, num_threads, trial))


def _load(path: Path, num_threads: int, trial: bool) -> Engine:
    litert = require("tflite", "ai_edge_litert.interpreter")
    content = check_artifact(path, MAGIC, "a TFLite model", TRIAL if trial else None)
    try:
        with quiet_stderr():
            interpreter = litert.Interpreter(model_path=str(path), num_threads=num_threads)
            interpreter.allocate_tensors()
        signature = only_signature(path, list(interpreter.get_signature_list()))
        run: Any = interpreter.get_signature_runner(signature)
        inputs, outputs = ports(run.get_input_details()), ports(run.get_output_details())
        ends = [detail["index"] for detail in interpreter.get_output_details()]
        delegation = _delegation(interpreter._get_ops_details(), ends)
        precision = tflite_precision(content)
    except ArtifactError:
        raise
    except Exception as error:
        raise ArtifactError(
            f"{path}: LiteRT cannot load it ({first_line(error)}); copy or convert it again"
        ) from error
    check_ports(path, inputs)

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        named = {port.name: array for port, array in zip(inputs, arrays, strict=True)}
        try:
            results = run(**named)
        except Exception as error:
            raise ArtifactError(
                f"{path}: LiteRT fails to run it ({first_line(error)}); convert the model again"
            ) from error
        return [np.array(results[port.name]) for port in outputs]

    info = RunnerInfo(
        name="litert",
        runtime=f"LiteRT {metadata.version('ai-edge-litert')} (CPU)",
        proves="graph, weights, layout and CPU kernels; not a phone's GPU or NPU delegate",
    )
    return Engine(info, inputs, outputs, precision, delegation, invoke)


def only_signature(path: Path, signatures: Sequence[str]) -> str:
    """The one signature of a model.

    Raises:
        ArtifactError: naming ``path``, if there are none or several.
    """
    if len(signatures) != 1:
        raise ArtifactError(
            f"{path}: has {len(signatures)} signatures instead of one; convert it again"
        )
    return signatures[0]


def ports(details: Mapping[str, Mapping[str, Any]]) -> tuple[Port, ...]:
    """Ends of a signature in the model's order.

    A signature lists its tensors by the alphabet; their numbers give the order.
    """
    found = []
    for name, detail in sorted(details.items(), key=lambda item: _number(item[0])):
        shape = tuple(int(size) for size in detail["shape"])
        dtype = np.dtype(detail["dtype"])
        scale, zero_point = detail.get("quantization", (0.0, 0))
        found.append(Port(name, shape, dtype, float(scale), int(zero_point), channels_last=True))
    return tuple(found)


def _number(name: str) -> int:
    """Read the number behind the last underscore, as in ``output_10``; 0 if there is none."""
    digits = name.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _delegation(operators: Sequence[Mapping[str, Any]], outputs: Sequence[int]) -> Delegation:
    """Find what runs: walk back from the outputs, through delegates where one gives a tensor.

    The interpreter lists the operators that a delegate replaced beside the delegate itself.
    """
    producers: dict[int, Mapping[str, Any]] = {}
    for operator in operators:
        for tensor in operator["outputs"]:
            if operator["op_name"] == "DELEGATE" or int(tensor) not in producers:
                producers[int(tensor)] = operator
    running: dict[int, str] = {}
    pending = [int(tensor) for tensor in outputs]
    while pending:
        producer = producers.get(pending.pop())
        if producer is not None and producer["index"] not in running:
            running[producer["index"]] = producer["op_name"]
            pending.extend(int(tensor) for tensor in producer["inputs"])
    left = [name for _, name in sorted(running.items()) if name != "DELEGATE"]
    return Delegation("XNNPACK", len(running) - len(left), tuple(left))


RUNTIMES.register(
    "litert",
    Runtime(
        LiteRTRunner,
        suffix=".tflite",
        target="tflite",
        packages=("ai_edge_litert.interpreter", "ai_edge_litert.schema_py_generated"),
        extra="tflite",
        takes_threads=True,
    ),
    synonyms=("tflite",),
)

"""Qualcomm's own emulator of the HTP on this machine, on the very binary that a phone would load.

A ``.tflite`` file compiled for a Snapdragon holds a QNN context binary. ONNX Runtime's provider for
QNN runs one that stands in a node ``EPContext``, and QNN's library for x86-64 emulates the chip. It
must be told which: by itself it assumes an old one and computes float operators in float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.artifacts.dispatch import DAMAGED, Compiled, End, Part, is_compiled, read_compiled
from edge_sdk.artifacts.seal import check_artifact
from edge_sdk.devices.snapdragon import Snapdragon, find_snapdragon
from edge_sdk.emulate.runtimes.evidence import Evidence
from edge_sdk.emulate.runtimes.litert import MAGIC, ports
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime
from edge_sdk.emulate.runtimes.runner import Delegation, Engine, EngineRunner, RunnerInfo
from edge_sdk.emulate.runtimes.tensors import Port, check_ports
from edge_sdk.errors import ArtifactError, InputError, UnknownOperationError, first_line
from edge_sdk.extras import require
from edge_sdk.quiet import quiet_output, silence_exit

VENDOR = "Qualcomm"
TRIAL = """
import sys
from pathlib import Path
import numpy
from edge_sdk.emulate.runtimes.qnn_htp import QnnHtpRunner
runner = QnnHtpRunner(Path(sys.argv[1]), trial=False)
runner.run({name: numpy.zeros(s, numpy.float32) for name, s in runner.input_shapes.items()})
"""
KINDS = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 7: "int16", 9: "int8", 16: "uint16"}
"""Types of tensors by TFLite's number, those that an HTP takes at its ends."""
EXTRA, PROVIDER = "qualcomm", "QNNExecutionProvider"


class QnnHtpRunner(EngineRunner):
    """A ``.tflite`` file compiled for a Snapdragon, in Qualcomm's emulator of that chip.

    Args:
        path: the file; the HTP must have taken all of it in one part.
        trial: whether to try a file made elsewhere in a process of its own first; a damaged binary
            can end this process.

    Raises:
        MissingExtraError: if Qualcomm's libraries are not installed.
        ArtifactError: if the file is missing or damaged, or not compiled for a known Snapdragon.
        UnknownOperationError: if it leaves operators to the CPU.
    """

    def __init__(self, path: Path, *, trial: bool = True) -> None:
        path = Path(path)
        require(EXTRA)
        content = check_artifact(path, MAGIC, "a TFLite model", TRIAL if trial else None)
        held, chip = _read(path, content)
        super().__init__(path, _engine(path, content, held, chip))


def owns(path: Path) -> bool:
    """Whether a ``.tflite`` file has parts for a neural processor, which no other runtime runs."""
    try:
        return is_compiled(path.read_bytes())
    except OSError:
        return False


def _read(path: Path, content: bytes) -> tuple[Compiled, Snapdragon]:
    try:
        held = read_compiled(content)
    except DAMAGED as error:
        raise ArtifactError(
            f"{path}: holds no readable part for a neural processor; convert the model by --target "
            "snapdragon, or copy the file again"
        ) from error
    if held.vendor != VENDOR:
        raise ArtifactError(
            f"{path}: compiled for {held.vendor or 'no vendor that it names'}, not Qualcomm; its "
            "emulator runs files of --target snapdragon alone"
        )
    try:
        chip = find_snapdragon(held.chip)
    except InputError as error:
        raise ArtifactError(f"{path}: {error}; convert the model again") from error
    if held.left or len(held.parts) != 1:
        left = ", ".join(dict.fromkeys(held.left)) or "nothing"
        raise UnknownOperationError(
            f"{path}: has {len(held.parts)} parts for the HTP and leaves {left} to the CPU; its "
            "emulator runs files of one part and nothing else"
        )
    return held, chip


def _engine(path: Path, content: bytes, held: Compiled, chip: Snapdragon) -> Engine:
    part = held.parts[0]
    inputs, outputs = _ports(path, held.inputs), _ports(path, held.outputs)
    check_ports(path, inputs)
    if set(part.inputs) != set(held.inputs) or set(part.outputs) != set(held.outputs):
        raise UnknownOperationError(
            f"{path}: the HTP's part takes or gives other tensors than the file, as where an input "
            "is an output too; its emulator runs files of one part and nothing else"
        )
    takes = [_place(inputs, held.inputs[number].name) for number in part.inputs]
    gives = [_place(outputs, held.outputs[number].name) for number in part.outputs]
    binary = content[part.start : part.start + part.size]
    model = _node(part, binary, [inputs[k] for k in takes], [outputs[k] for k in gives])
    session = _session(path, model, chip)

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        try:
            with quiet_output():
                results = session.run(None, {f"i{n}": arrays[k] for n, k in enumerate(takes)})
        except Exception as error:
            raise ArtifactError(
                f"{path}: Qualcomm's HTP emulator fails to run it ({first_line(error)}); convert "
                "the model again"
            ) from error
        return [results[gives.index(k)] for k in range(len(outputs))]

    info = RunnerInfo(
        name="qnn-htp",
        runtime=f"onnxruntime-qnn {metadata.version('onnxruntime-qnn')} (Qualcomm's HTP emulator, "
        f"{chip.name})",
        proves="what the file's context binary computes in Qualcomm's own HTP emulator; not "
        "compared with a phone",
    )
    kinds = {port.dtype.name for port in (*inputs, *outputs)}
    # The HTP has no float32 arithmetic: what the file has in float is computed in half precision.
    precision = next((kind for kind in ("int8", "int16") if kinds & {kind, f"u{kind}"}), "fp16")
    return Engine(info, inputs, outputs, precision, Delegation("HTP", 1), invoke)


def _ports(path: Path, ends: Mapping[int, End]) -> tuple[Port, ...]:
    for end in ends.values():
        if end.kind not in KINDS:
            raise ArtifactError(f"{path}: '{end.name}' has a type no HTP takes; convert it again")
    return ports(
        {
            end.name: {
                "shape": end.shape,
                "dtype": KINDS[end.kind],
                "quantization": (end.scale, end.zero_point),
            }
            for end in ends.values()
        }
    )


def _place(found: Sequence[Port], name: str) -> int:
    return [port.name for port in found].index(name)


def _node(part: Part, binary: bytes, inputs: Sequence[Port], outputs: Sequence[Port]) -> bytes:
    """An ONNX model of one node: the context binary."""
    onnx = require(EXTRA, "onnx")
    helper = onnx.helper
    ends = [
        [
            helper.make_tensor_value_info(
                f"{kind}{n}", helper.np_dtype_to_tensor_dtype(port.dtype), port.shape
            )
            for n, port in enumerate(found)
        ]
        for kind, found in (("i", inputs), ("o", outputs))
    ]
    node = helper.make_node(
        "EPContext",
        [end.name for end in ends[0]],
        [end.name for end in ends[1]],
        name=part.name,
        domain="com.microsoft",
        main_context=1,
        embed_mode=1,
        ep_cache_context=binary,
        source=PROVIDER,
        partition_name=part.name,
    )
    model = helper.make_model(
        helper.make_graph([node], "htp", *ends),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)],
        ir_version=9,
    )
    return bytes(model.SerializeToString())


def _session(path: Path, model: bytes, chip: Snapdragon) -> Any:
    qnn, ort = require(EXTRA), require(EXTRA, "onnxruntime")
    silence_exit()
    try:
        with quiet_output():
            options = ort.SessionOptions()
            options.log_severity_level = 4
            backend = {
                "backend_path": qnn.get_qnn_htp_path(),
                "soc_model": str(chip.soc_model),
                "htp_arch": str(chip.htp_arch),
            }
            options.add_provider_for_devices([_device()], backend)
            return ort.InferenceSession(model, options)
    except Exception as error:
        raise ArtifactError(
            f"{path}: Qualcomm's HTP emulator of {chip.name} cannot load it "
            f"({first_line(error)}); convert the model again"
        ) from error


@cache
def _device() -> Any:
    """ONNX Runtime's device for QNN; its provider may be registered once in a process."""
    qnn, ort = require(EXTRA), require(EXTRA, "onnxruntime")
    ort.register_execution_provider_library(PROVIDER, qnn.get_library_path())
    return next(device for device in ort.get_ep_devices() if device.ep_name == PROVIDER)


RUNTIMES.register(
    "qnn-htp",
    Runtime(
        QnnHtpRunner,
        suffix=".tflite",
        target="snapdragon",
        packages=("onnxruntime", "onnx", "onnxruntime_qnn"),
        extra=EXTRA,
        on_request=True,
        own_files=owns,
        own_threads=True,
        emulates=True,
        evidence=Evidence.EMULATOR,
    ),
)

"""Qualcomm's own emulator of the HTP on this machine, on the very binary that a phone would load.

A ``.tflite`` file compiled for a Snapdragon holds a QNN context binary. ONNX Runtime's provider for
QNN runs one that stands in a node ``EPContext``, and QNN's library for x86-64 emulates the chip. It
must be told which: by itself it assumes an old one and computes float operators in float32. It
runs in a process of its own, since one that has ONNX Runtime and then TensorFlow is ended.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_sdk.artifacts.dispatch import DAMAGED, Compiled, End, Part, is_compiled, read_compiled
from edge_sdk.artifacts.seal import check_artifact
from edge_sdk.devices.snapdragon import Snapdragon, find_snapdragon
from edge_sdk.emulate.runtimes import qnn_htp_process
from edge_sdk.emulate.runtimes.evidence import Evidence
from edge_sdk.emulate.runtimes.litert import MAGIC, ports
from edge_sdk.emulate.runtimes.names import RUNTIMES, Runtime
from edge_sdk.emulate.runtimes.runner import Delegation, Engine, EngineRunner, RunnerInfo
from edge_sdk.emulate.runtimes.served import ServedFile
from edge_sdk.emulate.runtimes.tensors import Port, check_ports
from edge_sdk.errors import ArtifactError, InputError, UnknownOperationError
from edge_sdk.extras import require

VENDOR = "Qualcomm"
KINDS = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 7: "int16", 9: "int8", 16: "uint16"}
"""Types of tensors by TFLite's number, those that an HTP takes at its ends."""
EXTRA = "qualcomm"


class QnnHtpRunner(EngineRunner):
    """A ``.tflite`` file compiled for a Snapdragon, in Qualcomm's emulator of that chip.

    The emulator's process lives as long as the runner; a binary that ends it ends nobody else.

    Args:
        path: the file; the HTP must have taken all of it in one part.

    Raises:
        MissingExtraError: if Qualcomm's libraries are not installed.
        ArtifactError: if the file is missing or damaged, not compiled for a known Snapdragon, or
            the emulator does not load it.
        UnknownOperationError: if it leaves operators to the CPU.
    """

    def __init__(self, path: Path) -> None:
        path = Path(path)
        require(EXTRA)
        content = check_artifact(path, MAGIC, "a TFLite model", None)
        held, chip = _read(path, content)
        inputs, outputs = _ports(path, held.inputs), _ports(path, held.outputs)
        check_ports(path, inputs)
        part = _only_part(path, held)
        what, told = f"Qualcomm's HTP emulator of {chip.name}", _told(part, held, chip)
        self._child = ServedFile(path, what, qnn_htp_process, [told])
        # The process ends with the runner, or with this program; a killed one closes its pipe.
        weakref.finalize(self, self._child.end)
        try:
            self._child.description()
        except BaseException:
            self._child.end()
            raise
        super().__init__(path, _engine(self._child, part, held, chip, inputs, outputs))


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


def _only_part(path: Path, held: Compiled) -> Part:
    (part,) = held.parts
    if set(part.inputs) != set(held.inputs) or set(part.outputs) != set(held.outputs):
        raise UnknownOperationError(
            f"{path}: the HTP's part takes or gives other tensors than the file, as where an input "
            "is an output too; its emulator runs files of one part and nothing else"
        )
    return part


def _told(part: Part, held: Compiled, chip: Snapdragon) -> str:
    """What the process is told of the binary and its ends, in the binary's own order."""

    def ends(numbers: Sequence[int], found: Mapping[int, End]) -> list[dict[str, object]]:
        chosen = [found[number] for number in numbers]
        return [{"shape": list(end.shape), "dtype": KINDS[end.kind]} for end in chosen]

    return json.dumps(
        {
            "start": part.start,
            "size": part.size,
            "name": part.name,
            "soc_model": chip.soc_model,
            "htp_arch": chip.htp_arch,
            "inputs": ends(part.inputs, held.inputs),
            "outputs": ends(part.outputs, held.outputs),
        }
    )


def _engine(
    child: ServedFile,
    part: Part,
    held: Compiled,
    chip: Snapdragon,
    inputs: tuple[Port, ...],
    outputs: tuple[Port, ...],
) -> Engine:
    takes = [_place(inputs, held.inputs[number].name) for number in part.inputs]
    gives = [_place(outputs, held.outputs[number].name) for number in part.outputs]

    def invoke(arrays: Sequence[NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        results = child.run({f"i{n}": arrays[place] for n, place in enumerate(takes)})
        return [results[f"o{gives.index(place)}"] for place in range(len(outputs))]

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


RUNTIMES.register(
    "qnn-htp",
    Runtime(
        QnnHtpRunner,
        suffix=".tflite",
        target="snapdragon",
        # Nothing of it is imported here: its memory is another process's.
        packages=(),
        extra=EXTRA,
        on_request=True,
        own_files=owns,
        takes_trial=False,
        own_threads=True,
        emulates=True,
        evidence=Evidence.EMULATOR,
    ),
)

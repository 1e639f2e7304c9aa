"""What a ``.tflite`` file compiled ahead of time for a neural processor holds, and for which chip.

LiteRT replaces each part that a vendor's compiler took by one operator DISPATCH_OP, appends the
compiler's output behind the flatbuffer and stamps the file with the vendor's and the chip's name.
Where that output lies stands in a small map (a flexbuffer) in the operator.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edge_sdk.artifacts.flatbuffer import Table
from edge_sdk.extras import require

DISPATCH = "DISPATCH_OP"
STAMP = "LiteRtStamp"
STAMPED = 125
"""Bytes of each of the stamp's two names, the rest of which is zeros."""
DAMAGED = (struct.error, IndexError, ValueError, KeyError, OverflowError)
"""What reading a flatbuffer raises where it points to nowhere."""


@dataclass(frozen=True)
class End:
    """An input or output of the file.

    Attributes:
        name: in the file's signature.
        shape: static shape, N×H×W×C.
        kind: type of its elements, by TFLite's number.
        scale: step of a quantized tensor; 0 for another.
        zero_point: stored value that stands for 0.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Part:
    """What one operator DISPATCH_OP hands to the neural processor.

    Attributes:
        name: of the graph in the compiler's output.
        start: place of the compiler's output in the file.
        size: its length in bytes.
        inputs: tensors it takes, by their number in the file.
        outputs: tensors it gives.
    """

    name: str
    start: int
    size: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Compiled:
    """A file compiled for a neural processor.

    Attributes:
        vendor: such as ``Qualcomm``.
        chip: such as ``SM8650``.
        parts: what runs on the neural processor, in order.
        left: operators left to the CPU, one name per occurrence.
        inputs: ends of the file by the number of their tensor, in order.
        outputs: likewise.
    """

    vendor: str
    chip: str
    parts: tuple[Part, ...]
    left: tuple[str, ...]
    inputs: dict[int, End]
    outputs: dict[int, End]


def is_compiled(content: bytes) -> bool:
    """Whether a ``.tflite`` file holds a part for a neural processor; not so if it is damaged."""
    try:
        return any(code.text(1) == DISPATCH for code in Table.root(content).tables(1))
    except DAMAGED:
        return False


def stamp(content: bytes) -> tuple[str, str]:
    """Vendor and chip that a file was compiled for; empty where it does not say so.

    Raises:
        struct.error: if the file is damaged.
    """
    model = Table.root(content)
    for entry in model.tables(6):
        if entry.text(0) == STAMP:
            text = model.tables(4)[entry.number(1, "I")].data(0)
            vendor, chip = text[:STAMPED], text[STAMPED : 2 * STAMPED]
            return vendor.rstrip(b"\0").decode("ascii"), chip.rstrip(b"\0").decode("ascii")
    return "", ""


def read_compiled(content: bytes) -> Compiled:
    """Read a file compiled for a neural processor.

    Raises:
        ValueError: if it is damaged or no such file; as the others of :data:`DAMAGED`.
    """
    model = Table.root(content)
    (graph,) = model.tables(2)
    (signature,) = model.tables(7)
    codes = [_code(code) for code in model.tables(1)]
    parts, left = [], []
    for operator in graph.tables(3):
        code = codes[operator.number(0, "I")]
        if code == DISPATCH:
            parts.append(_part(operator, len(content)))
        else:
            left.append(code)
    tensors = graph.tables(0)
    names = [{each.number(1, "I"): each.text(0) for each in signature.tables(s)} for s in (0, 1)]
    inputs, outputs = (
        {number: _end(named[number], tensors[number]) for number in graph.numbers(slot, "i")}
        for slot, named in zip((1, 2), names, strict=True)
    )
    return Compiled(*stamp(content), tuple(parts), _named(left), inputs, outputs)


def _code(code: Table) -> str:
    """Name of a custom operator, number of another."""
    return code.text(1) or str(max(code.number(0, "b"), code.number(3, "i")))


def _named(codes: list[str]) -> tuple[str, ...]:
    """Names of operators; those of TFLite's own are looked up only where there are any."""
    if not any(code.isdigit() for code in codes):
        return tuple(codes)
    schema = require("tflite", "ai_edge_litert.schema_py_generated")
    known = {str(code): name for name, code in vars(schema.BuiltinOperator).items()}
    return tuple(known.get(code, code) for code in codes)


def _part(operator: Table, length: int) -> Part:
    # Of LiteRT's own requirements, and cheap to import.
    from flatbuffers import flexbuffers

    held = flexbuffers.Loads(operator.data(5))
    name, start, size = (held[key] for key in ("name", "bytecode_offset", "bytecode_size"))
    if not 0 < start < start + size <= length:
        raise ValueError("the compiler's output lies beyond the file")
    takes, gives = (tuple(operator.numbers(slot, "i")) for slot in (1, 2))
    return Part(str(name), int(start), int(size), takes, gives)


def _end(name: str, tensor: Table) -> End:
    held = tensor.table(4)
    scale, zero = 0.0, 0
    if held is not None:
        scale = next(iter(held.numbers(2, "f")), 0.0)
        zero = int(next(iter(held.numbers(3, "q")), 0))
    shape = tuple(int(side) for side in tensor.numbers(0, "i"))
    return End(name, shape, tensor.number(1, "b"), scale, zero)

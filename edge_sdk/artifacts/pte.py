"""What a ``.pte`` file holds: delegates, operators left outside them, and the precision.

Slot numbers follow ExecuTorch's ``program.fbs`` (identifier ET12) and the XNNPACK backend's
``schema.fbs`` (XN01, behind a header XH00). Only these two are read; the precision of other
backends' blobs is unknown.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from edge_sdk.artifacts.flatbuffer import Table

XNNPACK = "XnnpackBackend"

_KERNEL_CALL, _DELEGATE_CALL = 1, 2
_TENSOR_VALUE, _FLOAT16, _FLOAT32 = 5, 5, 6
_XNN_PLAIN, _XNN_QUANTIZED = 1, 2
_XNN_FP16 = 2


@dataclass(frozen=True)
class PteFile:
    """Facts of a ``.pte`` file.

    Attributes:
        delegates: backend of each delegated partition, in order.
        undelegated: operators outside the delegates, one name per occurrence.
        precision: ``int8``, ``w8``, ``fp16`` or ``fp32``; ``None`` where a backend hides it.

    Example:
        >>> from edge_sdk.artifacts import PteFile
        >>> PteFile(delegates=("XnnpackBackend",), undelegated=(), precision="fp32").precision
        'fp32'
    """

    delegates: tuple[str, ...]
    undelegated: tuple[str, ...]
    precision: str | None


def read_pte(content: bytes) -> PteFile:
    """Read the facts of the method ``forward``, or of the first one.

    Args:
        content: the whole file.

    Raises:
        ValueError: if the file is damaged or of another schema.

    Example:
        >>> from torch import nn
        >>> from edge_sdk import convert
        >>> from edge_sdk.artifacts import read_pte
        >>> made = convert(nn.Conv2d(3, 8, 3), "executorch", "conv.pte", example=(1, 3, 16, 16))
        >>> read_pte(made.path.read_bytes()).delegates
        ('XnnpackBackend',)
    """
    if content[4:8] != b"ET12":
        raise ValueError("not an ExecuTorch program")
    try:
        program = Table.root(content)
        plans = program.tables(1)
        plan = next((plan for plan in plans if plan.text(0) == "forward"), plans[0])
        operators = [operator.text(0).rpartition("::")[2] for operator in plan.tables(6)]
        backends = plan.tables(7)
        calls: list[int] = []
        undelegated = []
        for chain in plan.tables(5):
            for instruction in chain.tables(2):
                kind, arguments = instruction.number(0, "B"), instruction.table(1)
                if arguments is not None and kind == _KERNEL_CALL:
                    undelegated.append(operators[arguments.number(0, "i")])
                elif arguments is not None and kind == _DELEGATE_CALL:
                    calls.append(arguments.number(0, "i"))
        delegates = tuple(backends[index].text(0) for index in calls)
        return PteFile(
            delegates, tuple(undelegated), _precision(program, plan, content, undelegated)
        )
    except (struct.error, IndexError) as error:
        raise ValueError(f"damaged program ({error})") from error


def _precision(
    program: Table, plan: Table, content: bytes, undelegated: Sequence[str]
) -> str | None:
    found: set[str | None] = set()
    for backend in plan.tables(7):
        if backend.text(0) != XNNPACK:
            return None
        found.add(_xnnpack_precision(delegate_data(program, backend, content)))
    found.add(_plain_precision(plan, undelegated))
    # The coarsest arithmetic of any partition names the file.
    return next(name for name in ("int8", "w8", "fp16", "fp32", None) if name in found)


def _plain_precision(plan: Table, undelegated: Sequence[str]) -> str | None:
    """Precision of what runs outside delegates; ``None`` where nothing does."""
    if not undelegated:
        return None
    if any(name.startswith("quantize") for name in undelegated):
        return "int8"
    if any(name.startswith("dequantize") for name in undelegated):
        return "w8"
    types = {
        value.number(0, "b")
        for entry in plan.tables(2)
        if entry.number(0, "B") == _TENSOR_VALUE and (value := entry.table(1)) is not None
    }
    return "fp16" if _FLOAT16 in types and _FLOAT32 not in types else "fp32"


def delegate_data(program: Table, backend: Table, content: bytes) -> bytes:
    """Blob of a delegate, inside the program or in a segment behind it.

    Raises:
        IndexError: if the file has none.
    """
    reference = backend.table(1)
    if reference is None:
        raise IndexError("a delegate without data")
    index = reference.number(1, "I")
    if reference.number(0, "b") == 0:
        return program.tables(3)[index].data(0)
    if content[8:12] != b"eh00":
        raise IndexError("segments without a header")
    base = int(struct.unpack_from("<Q", content, 24)[0])
    segment = program.tables(4)[index]
    start = base + segment.number(0, "Q")
    return content[start : start + segment.number(1, "Q")]


def xnnpack_graph(blob: bytes) -> Table:
    """Graph in the blob of an XNNPACK delegate, behind its header if it has one."""
    start = int(struct.unpack_from("<I", blob, 10)[0]) if blob[4:8] == b"XH00" else 0
    return Table.root(blob[start:])


def _xnnpack_precision(blob: bytes) -> str:
    graph = xnnpack_graph(blob)
    activations: set[str] = set()
    weights: set[str] = set()
    for entry in graph.tables(2):
        value, kind = entry.table(1), entry.number(0, "B")
        quantized = kind == _XNN_QUANTIZED
        if quantized and value is not None:
            value = value.table(0)
        if value is None or kind not in (_XNN_PLAIN, _XNN_QUANTIZED):
            continue
        name = "int8" if quantized else "fp16" if value.number(0, "h") == _XNN_FP16 else "fp32"
        (weights if value.number(3, "I") else activations).add(name)
    if "int8" in activations:
        return "int8"
    if "int8" in weights:
        return "w8"
    return "fp16" if "fp16" in activations | weights and "fp32" not in activations else "fp32"

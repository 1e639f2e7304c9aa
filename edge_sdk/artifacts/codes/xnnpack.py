"""Codes of the activations in the XNNPACK partitions of a ``.pte`` file."""

from __future__ import annotations

import struct

from edge_sdk.artifacts.codes.layers import Code
from edge_sdk.artifacts.flatbuffer import Table
from edge_sdk.artifacts.pte import XNNPACK, delegate_data, xnnpack_graph

_QUANTIZED, _PER_TENSOR = 2, 2


def xnnpack_codes(content: bytes) -> tuple[Code, ...]:
    """Steps and zero points in the order of the file's values.

    Args:
        content: the whole file.
    """
    program = Table.root(content)
    found = []
    for backend in program.tables(1)[0].tables(7):
        if backend.text(0) != XNNPACK:
            continue
        for entry in xnnpack_graph(delegate_data(program, backend, content)).tables(2):
            value = entry.table(1)
            if entry.number(0, "B") != _QUANTIZED or value is None:
                continue
            parameters = value.table(2)
            if value.number(1, "B") != _PER_TENSOR or parameters is None:
                continue
            bits = parameters.number(0, "I")
            scale = float(struct.unpack("<f", struct.pack("<I", bits))[0])
            found.append(Code(scale, parameters.number(1, "i")))
    return tuple(found)

"""Every TFLite handler against PyTorch: many small layers per artifact, one output each."""

from __future__ import annotations

import operator

import pytest
from torch.export import ExportedProgram

from edge_sdk.exported import export, operator_name
from edge_sdk_converters.rewrites import apply
from edge_sdk_converters.tflite.converter import REWRITES
from edge_sdk_converters.tflite.lowering import HANDLERS, takes
from tests.builders.conversion_nets import picture, seeded
from tests.builders.layers import GROUPS
from tests.builders.layers.fan import Fan
from tests.needs import needs

pytestmark = [needs("tflite"), pytest.mark.slow]


def test_no_handler_goes_untested() -> None:
    example = picture(1, 4, 12, 10)
    used = set()
    for group in GROUPS:
        program = export(seeded(lambda group=group: Fan(group())), example)
        used |= _operators(program) | _operators(apply(REWRITES, program, takes)[0])
    # Int8 codes have tests of their own: tests/converters/test_int8_targets.py.
    codes = {"quantize_per_tensor", "dequantize_per_tensor"}
    assert set(HANDLERS) - used == codes


def _operators(program: ExportedProgram) -> set[str]:
    return {
        operator_name(node.target)
        for node in program.graph.nodes
        if node.op == "call_function" and node.target is not operator.getitem
    }

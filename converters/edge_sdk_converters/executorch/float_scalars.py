"""Whole numbers among the operands of floating-point operators, as floating-point numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch.export import ExportedProgram


def write_scalars_as_floats(program: ExportedProgram) -> None:
    """Turn the 2 of ``x * 2`` into 2.0, in place, wherever the result is in floating point.

    ExecuTorch makes a tensor of every such number, of int64 if it is an integer, and converts that
    by an operator of its own that delegates leave on the CPU.

    Args:
        program: from :func:`edge_sdk.exported.export`.
    """
    for node in program.graph.nodes:
        result = node.meta.get("val")
        if not isinstance(result, torch.Tensor) or not result.is_floating_point():
            continue
        schema = getattr(node.target, "_schema", None)
        if schema is not None:
            pairs = zip(node.args, schema.arguments, strict=False)
            floats = tuple(_as_float(value, declared.type) for value, declared in pairs)
            node.args = (*floats, *node.args[len(floats) :])
    program.graph_module.recompile()


def _as_float(value: Any, kind: Any) -> Any:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole and isinstance(kind, torch.TensorType) else value

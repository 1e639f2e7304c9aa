"""Operators written out as formulas, where a target has none or a wrong one for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import module_path

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten


def write_out_prelu(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """PReLU becomes relu(x) − a·relu(−x), whose parts every GPU delegate has."""
    found = [node for node in program.graph.nodes if node.target is aten.prelu.default]
    if not found:
        return program, ()
    return program.run_decompositions({aten.prelu.default: _prelu}), _sentences(
        found, "PReLU became relu(x) − a·relu(−x)"
    )


def write_out_reciprocal(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``reciprocal`` becomes 1 / x: coremltools makes it an ``inverse``, which adds 1e-4 to x."""
    found = [node for node in program.graph.nodes if node.target is aten.reciprocal.default]
    if not found:
        return program, ()
    return program.run_decompositions({aten.reciprocal.default: _reciprocal}), _sentences(
        found, "reciprocal(x) became 1 / x, which Core ML computes without an epsilon"
    )


def write_out_tanh_gelu(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``gelu(approximate="tanh")`` is written out.

    coremltools drops the keyword of an exported program and converts the exact GELU instead.
    """
    found = [node for node in program.graph.nodes if _is_tanh_gelu(node)]
    if not found:
        return program, ()
    return program.run_decompositions({aten.gelu.default: _gelu}), _sentences(
        found, "gelu(approximate='tanh') became 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))"
    )


def _sentences(found: list[Node], change: str) -> tuple[str, ...]:
    return tuple(f"{module_path(node)}: {change}" for node in found)


def _is_tanh_gelu(node: Node) -> bool:
    return node.target is aten.gelu.default and node.kwargs.get("approximate") == "tanh"


def _prelu(x: Tensor, weight: Tensor) -> Tensor:
    slope = weight if weight.numel() == 1 else weight.reshape(-1, *[1] * (x.dim() - 2))
    return torch.relu(x) - slope * torch.relu(-x)


def _reciprocal(x: Tensor) -> Tensor:
    return torch.full((1,), 1.0, dtype=x.dtype) / x


def _gelu(x: Tensor, *, approximate: str = "none") -> Any:
    if approximate == "none":
        return NotImplemented
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))

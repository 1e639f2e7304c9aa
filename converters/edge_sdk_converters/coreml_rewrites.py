"""Exact rewrites of operators that coremltools would convert into something else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node


def rewrite(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Replace the operators of ``program`` whose conversion would change the result.

    - ``reciprocal`` becomes 1 / x: coremltools makes it an ``inverse``, which adds 1e-4 to x.
    - ``gelu(approximate="tanh")`` is written out: coremltools drops the keyword of an exported
      program and converts the exact GELU instead.

    Args:
        program: a program from :func:`edge_sdk.exported.export`; it is not changed.

    Returns:
        The program to convert, and one sentence for each kind of rewrite that was applied.
    """
    table: dict[Any, Callable[..., Any]] = {}
    sentences = []
    nodes = list(program.graph.nodes)
    if any(node.target is torch.ops.aten.reciprocal.default for node in nodes):
        table[torch.ops.aten.reciprocal.default] = _reciprocal
        sentences.append("reciprocal(x) became 1 / x, which Core ML computes without an epsilon")
    if any(_is_tanh_gelu(node) for node in nodes):
        table[torch.ops.aten.gelu.default] = _gelu
        sentences.append(
            "gelu(approximate='tanh') became 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))"
        )
    return (program.run_decompositions(table) if table else program), tuple(sentences)


def _is_tanh_gelu(node: Node) -> bool:
    return node.target is torch.ops.aten.gelu.default and node.kwargs.get("approximate") == "tanh"


def _reciprocal(x: Tensor) -> Tensor:
    return torch.full((1,), 1.0, dtype=x.dtype) / x


def _gelu(x: Tensor, *, approximate: str = "none") -> Any:
    if approximate == "none":
        return NotImplemented
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))

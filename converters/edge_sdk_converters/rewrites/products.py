"""Products of matrices with factors of their own, which delegates drop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import module_path

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Node

aten = torch.ops.aten


def write_out_product_factors(
    program: ExportedProgram,
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """``addmm`` and ``baddbmm`` with ``beta`` or ``alpha`` become β·b + α·(x·y)."""
    table = {
        aten.addmm.default: _with_factors(aten.mm.default),
        aten.baddbmm.default: _with_factors(aten.bmm.default),
    }
    found = [node for node in program.graph.nodes if node.target in table and _has_factors(node)]
    if not found:
        return program, ()
    sentences = tuple(f"{module_path(node)}: beta and alpha became products" for node in found)
    used = {node.target: table[node.target] for node in found}
    return program.run_decompositions(used), tuple(dict.fromkeys(sentences))


def _has_factors(node: Node) -> bool:
    return any(node.kwargs.get(name, 1) != 1 for name in ("beta", "alpha"))


def _with_factors(product: Any) -> Any:
    def apply(b: Tensor, x: Tensor, y: Tensor, *, beta: float = 1, alpha: float = 1) -> Any:
        if beta == 1 and alpha == 1:
            return NotImplemented
        total = product(x, y)
        total = total if alpha == 1 else total * float(alpha)
        # As torch has it, what a factor of 0 belongs to is not even read.
        return total if beta == 0 else total + (b if beta == 1 else b * float(beta))

    return apply

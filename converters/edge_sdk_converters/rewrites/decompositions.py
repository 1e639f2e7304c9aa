"""Operators that a target does not have, in the parts that torch itself takes them apart into."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch._decomp import decomposition_table
from torch.export import default_decompositions

from edge_sdk.exported import module_path, operator_name

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

_ROUNDS = 4
"""Attention comes apart into a kernel's operator, that into products and a softmax."""


def taken_apart(
    program: ExportedProgram, takes: Callable[[Node], bool]
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Decompose what a target does not take, as far as torch can.

    Args:
        program: an exported program.
        takes: whether the target has an operator for a node.
    """
    sentences: list[str] = []
    for _ in range(_ROUNDS):
        foreign = [node for node in program.graph.nodes if _is_foreign(node, takes)]
        table = _table({node.target for node in foreign})
        if not table:
            break
        sentences += [
            f"{module_path(node)}: {operator_name(node.target)} became what torch makes it of"
            for node in foreign
            if node.target in table
        ]
        program = program.run_decompositions(table)
    return program, tuple(dict.fromkeys(sentences))


def _is_foreign(node: Node, takes: Callable[[Node], bool]) -> bool:
    return (
        node.op == "call_function"
        and isinstance(node.target, torch._ops.OpOverload)
        and node.target.namespace == "aten"
        and not takes(node)
    )


def _table(targets: set[Any]) -> dict[Any, Any]:
    known = default_decompositions()
    found = {}
    for target in targets:
        function = known[target] if target in known else decomposition_table.get(target)
        if function is not None:
            found[target] = function
    return found

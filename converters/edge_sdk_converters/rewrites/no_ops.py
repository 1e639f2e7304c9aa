"""Operators that change nothing: whole slices, and other names for a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from edge_sdk.exported import argument_of, operator_name
from edge_sdk_converters.rewrites.graph_edit import copied, finish

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

_NAMES = frozenset({"alias", "detach", "lift_fresh_copy", "lift_fresh"})
_RESHAPES = frozenset({"expand", "slice", "view", "reshape", "_unsafe_view"})
# A clone is none: the view that follows may need its order in memory.


def remove_no_ops(program: ExportedProgram) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Let what follows such an operator read what it reads."""
    if not any(_changes_nothing(node) for node in program.graph.nodes):
        return program, ()
    program = copied(program)
    for node in list(program.graph_module.graph.nodes):
        if _changes_nothing(node):
            node.replace_all_uses_with(node.all_input_nodes[0])
            program.graph_module.graph.erase_node(node)
    # They are no change that a reader of the report would look for.
    return finish(program), ("",)


def _changes_nothing(node: Node) -> bool:
    if node.op != "call_function" or len(node.all_input_nodes) != 1:
        return False
    source: Any = node.all_input_nodes[0]
    before, after = source.meta.get("val"), node.meta.get("val")
    if not isinstance(before, torch.Tensor) or not isinstance(after, torch.Tensor):
        return False
    # An input that is returned as it is needs something that computes it.
    if source.op == "placeholder" and any(user.op == "output" for user in node.users):
        return False
    if before.dtype != after.dtype or before.shape != after.shape:
        return False
    name = operator_name(node.target)
    if name == "slice":
        return argument_of(node, 4, "step", 1) == 1
    return name in _NAMES or name in _RESHAPES

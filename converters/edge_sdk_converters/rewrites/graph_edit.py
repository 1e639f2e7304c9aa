"""Change an exported program without touching the one that was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node


def copied(program: ExportedProgram) -> ExportedProgram:
    """Return a program with a graph of its own that shares the weights."""
    fresh: ExportedProgram = program.run_decompositions({})
    return fresh


def finish(program: ExportedProgram) -> ExportedProgram:
    """Drop what is no longer used and bring code and signature up to date with the graph."""
    graph = program.graph_module.graph
    graph.eliminate_dead_code()
    graph.lint()
    program.graph_module.recompile()
    specs = program.graph_signature.output_specs
    for spec, node in zip(specs, graph.output_node().args[0], strict=True):
        if hasattr(node, "name"):
            spec.arg.name = node.name
    return program


def argument(node: Node, index: int, name: str, default: object) -> object:
    """Argument of a node, wherever it was given."""
    return node.args[index] if len(node.args) > index else node.kwargs.get(name, default)

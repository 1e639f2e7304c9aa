"""Change an exported program without touching the one that was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch.fx.node import map_arg

from edge_sdk.exported import module_path

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram
    from torch.fx import Graph, Node


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


def stored(program: ExportedProgram, name: str, value: Tensor) -> Node:
    """Add a constant to a program of one's own, and return the node that reads it."""
    from torch.export.graph_signature import InputKind, InputSpec, TensorArgument

    graph = program.graph_module.graph
    first = next(entry for entry in graph.nodes if entry.op == "placeholder")
    with graph.inserting_before(first):
        node: Node = graph.placeholder(name)
    # Views are stored in their own order: files know no strides.
    plain = value.detach().clone(memory_format=torch.contiguous_format)
    node.meta["val"] = _fake_mode(graph).from_tensor(plain, static_shapes=True)
    spec = InputSpec(InputKind.CONSTANT_TENSOR, TensorArgument(node.name), node.name)
    program.graph_signature.input_specs.insert(0, spec)
    program.constants[node.name] = plain
    return node


def called(target: Any, args: tuple[Any, ...], like: Node, **kwargs: Any) -> Node:
    """Call an operator in front of ``like``, as part of the same module."""
    graph = like.graph
    with graph.inserting_before(like):
        node = graph.call_function(target, args, kwargs)
    node.meta = {key: value for key, value in like.meta.items() if key != "val"}
    with _fake_mode(graph):
        node.meta["val"] = target(*map_arg(args, lambda source: source.meta["val"]), **kwargs)
    return node


def replaced_by(node: Node, new: Node) -> None:
    """Let everything that reads ``node`` read ``new``."""
    node.replace_all_uses_with(new)
    node.graph.erase_node(node)


def replace_each(
    program: ExportedProgram,
    matches: Callable[[Node], bool],
    replacement: Callable[[ExportedProgram, Node], Node],
    became: Callable[[Node], str],
) -> tuple[ExportedProgram, tuple[str, ...]]:
    """Put something else in the place of every node of a kind.

    Args:
        program: it is not changed.
        matches: whether a node is of the kind.
        replacement: makes what takes its place, in a program of one's own.
        became: what the report says of it, after the path of its module.

    Returns:
        The rewritten program, or the given one if there is no such node, and one sentence for each.
    """
    if not any(matches(node) for node in program.graph.nodes):
        return program, ()
    program = copied(program)
    sentences = []
    for node in list(program.graph_module.graph.nodes):
        if matches(node):
            sentences.append(f"{module_path(node)}: {became(node)}")
            replaced_by(node, replacement(program, node))
    return finish(program), tuple(sentences)


def _fake_mode(graph: Graph) -> Any:
    values = (node.meta.get("val") for node in graph.nodes)
    return next(value.fake_mode for value in values if hasattr(value, "fake_mode"))

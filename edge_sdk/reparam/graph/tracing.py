"""Models as graphs: torch.fx with what border tricks of multi-branch blocks need."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from edge_sdk.errors import FusionError, first_line
from edge_sdk.reparam.graph.decisions import is_guard
from edge_sdk.reparam.graph.in_place import make_out_of_place, may_write
from edge_sdk.reparam.graph.tracer import record


@dataclass(frozen=True)
class Traced:
    """A model as a graph.

    Attributes:
        module: the graph module.
        written: nodes whose value is written to in a way that depends on the order of the graph.
        guarded: whether decisions on shapes were taken as for the example; where one would come out
            otherwise, the graph raises an ``AssertionError``.
    """

    module: fx.GraphModule
    written: frozenset[fx.Node]
    guarded: bool


def trace(model: nn.Module, inputs: tuple[Tensor, ...]) -> Traced:
    """Record ``model`` as a graph whose nodes know their shapes (:func:`shape_of`).

    Raises:
        FusionError: if the forward pass depends on values, so that there is no one graph.
    """
    inputs = tuple(value.clone() for value in inputs)
    try:
        module = _symbolic(model, inputs)
        written = make_out_of_place(module, inputs)
        with torch.no_grad():
            _Shapes(module).run(*inputs)
    except Exception as error:
        reason = first_line(error)
        name = type(model).__name__
        advice = "replace decisions on values in its forward pass, or fuse its parts"
        if isinstance(model, torch.jit.ScriptModule):
            advice = "it is TorchScript, so give the nn.Module that it was made from"
        raise FusionError(f"{name} cannot be traced ({reason}); {advice}") from error
    _remove_assertions(module.graph)
    return Traced(module, written, any(is_guard(node) for node in module.graph.nodes))


def _symbolic(model: nn.Module, inputs: tuple[Tensor, ...]) -> fx.GraphModule:
    tensors = [*model.parameters(), *model.buffers()]
    state = [tensor.detach().clone() for tensor in tensors]
    both = frozenset({"parameters", "buffers"})
    attempts: tuple[tuple[frozenset[str], bool], ...] = (
        (both, False),
        # It writes to its buffers or decides by their values, which are known.
        (frozenset({"parameters"}), False),
        (both, True),
        (frozenset({"parameters"}), True),
        # It writes parameters into tensors of its own.
        (frozenset(), True),
    )
    for named, with_example in attempts:
        example = tuple(value.clone() for value in inputs) if with_example else None
        try:
            return record(model, inputs, named, example)
        except Exception as error:
            reason = error
        finally:
            for tensor, before in zip(tensors, state, strict=True):
                tensor.data.copy_(before)
    raise reason


def _remove_assertions(graph: fx.Graph) -> None:
    """Drop answers that nothing needs any more, so that they keep no value alive."""
    for node in reversed(list(graph.nodes)):
        silent = node.op in ("call_function", "call_method") and node.target is not operator.setitem
        if silent and not node.users and not is_guard(node) and shape_of(node) is None:
            graph.erase_node(node)


class _Shapes(fx.Interpreter):
    """Runs a graph and notes the shape of every tensor."""

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        n.meta["shape"] = tuple(result.shape) if isinstance(result, Tensor) else None
        return result


def shape_of(node: fx.Node) -> tuple[int, ...] | None:
    """Shape of a node's tensor; ``None`` if it is none."""
    shape: tuple[int, ...] | None = node.meta.get("shape")
    return shape


def remove_unused(module: fx.GraphModule) -> None:
    """Drop nodes that nothing uses any more."""
    graph = module.graph
    changed = True
    while changed:
        changed = False
        for node in reversed(list(graph.nodes)):
            writes = [
                user
                for user in node.users
                if user.target is operator.setitem and user.args[0] is node
            ]
            if node.op in ("placeholder", "output") or node.target is operator.setitem:
                continue
            if is_guard(node) or may_write(node, module):
                continue
            if len(writes) == len(node.users):
                # What is only written to is not needed, and neither are the writes.
                for user in writes:
                    graph.erase_node(user)
                graph.erase_node(node)
                changed = True
    graph.lint()

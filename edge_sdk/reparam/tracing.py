"""Models as graphs: torch.fx with what border tricks of multi-branch blocks need."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from edge_sdk.errors import FusionError
from edge_sdk.reparam.block import MultiBranchConv2d
from edge_sdk.reparam.in_place import returning


@dataclass(frozen=True)
class Traced:
    """A model as a graph.

    Attributes:
        module: the graph module.
        written: nodes whose value is written to in a way that depends on the order of the graph.
    """

    module: fx.GraphModule
    written: frozenset[fx.Node]


class _WritableProxy(fx.Proxy):
    """A proxy that records what writes to it: ``x[...] = value``, ``x += value`` and the like."""

    def __setitem__(self, key: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, key, value), {})

    def __iadd__(self, other: Any) -> fx.Proxy:
        return self._written(operator.iadd, other)

    def __isub__(self, other: Any) -> fx.Proxy:
        return self._written(operator.isub, other)

    def __imul__(self, other: Any) -> fx.Proxy:
        return self._written(operator.imul, other)

    def __itruediv__(self, other: Any) -> fx.Proxy:
        return self._written(operator.itruediv, other)

    def _written(self, function: Callable[[Any, Any], Any], other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", function, (self, other), {})


class _Tracer(fx.Tracer):
    """Traces a forward pass called with a number of tensors; other arguments keep defaults.

    Buffers are recorded by name where that can be: numbers computed from them can then be computed
    in float64 later.
    """

    def __init__(self, inputs: int, named_buffers: bool) -> None:
        super().__init__()
        self.inputs = inputs
        self.proxy_buffer_attributes = named_buffers

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return isinstance(module, MultiBranchConv2d) or super().is_leaf_module(
            module, qualified_name
        )

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _WritableProxy(node, self)

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Callable[..., Any], list[Any]]:
        names = [
            name
            for name, parameter in inspect.signature(root_fn).parameters.items()
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ][1 : self.inputs + 1]
        names += [f"input_{index}" for index in range(len(names), self.inputs)]
        return root_fn, [
            self.root,
            *(self.create_proxy("placeholder", name, (), {}) for name in names),
        ]


def trace(model: nn.Module, inputs: tuple[Tensor, ...]) -> Traced:
    """Record ``model`` as a graph whose nodes know their shapes (:func:`shape_of`).

    Raises:
        FusionError: if the forward pass depends on values, so that there is no one graph.
    """
    inputs = tuple(value.clone() for value in inputs)
    try:
        module = _symbolic(model, len(inputs))
        written = returning(module, inputs)
        with torch.no_grad():
            _Shapes(module).run(*inputs)
    except Exception as error:
        reason = first_line(error)
        name = type(model).__name__
        advice = "replace decisions on values or shapes in its forward pass, or fuse its parts"
        raise FusionError(f"{name} cannot be traced ({reason}); {advice}") from error
    return Traced(module, written)


def _symbolic(model: nn.Module, inputs: int) -> fx.GraphModule:
    tracer = _Tracer(inputs, named_buffers=True)
    root = nn.Sequential(model) if tracer.is_leaf_module(model, "") else model
    state = {name: buffer.clone() for name, buffer in root.named_buffers()}
    try:
        graph = tracer.trace(root)
    except Exception:
        # It writes to its buffers or decides by their values, which are known.
        tracer = _Tracer(inputs, named_buffers=False)
        graph = tracer.trace(root)
        for name, buffer in root.named_buffers():
            buffer.copy_(state[name])
    return fx.GraphModule(tracer.root, graph)


def first_line(error: Exception) -> str:
    """First line of an error's message, or its kind where it has none."""
    line = " ".join(str(error).strip().split("\n", 1)[0].split())
    return line or type(error).__name__


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
            if len(writes) == len(node.users):
                # What is only written to is not needed, and neither are the writes.
                for user in writes:
                    graph.erase_node(user)
                graph.erase_node(node)
                changed = True
    graph.lint()

"""The tracer: torch.fx that records writes, and answers decisions on shapes by an example."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, fx, nn

from edge_sdk.reparam.blocks.block import MultiBranchConv2d
from edge_sdk.reparam.graph.decisions import answer, queried_inputs

OTHER_SIZE = (
    "its forward pass takes another way for this size; fuse it with an example of this size"
)


def record(
    model: nn.Module,
    inputs: tuple[Tensor, ...],
    named: frozenset[str],
    example: tuple[Tensor, ...] | None = None,
) -> fx.GraphModule:
    """Trace the forward pass of a model called with a number of tensors.

    Args:
        model: any module; arguments of its forward pass beyond ``inputs`` keep their defaults.
        inputs: its inputs.
        named: kinds of tensors (``"parameters"``, ``"buffers"``) recorded by name, where that can
            be: numbers computed from them can then be computed in float64 later. Of others the
            values are recorded.
        example: inputs to answer decisions on shapes by; none: there are no answers.

    Raises:
        Exception: whatever the forward pass raises when it is called with symbols.
    """
    tracer = _Tracer(len(inputs), named, example)
    root = nn.Sequential(model) if tracer.is_leaf_module(model, "") else model
    with torch.no_grad():
        graph = tracer.trace(root)
    return fx.GraphModule(tracer.root, graph)


class _Attribute(fx.proxy.Attribute):
    def __len__(self) -> int:
        return _length(self)


class _WritableProxy(fx.Proxy):
    """A proxy that records what writes to it: ``x[...] = value``, ``x += value`` and the like."""

    def __getattr__(self, k: str) -> fx.proxy.Attribute:
        return _Attribute(self, k)

    def __len__(self) -> int:
        return _length(self)

    def __iter__(self) -> Iterator[Any]:
        """Items, where an example tells how many: ``list(x.chunk(2, 1))``, ``for row in x``."""
        tracer = self.tracer
        assert isinstance(tracer, _Tracer)
        if tracer.example is None:
            return super().__iter__()
        return iter([operator.getitem(self, index) for index in range(_length(self))])

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


def _length(proxy: fx.Proxy) -> int:
    tracer = proxy.tracer
    assert isinstance(tracer, _Tracer)
    return int(tracer.decide(tracer.create_proxy("call_function", len, (proxy,), {})))


class _Tracer(fx.Tracer):
    def __init__(
        self, inputs: int, named: frozenset[str], example: tuple[Tensor, ...] | None = None
    ) -> None:
        super().__init__()
        self.inputs = inputs
        self.named = named
        self.proxy_buffer_attributes = "buffers" in named
        self.example = example
        self.values: dict[fx.Node, Any] = {}
        self.guarded: set[fx.Node] = set()
        self.running = False

    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        if isinstance(module, nn.DataParallel):
            return False
        return isinstance(module, MultiBranchConv2d) or super().is_leaf_module(
            module, qualified_name
        )

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _WritableProxy(node, self)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: dict[str, Any]
    ) -> Any:
        if self.running:
            return forward(*args, **kwargs)
        if isinstance(m, nn.DataParallel):
            return m.module(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        if self.running or (isinstance(attr_val, nn.Parameter) and "parameters" not in self.named):
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def create_proxy(self, kind: str, *args: Any, **kwargs: Any) -> fx.Proxy:
        proxy = super().create_proxy(kind, *args, **kwargs)
        if self.example is not None:
            self.values[proxy.node] = self._value(proxy.node, self.example)
        return proxy

    def create_node(self, kind: str, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(kind, *args, **kwargs)
        if self.example is not None and kind == "get_attr":
            self.values[node] = self._value(node, self.example)
        return node

    def _value(self, node: fx.Node, example: tuple[Tensor, ...]) -> Any:
        """What a node is for the example."""
        if node.op == "placeholder":
            return example[sum(value.op == "placeholder" for value in self.values)]
        if node.op == "get_attr":
            parent, _, name = str(node.target).rpartition(".")
            module = self.root.get_submodule(parent)
            return {**vars(module), **module._buffers, **module._parameters}[name]
        arguments = fx.map_arg(node.args, self.values.__getitem__)
        keywords = fx.map_arg(node.kwargs, self.values.__getitem__)
        self.running = True
        try:
            if node.op == "call_module":
                return self.root.get_submodule(str(node.target))(*arguments, **keywords)
            if node.op == "call_method":
                return getattr(arguments[0], str(node.target))(*arguments[1:], **keywords)
            assert callable(node.target)
            return node.target(*arguments, **keywords)
        finally:
            self.running = False

    def to_bool(self, obj: fx.Proxy) -> bool:
        return bool(self.decide(obj))

    def decide(self, proxy: fx.Proxy) -> Any:
        """Answer of a decision, guarded if it may come out otherwise for other inputs."""
        if self.example is None:
            raise fx.proxy.TraceError("it decides by shapes")
        found = answer(proxy.node, self.values)
        inputs = queried_inputs(proxy.node, self.values, self.root)
        if inputs is None:
            self._guard(proxy, found)
        # The whole condition may read inner values too, which must not be kept for that alone.
        for node in inputs or ():
            if node not in self.guarded:
                self.guarded.add(node)
                shape: Any = self.proxy(node).shape
                self._guard(shape[1], self.values[node].shape[1])
        return found

    def _guard(self, proxy: fx.Proxy, value: Any) -> None:
        same = self.create_proxy("call_function", operator.eq, (proxy, value), {})
        self.create_proxy("call_function", torch._assert, (same, OTHER_SIZE), {})

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

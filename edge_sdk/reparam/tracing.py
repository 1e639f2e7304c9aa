"""Models as graphs: torch.fx with what border tricks of multi-branch blocks need."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp

from edge_sdk.errors import FusionError
from edge_sdk.reparam.block import MultiBranchConv2d


class _WritableProxy(fx.Proxy):
    """A proxy that records ``x[...] = value``, as blocks do that pad with a bias."""

    def __setitem__(self, key: Any, value: Any) -> None:
        self.tracer.create_proxy("call_function", operator.setitem, (self, key, value), {})


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, qualified_name: str) -> bool:
        return isinstance(module, MultiBranchConv2d) or super().is_leaf_module(
            module, qualified_name
        )

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _WritableProxy(node, self)


def trace(model: nn.Module, example: Tensor) -> fx.GraphModule:
    """Record ``model`` as a graph whose nodes know their shapes (``meta["tensor_meta"]``).

    Raises:
        FusionError: if the forward pass depends on values, so that there is no one graph.
    """
    tracer = _Tracer()
    try:
        graph = tracer.trace(model)
        module = fx.GraphModule(tracer.root, graph)
        with torch.no_grad():
            ShapeProp(module).propagate(example)
    except Exception as error:
        reason = " ".join(str(error).split("\n", 1)[0].split())
        name = type(model).__name__
        advice = "replace decisions on values or shapes in its forward pass, or fuse its parts"
        raise FusionError(f"{name} cannot be traced ({reason}); {advice}") from error
    return module


def shape_of(node: fx.Node) -> tuple[int, ...] | None:
    """Shape of a node's tensor; ``None`` if it is none."""
    meta = node.meta.get("tensor_meta")
    shape = getattr(meta, "shape", None)
    return None if shape is None else tuple(int(size) for size in shape)


def remove_unused(module: fx.GraphModule) -> None:
    """Drop nodes and submodules that nothing uses any more, and recompile."""
    graph = module.graph
    changed = True
    while changed:
        changed = False
        for node in reversed(list(graph.nodes)):
            writes = [user for user in node.users if user.target is operator.setitem]
            if node.op in ("placeholder", "output") or node.target is operator.setitem:
                continue
            if len(writes) == len(node.users):
                # What is only written to is not needed, and neither are the writes.
                for user in writes:
                    graph.erase_node(user)
                graph.erase_node(node)
                changed = True
    module.delete_all_unused_submodules()
    graph.lint()
    module.recompile()

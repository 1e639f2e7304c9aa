"""Values written in place: steps that return instead of writing, wherever that is the same."""

from __future__ import annotations

import operator as python_operator
from typing import Any

import torch
from torch import Tensor, fx, nn

_OUT_OF_PLACE: dict[Any, Any] = {
    python_operator.iadd: python_operator.add,
    python_operator.isub: python_operator.sub,
    python_operator.imul: python_operator.mul,
    python_operator.itruediv: python_operator.truediv,
    torch.relu_: torch.relu,
}


def make_out_of_place(module: fx.GraphModule, inputs: tuple[Tensor, ...]) -> frozenset[fx.Node]:
    """Turn in-place steps of a graph into ones that return a new tensor.

    Merging moves the reading of a value to a later place, which a write in between would change.
    Which values a step writes to, aliases included, is seen by running the graph.

    Args:
        module: traced module; its graph and the ``inplace`` flags of its layers are changed.
        inputs: example inputs, left untouched.

    Returns:
        Nodes whose values are still written to, except those written to completely before anything
        reads them.
    """
    nodes = list(module.graph.nodes)
    if not any(may_write(node, module) for node in nodes):
        return frozenset()
    recorder = _Recorder(module)
    with torch.no_grad():
        recorder.run(*(value.clone() for value in inputs))
    order = {node: index for index, node in enumerate(nodes)}
    overwritten: set[fx.Node] = set()
    for step, written in recorder.written.items():
        out = recorder.values.get(step)
        stale = [(node, _later(node, step, order)) for node in written]
        whole = all(
            not users or (out is not None and _same_memory(recorder.values[node], out))
            for node, users in stale
        )
        if whole and _make_out_of_place(step, module):
            for node, users in stale:
                for user in users:
                    user.replace_input_with(node, step)
        elif not _is_first_write(step, stale, order):
            overwritten.update(written)
            overwritten.add(step)
    return frozenset(overwritten)


class _Recorder(fx.Interpreter):
    """Runs a graph and notes which earlier values each step writes to."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.values: dict[fx.Node, Tensor] = {}
        self.versions: dict[fx.Node, int] = {}
        self.written: dict[fx.Node, list[fx.Node]] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        for node, value in self.values.items():
            if value._version != self.versions[node]:
                self.written.setdefault(n, []).append(node)
                self.versions[node] = value._version
        if isinstance(result, Tensor):
            self.values[n], self.versions[n] = result, result._version
        return result


def may_write(node: fx.Node, module: fx.GraphModule) -> bool:
    """Whether a node may write to a value that it takes."""
    if node.op == "call_module":
        layer = module.get_submodule(str(node.target))
        return bool(getattr(layer, "inplace", False))
    name = node.target if node.op == "call_method" else getattr(node.target, "__name__", "")
    in_place = str(name).endswith("_") and not str(name).endswith("__")
    writes = node.target is python_operator.setitem or node.target in _OUT_OF_PLACE
    return in_place or writes or bool(node.kwargs.get("inplace")) or "out" in node.kwargs


def _later(node: fx.Node, step: fx.Node, order: dict[fx.Node, int]) -> list[fx.Node]:
    return [user for user in node.users if user is not step and order[user] > order[step]]


def _same_memory(first: Tensor, second: Tensor) -> bool:
    return (first.data_ptr(), first.shape, first.stride()) == (
        second.data_ptr(),
        second.shape,
        second.stride(),
    )


def _make_out_of_place(step: fx.Node, module: fx.GraphModule) -> bool:
    """Change a step into one that does not write; returns whether there is such a step."""
    if step.op == "call_module":
        layer = module.get_submodule(str(step.target))
        if not isinstance(getattr(layer, "inplace", None), bool):
            return False
        layer.inplace = False  # type: ignore[assignment]
        return True
    if step.op == "call_method":
        name = str(step.target).removesuffix("_")
        if name == step.target or not hasattr(torch.Tensor, name):
            return False
        step.target = name
        return True
    if step.target in _OUT_OF_PLACE:
        step.target = _OUT_OF_PLACE[step.target]
        return True
    if step.kwargs.get("inplace") is True:
        step.kwargs = {**step.kwargs, "inplace": False}
        return True
    return _make_positional_out_of_place(step)


def _make_positional_out_of_place(step: fx.Node) -> bool:
    # F.relu(x, True) and F.leaky_relu(x, 0.1, True) hold the flag last.
    named = getattr(step.target, "__module__", "") == nn.functional.__name__
    if named and step.args and step.args[-1] is True:
        step.args = (*step.args[:-1], False)
        return True
    return False


def _is_first_write(
    step: fx.Node, stale: list[tuple[fx.Node, list[fx.Node]]], order: dict[fx.Node, int]
) -> bool:
    """Whether ``x[…] = value`` comes before everything that reads x, under its own name only."""
    if step.target is not python_operator.setitem:
        return False
    target = step.args[0]
    for node, users in stale:
        if node is not target and users:
            return False
    return isinstance(target, fx.Node) and all(
        user.target is python_operator.setitem or order[user] > order[step] for user in target.users
    )

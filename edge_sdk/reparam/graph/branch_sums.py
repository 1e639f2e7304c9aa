"""Sums of branches that a model writes by hand, each branch as an operator on the sum's input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from edge_sdk.reparam.graph.arithmetic import arithmetic_of, factor_of
from edge_sdk.reparam.graph.fusion import copy_of
from edge_sdk.reparam.graph.region_costs import Form
from edge_sdk.reparam.graph.regions import Walk, broadcast, walk_graph
from edge_sdk.reparam.graph.tracing import shape_of, trace
from edge_sdk.reparam.linear.algebra import add, scale_shift
from edge_sdk.reparam.linear.operator import LinearOperator


@dataclass(frozen=True)
class BranchSum:
    """A sum of linear branches of one input.

    Attributes:
        name: names of the branches, joined by plus signs.
        branches: name of the last module of each branch, and its operator, float64.
    """

    name: str
    branches: tuple[tuple[str, LinearOperator], ...]

    def kernel(self, without: int | None = None) -> Tensor:
        """Kernel of the sum, float64 [out, in, kh, kw]; ``without`` one branch."""
        parts = [part for index, (_, part) in enumerate(self.branches) if index != without]
        whole = parts[0]
        for part in parts[1:]:
            whole = add(whole, part)
        return whole.kernel


def find_branch_sums(model: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[BranchSum, ...]:
    """Sums of a model that become one convolution, with at least one convolution among them.

    Args:
        model: in evaluation mode; it is left untouched.
        inputs: example inputs.

    Raises:
        FusionError: if the model cannot be traced.
    """
    traced = trace(copy_of(model), inputs)
    walk = walk_graph(traced, copy_of(traced.module).double())
    nodes = [node for node in traced.module.graph.nodes if _is_sum(node, walk)]
    inner = {part for node in nodes for part in node.all_input_nodes if part not in walk.anchors}
    found = []
    for node in nodes:
        form = walk.forms[node]
        if node in inner or not walk.costs.is_weighted(form):
            continue
        branches = tuple(_branches(node, walk))
        if len(branches) > 1:
            found.append(BranchSum(" + ".join(name for name, _ in branches), branches))
    return tuple(found)


def _is_sum(node: fx.Node, walk: Walk) -> bool:
    operands = [part for part in node.args if isinstance(part, fx.Node)]
    return (
        node in walk.linear
        and arithmetic_of(node) in ("add", "sub")
        and len(operands) == 2
        and not any(part in walk.costs.constants for part in operands)
    )


def _branches(node: fx.Node, walk: Walk) -> list[tuple[str, LinearOperator]]:
    shape = shape_of(node)
    assert shape is not None
    found = []
    first, second = (part for part in node.args if isinstance(part, fx.Node))
    for part, factor in ((first, 1.0), (second, factor_of(node))):
        if _is_sum(part, walk) and part not in walk.anchors:
            inner = _branches(part, walk)
        else:
            form = walk.source(part)
            inner = [(_name(part, form), broadcast(form.operator, shape[1]))]
        if factor != 1:
            factors = torch.full((shape[1],), factor, dtype=torch.float64)
            inner = [(name, scale_shift(each, factors, 0 * factors)) for name, each in inner]
        found += inner
    return found


def _name(part: fx.Node, form: Form) -> str:
    """The last module of a branch; the step itself where there is none."""
    modules = [
        node
        for node in part.graph.nodes
        if node.op == "call_module" and (node in form.members or node is part)
    ]
    return str(modules[-1].target) if modules else part.name

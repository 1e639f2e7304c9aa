"""What linear nodes cost, separate and merged: merging must not make a model more expensive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import fx, nn

from edge_sdk.errors import FusionError
from edge_sdk.reparam.graph.linear_functions import Constants
from edge_sdk.reparam.graph.linear_nodes import is_weighted, own_operator
from edge_sdk.reparam.graph.tracing import shape_of
from edge_sdk.reparam.linear.compact import kernel_macs
from edge_sdk.reparam.linear.operator import LinearOperator


@dataclass(frozen=True)
class Form:
    """A node's value as one operator on a root.

    Attributes:
        root: the node whose value the operator takes.
        operator: the operator, float64.
        members: linear nodes that it stands for.
    """

    root: fx.Node
    operator: LinearOperator
    members: frozenset[fx.Node]


@dataclass
class Costs:
    """Operators of single nodes, computed once, and multiply–accumulates.

    Attributes:
        weights: module that holds the layers, float64.
        constants: values of the nodes that do not depend on the input.
    """

    weights: nn.Module
    constants: Constants
    known: dict[fx.Node, LinearOperator | FusionError | None] = field(default_factory=dict)

    def source(self, node: fx.Node) -> fx.Node | None:
        """The one input of a node that is no constant; ``None`` if there is not just one."""
        sources = [part for part in node.all_input_nodes if part not in self.constants]
        return sources[0] if len(sources) == 1 else None

    def own(self, node: fx.Node) -> LinearOperator | None:
        """Operator that a node applies to its one input; ``None`` if it is not linear.

        Raises:
            FusionError: if it is linear but has no one kernel.
        """
        if node not in self.known:
            try:
                self.known[node] = self._own(node)
            except FusionError as error:
                self.known[node] = error
        found = self.known[node]
        if isinstance(found, FusionError):
            raise found
        return found

    def _own(self, node: fx.Node) -> LinearOperator | None:
        source = self.source(node)
        shape = None if source is None else shape_of(source)
        if shape is None or len(shape) != 4:
            return None
        return own_operator(node, self.weights, self.constants, shape[1])

    def macs(self, node: fx.Node, operator: LinearOperator) -> int:
        """Multiply–accumulates of the cheapest layer that computes ``node`` by ``operator``."""
        shape = shape_of(node)
        assert shape is not None
        return kernel_macs(operator) * shape[0] * shape[2] * shape[3]

    def original_macs(self, members: Iterable[fx.Node]) -> int:
        """Multiply–accumulates of the convolutions among ``members``."""
        total = 0
        for member in members:
            if is_weighted(member, self.weights):
                own = self.own(member)
                assert own is not None
                total += self.macs(member, own)
        return total

    def grows(self, node: fx.Node, form: Form) -> bool:
        """Whether a form costs more than its members."""
        return self.macs(node, form.operator) > self.original_macs(form.members)

    def is_affordable(self, node: fx.Node, form: Form) -> bool:
        """Whether a form stands for no convolution, or costs no more than those it stands for."""
        return not self.is_weighted(form) or not self.grows(node, form)

    def is_weighted(self, form: Form) -> bool:
        """Whether a form stands for any convolution."""
        return any(is_weighted(member, self.weights) for member in form.members)

"""Linear regions of a graph: what each node is as one operator on one earlier node.

Every node gets a form (root, operator): its value is the operator applied to the root's value. A
node that is not linear is its own root. A linear node continues the form of its input if the two
compose exactly, and starts over on its input, with the reason noted, if they do not. A value that
something not linear needs must exist anyway, so it is a root for all that follows (an anchor).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import fx, nn

from edge_sdk.errors import FusionError
from edge_sdk.reparam.findings import Refusal
from edge_sdk.reparam.graph.arithmetic import arithmetic_of, factor_of, is_uneven
from edge_sdk.reparam.graph.linear_functions import LIKE, repeated
from edge_sdk.reparam.graph.linear_nodes import (
    CONCATENATIONS,
    find_constants,
)
from edge_sdk.reparam.graph.region_costs import Costs, Form
from edge_sdk.reparam.graph.region_cuts import find_divisions
from edge_sdk.reparam.graph.tracing import Traced, shape_of
from edge_sdk.reparam.graph.unknown_operators import unknown_neighbors
from edge_sdk.reparam.graph.written_borders import is_write, with_written_border
from edge_sdk.reparam.linear.algebra import add, compose, concatenate, scale_shift
from edge_sdk.reparam.linear.operator import LinearOperator, identity


@dataclass(frozen=True)
class Regions:
    """All regions of a graph.

    Attributes:
        forms: form of every node that must exist (anchors) and is linear.
        refusals: what was left unmerged and why.
    """

    forms: dict[fx.Node, Form]
    refusals: tuple[Refusal, ...]


def find_regions(traced: Traced, weights: nn.Module) -> Regions:
    """Find the linear regions of a graph, cut where merging would cost more.

    Args:
        traced: the graph.
        weights: module that holds its layers and parameters by the same names, float64.
    """
    walk = walk_graph(traced, weights)
    forms = {
        node: form
        for node in walk.anchors
        if node in walk.linear and walk.costs.is_affordable(node, form := walk.forms[node])
    }
    refusals = [Refusal(name, reason) for name, reason in walk.refusals.items()]
    refusals += unknown_neighbors(traced.module, walk.linear, set(walk.refusals))
    return Regions(forms, tuple(refusals))


def walk_graph(traced: Traced, weights: nn.Module) -> Walk:
    """Forms of all nodes of a graph, its regions cut; see :func:`find_regions`."""
    constants = find_constants(traced.module.graph, weights)
    walk = Walk(traced, Costs(weights, constants))
    while walk.run() or walk.cut():
        pass
    return walk


@dataclass
class Walk:
    """A graph on the way to its regions: what is an anchor, what is linear, and the forms."""

    traced: Traced
    costs: Costs
    anchors: set[fx.Node] = field(default_factory=set)
    forms: dict[fx.Node, Form] = field(default_factory=dict)
    linear: set[fx.Node] = field(default_factory=set)
    refusals: dict[str, str] = field(default_factory=dict)
    growth: dict[fx.Node, tuple[int, tuple[fx.Node, ...]]] = field(default_factory=dict)

    def run(self) -> bool:
        """Walk the graph once; returns whether a new anchor requires another walk."""
        before = len(self.anchors)
        self.forms.clear()
        self.linear.clear()
        self.growth.clear()
        constants = self.costs.constants
        nodes = [node for node in self.traced.module.graph.nodes if node not in constants]
        for node in nodes:
            if node.op != "output" and not is_write(node):
                self._visit(node)
        for node in nodes:
            sources = node.all_input_nodes if node not in self.linear else []
            # What is written to is no anchor for that alone: it may pad with what is written.
            target = node.args[0] if is_write(node) else None
            self.anchors.update(
                part for part in sources if part not in constants and part is not target
            )
        return len(self.anchors) > before

    def _visit(self, node: fx.Node) -> None:
        shape = shape_of(node)
        form: Form | None = None
        if shape is not None and len(shape) == 4 and node.op != "placeholder":
            try:
                form = self._linear_form(node)
            except FusionError as error:
                self._refuse(node, str(error))
        if form is None:
            channels = shape[1] if shape is not None and len(shape) >= 2 else 1
            self.forms[node] = Form(node, identity(channels, LIKE), frozenset())
        else:
            self.linear.add(node)
            self.forms[node] = form

    def source(self, node: fx.Node) -> Form:
        """Form of a node as seen by what uses it: an anchor is a root."""
        if node in self.anchors and node in self.linear:
            shape = shape_of(node)
            assert shape is not None
            return Form(node, identity(shape[1], LIKE), frozenset())
        return self.forms[node]

    def _linear_form(self, node: fx.Node) -> Form | None:
        form = self._form_of_all(node)
        written = [part for part in (node, *node.all_input_nodes) if part in self.traced.written]
        if form is not None and written:
            names = ", ".join(part.name for part in written)
            raise FusionError(
                f"{names} is written in place while other steps read it; compute a new tensor"
            )
        return form

    def _form_of_all(self, node: fx.Node) -> Form | None:
        constants = self.costs.constants
        if node.op == "call_function" and node.target in CONCATENATIONS:
            return self._concatenation(node)
        kind = arithmetic_of(node)
        operands = [part for part in node.args if isinstance(part, fx.Node)]
        if kind and len(operands) == 2 and not any(part in constants for part in operands):
            return self._sum(node, *operands) if kind in ("add", "sub") else None
        source = self.costs.source(node)
        own = self.costs.own(node)
        if source is not None and own is None and is_uneven(node, constants):
            raise FusionError("its numbers differ from pixel to pixel, which no kernel does")
        if source is None or own is None:
            return None
        bordered = with_written_border(node, own, constants)
        if bordered is None:
            raise FusionError("its result is written in place; compute a new tensor instead")
        before = self.source(source)
        try:
            merged = compose(before.operator, bordered)
        except FusionError as error:
            self._refuse(node, str(error))
            self.anchors.add(source)
            return Form(source, bordered, frozenset({node}))
        form = Form(before.root, merged, before.members | {node})
        self._note_growth(node, form, source)
        return form

    def _sum(self, node: fx.Node, first: fx.Node, second: fx.Node) -> Form | None:
        channels = _common_channels(shape_of(first), shape_of(second))
        if channels is None:
            return None
        left, right = self.source(first), self.source(second)
        if left.root is not right.root:
            if left.members or right.members:
                self._refuse(node, "adds results that come from different inputs")
            return None
        operators = [broadcast(form.operator, channels) for form in (left, right)]
        factor = factor_of(node)
        if factor != 1:
            factors = torch.full((channels,), factor, dtype=torch.float64)
            operators[1] = scale_shift(operators[1], factors, 0 * factors)
        form = Form(left.root, add(*operators), left.members | right.members | {node})
        self._note_growth(node, form, first, second)
        return form

    def _concatenation(self, node: fx.Node) -> Form | None:
        axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        parts = node.args[0] if node.args else None
        if axis not in (1, -3) or not isinstance(parts, tuple | list):
            raise FusionError("joins along another axis than the channels")
        known = self.costs.constants
        nodes = [part for part in parts if isinstance(part, fx.Node) and part not in known]
        if len(nodes) != len(parts):
            raise FusionError("joins constants too, which are no part of a kernel")
        forms = [self.source(part) for part in nodes]
        members = frozenset[fx.Node]().union(*(form.members for form in forms))
        if any(form.root is not forms[0].root for form in forms):
            if members:
                self._refuse(node, "joins results that come from different inputs")
            return None
        joined = concatenate(*(form.operator for form in forms))
        form = Form(forms[0].root, joined, members | {node})
        self._note_growth(node, form, *nodes)
        return form

    def _note_growth(self, node: fx.Node, form: Form, *sources: fx.Node) -> None:
        if len(form.members) > 1 and self.costs.is_weighted(form):
            excess = self.costs.macs(node, form.operator) - self.costs.original_macs(form.members)
            if excess > 0:
                self.growth[node] = (excess, sources)

    def cut(self) -> bool:
        """Divide regions that would cost more merged, or have no layer; returns whether any was."""
        before = len(self.anchors)
        merged = {
            node: form
            for node in self.anchors
            if node in self.linear and self.costs.is_weighted(form := self.forms[node])
        }
        for division in find_divisions(merged, self.growth, self.linear - self.anchors, self.costs):
            self.anchors.update(division.anchors)
            self._refuse(division.node, division.reason)
        return len(self.anchors) > before

    def _refuse(self, node: fx.Node, reason: str) -> None:
        name = str(node.target) if node.op == "call_module" else node.name
        self.refusals.setdefault(name, reason)


def _common_channels(first: tuple[int, ...] | None, second: tuple[int, ...] | None) -> int | None:
    """Channels of a sum of two shapes that are equal, or of which one has a single channel."""
    if first is None or second is None or len(first) != 4 or len(second) != 4:
        return None
    if (first[0], *first[2:]) != (second[0], *second[2:]):
        return None
    fits = first[1] == second[1] or 1 in (first[1], second[1])
    return max(first[1], second[1]) if fits else None


def broadcast(operator: LinearOperator, channels: int) -> LinearOperator:
    """The operator with its one channel of output repeated, if it has not as many already."""
    if operator.out_channels == channels:
        return operator
    return compose(operator, repeated(1, [0] * channels))

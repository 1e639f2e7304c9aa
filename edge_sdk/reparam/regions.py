"""Maximal linear regions of a graph: what each node is as one operator on one earlier node.

Every node gets a form (root, operator): its value is the operator applied to the root's value. A
node that is not linear is its own root. A linear node continues the form of its input if the two
compose exactly, and starts anew on its input, with the reason noted, if they do not. A value that
something not linear needs must exist anyway, so it is a root for all that follows (an anchor).
"""

from __future__ import annotations

import operator as python_operator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, fx

from edge_sdk.errors import FusionError
from edge_sdk.reparam.algebra import add, compose, concatenate, scale_shift
from edge_sdk.reparam.certificate import Refusal
from edge_sdk.reparam.compact import kernel_macs
from edge_sdk.reparam.linear_nodes import (
    ADDITIONS,
    CONCATENATIONS,
    LIKE,
    SUBTRACTIONS,
    Constants,
    find_constants,
    is_weighted,
    own_operator,
)
from edge_sdk.reparam.operator import LinearOperator, identity
from edge_sdk.reparam.tracing import shape_of


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


@dataclass(frozen=True)
class Regions:
    """All regions of a graph.

    Attributes:
        forms: form of every node that must exist (anchors) and is linear.
        refusals: what was left apart and why.
    """

    forms: dict[fx.Node, Form]
    refusals: tuple[Refusal, ...]


def find_regions(module: fx.GraphModule) -> Regions:
    """Find the maximal linear regions of a traced module whose parameters are float64."""
    walk = _Walk(module, find_constants(module))
    while walk.run():
        pass
    forms = {node: walk.forms[node] for node in walk.anchors if node in walk.linear}
    refusals = tuple(Refusal(name, reason) for name, reason in walk.refusals.items())
    return Regions(forms, refusals)


@dataclass
class _Walk:
    module: fx.GraphModule
    constants: Constants
    anchors: set[fx.Node] = field(default_factory=set)
    forms: dict[fx.Node, Form] = field(default_factory=dict)
    linear: set[fx.Node] = field(default_factory=set)
    refusals: dict[str, str] = field(default_factory=dict)
    growing: dict[fx.Node, list[fx.Node]] = field(default_factory=dict)

    def run(self) -> bool:
        """Walk the graph once; tells whether a new anchor asks for another walk."""
        before = len(self.anchors)
        self.forms.clear()
        self.linear.clear()
        self.growing.clear()
        for node in self.module.graph.nodes:
            if node not in self.constants and node.op != "output" and not _is_write(node):
                self._visit(node)
        for node in self.module.graph.nodes:
            if node in self.constants or _is_write(node):
                continue
            if node not in self.linear:
                self.anchors.update(
                    source for source in node.all_input_nodes if source not in self.constants
                )
        if len(self.anchors) == before:
            self._cut_what_grows()
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

    def _source(self, node: fx.Node) -> Form:
        """Form of a node as seen by what uses it: an anchor is a root."""
        if node in self.anchors and node in self.linear:
            shape = shape_of(node)
            assert shape is not None
            return Form(node, identity(shape[1], LIKE), frozenset())
        return self.forms[node]

    def _linear_form(self, node: fx.Node) -> Form | None:
        sources = [source for source in node.all_input_nodes if source not in self.constants]
        if node.target in CONCATENATIONS:
            return self._concatenation(node)
        if len(sources) == 2 and node.target in ADDITIONS | SUBTRACTIONS:
            return self._sum(node)
        if len(sources) != 1:
            return None
        if len([part for part in node.args if part is sources[0]]) == 2:
            return None
        source = sources[0]
        shape = shape_of(source)
        if shape is None or len(shape) != 4:
            return None
        own = own_operator(node, self.module, self.constants, shape[1])
        own = None if own is None else self._with_written_border(node, own)
        if own is None:
            return None
        before = self._source(source)
        try:
            merged = compose(before.operator, own)
        except FusionError as error:
            self._refuse(node, str(error))
            self.anchors.add(source)
            return Form(source, own, frozenset({node}))
        members = before.members | {node}
        if is_weighted(node, self.module) and self._macs(node, merged) > self._spent(members):
            self.growing.setdefault(node, []).append(source)
        return Form(before.root, merged, members)

    def _sum(self, node: fx.Node) -> Form | None:
        first, second = node.args[:2]
        if len(node.args) != 2 or node.kwargs or first is second:
            return None
        assert isinstance(first, fx.Node)
        assert isinstance(second, fx.Node)
        if shape_of(first) != shape_of(second):
            return None
        left, right = self._source(first), self._source(second)
        if left.root is not right.root:
            if left.members or right.members:
                self._refuse(node, "adds results that come from different inputs")
            return None
        subtrahend = right.operator
        if node.target in SUBTRACTIONS:
            minus = -torch.ones(subtrahend.out_channels, dtype=torch.float64)
            subtrahend = scale_shift(subtrahend, minus, 0 * minus)
        total = add(left.operator, subtrahend)
        return Form(left.root, total, left.members | right.members | {node})

    def _concatenation(self, node: fx.Node) -> Form | None:
        parts = node.args[0]
        axis = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        if axis not in (1, -3) or not isinstance(parts, tuple | list):
            return None
        if not all(isinstance(part, fx.Node) and part not in self.constants for part in parts):
            return None
        forms = [self._source(part) for part in parts if isinstance(part, fx.Node)]
        if any(form.root is not forms[0].root for form in forms):
            return None
        members = frozenset[fx.Node]().union(*(form.members for form in forms))
        joined = concatenate(*(form.operator for form in forms))
        if self._macs(node, joined) > self._spent(members):
            # Side by side the small kernels are cheaper than all of them at the largest size.
            return None
        return Form(forms[0].root, joined, members | {node})

    def _with_written_border(self, node: fx.Node, own: LinearOperator) -> LinearOperator | None:
        """A padding whose four borders are then overwritten pads with what is written.

        This is how blocks pad with a bias: ``x = F.pad(x, …); x[:, :, :1, :] = b; …``.
        """
        writes = [user for user in node.users if user.target is python_operator.setitem]
        if not writes:
            return own
        shape, pad = shape_of(node), own.padding
        assert shape is not None
        borders = {
            (2, 0, pad.top): pad.top,
            (2, shape[2] - pad.bottom, shape[2]): pad.bottom,
            (3, 0, pad.left): pad.left,
            (3, shape[3] - pad.right, shape[3]): pad.right,
        }
        wanted = {span for span, size in borders.items() if size}
        written: dict[tuple[int, int, int], Tensor] = {}
        for write in writes:
            span = _span(write.args[1], shape)
            value = self.constants.get(write.args[2])  # type: ignore[arg-type]
            if span is None or not isinstance(value, Tensor) or value.numel() not in (1, shape[1]):
                return None
            written[span] = value.double().flatten().expand(shape[1])
        values = list(written.values())
        same = all(torch.equal(value, values[0]) for value in values)
        if own.in_channels != shape[1] or set(written) != wanted or not same:
            return None
        return replace(own, pad_value=values[0])

    def _cut_what_grows(self) -> None:
        for node in list(self.anchors):
            form = self.forms.get(node)
            if node not in self.linear or form is None:
                continue
            merged, spent = self._macs(node, form.operator), self._spent(form.members)
            if merged <= spent:
                continue
            for member in form.members:
                for source in self.growing.get(member, ()):
                    if source in self.linear:
                        self.anchors.add(source)
                        self._refuse(
                            member,
                            f"one kernel would cost {merged:,} MACs instead of {spent:,}",
                        )

    def _macs(self, node: fx.Node, operator: LinearOperator) -> int:
        shape = shape_of(node)
        assert shape is not None
        return kernel_macs(operator) * shape[0] * shape[2] * shape[3]

    def _spent(self, members: frozenset[fx.Node]) -> int:
        total = 0
        for member in members:
            if not is_weighted(member, self.module):
                continue
            total += self._own_macs(member)
        return total

    def _own_macs(self, node: fx.Node) -> int:
        source = next(part for part in node.all_input_nodes if part not in self.constants)
        shape, outside = shape_of(source), shape_of(node)
        assert shape is not None
        assert outside is not None
        own = own_operator(node, self.module, self.constants, shape[1])
        assert own is not None
        return kernel_macs(own) * outside[0] * outside[2] * outside[3]

    def _refuse(self, node: fx.Node, reason: str) -> None:
        name = str(node.target) if node.op == "call_module" else node.name
        self.refusals[name] = reason


def _is_write(node: fx.Node) -> bool:
    return node.target is python_operator.setitem


def _span(index: object, shape: tuple[int, ...]) -> tuple[int, int, int] | None:
    """Axis, start and end of the one slice in an index that is not everything."""
    if not isinstance(index, tuple) or not all(isinstance(part, slice) for part in index):
        return None
    spans = [
        (axis, *part.indices(shape[axis])[:2])
        for axis, part in enumerate(index)
        if part != slice(None)
    ]
    return spans[0] if len(spans) == 1 else None

"""Values of a graph that carry a shift per channel: who puts it in, and who takes it out.

A value x is wanted as x' = x + t. Layers that make it take t as a bias. A sum a + f·b carries what
its operands carry, s(a) + f·s(b), so one operand that nothing else reads makes up for the rest:
along a residual stream each block adds the difference of what is wanted behind and before it. Every
other reader of x' takes the shift back out, or carries it on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from edge_sdk.errors import FusionError
from edge_sdk.reparam.graph.arithmetic import arithmetic_of, factor_of
from edge_sdk.reparam.graph.channel_changes import takes_bias, takes_shift_out
from edge_sdk.reparam.graph.channel_passing import passed_shift, reads_shape_only
from edge_sdk.reparam.graph.layer_graph import LayerGraph
from edge_sdk.reparam.graph.tracing import shape_of


class UnshiftableError(FusionError):
    """A shift that cannot be carried: the nodes that wanted it, and why not."""

    def __init__(self, wanting: frozenset[fx.Node], reason: str) -> None:
        super().__init__(reason)
        self.wanting = wanting
        self.reason = reason


@dataclass
class _Carried:
    shift: Tensor
    wanting: frozenset[fx.Node]


@dataclass
class Shifts:
    """Shifts of all values of a graph, found in one walk.

    Attributes:
        graph: the graph.
        wanted: float64 shift [channels] of values that are wanted with one.
        removed: steps that will be gone, whose results carry none.
        carried: what each value carries, if anything.
    """

    graph: LayerGraph
    wanted: dict[fx.Node, Tensor]
    removed: frozenset[fx.Node]
    carried: dict[fx.Node, _Carried] = field(default_factory=dict)

    def find(self) -> None:
        """Walk the graph.

        Raises:
            UnshiftableError: if a value cannot carry its shift, or a reader cannot take it out.
        """
        for node in self.graph.module.graph.nodes:
            if node not in self.removed and not reads_shape_only(node):
                self._visit(node)

    def changes(self) -> Iterator[tuple[fx.Node, Tensor | None, Tensor | None]]:
        """Layers with the shift of their input and that of their output."""
        for node, layer in self.graph.layers.items():
            if node in self.removed or not takes_bias(layer, self.graph.rank_before(node)):
                continue
            source = node.args[0]
            before = self._shift(source) if isinstance(source, fx.Node) else None
            after = self._shift(node)
            if before is not None or after is not None:
                yield node, before, after

    def _shift(self, node: fx.Node) -> Tensor | None:
        return self.carried[node].shift if node in self.carried else None

    def _visit(self, node: fx.Node) -> None:
        if self._summands(node):
            self._visit_sum(node)
            return
        before = [part for part in node.all_input_nodes if part in self.carried]
        passed = self._passed(node, before)
        if before and passed is None and not self._takes_out(node, before):
            causes = frozenset[fx.Node]().union(*(self.carried[part].wanting for part in before))
            raise UnshiftableError(
                causes,
                f"{self.graph.name(node)} reads {before[0].name} too and takes no shift back out",
            )
        if passed is not None:
            self.carried[node] = passed
        self._meet(node)

    def _visit_sum(self, node: fx.Node) -> None:
        parts = self._summands(node)
        total = _total([(self._shift(part), factor) for part, factor in parts])
        if total is not None:
            causes = [self.carried[part].wanting for part, _ in parts if part in self.carried]
            self.carried[node] = _Carried(total, frozenset[fx.Node]().union(*causes))
            if node not in self.wanted:
                # Whatever reads it next may not take a shift out.
                self._supply(node, torch.zeros_like(total), frozenset())
        self._meet(node)

    def _meet(self, node: fx.Node) -> None:
        """Have a value carry what is wanted of it."""
        wanted = self.wanted.get(node)
        if wanted is None or _same(self._shift(node), wanted):
            return
        if not self._supply(node, wanted, frozenset({node})):
            raise UnshiftableError(
                frozenset({node}), f"nothing that makes {node.name} can add a bias to it alone"
            )

    def _supply(self, node: fx.Node, shift: Tensor, wanting: frozenset[fx.Node]) -> bool:
        """Have a value carry a shift by what makes it; returns whether that is possible."""
        if node in self.removed or node in self.graph.written:
            return False
        layer = self.graph.layers.get(node)
        is_maker = layer is not None and takes_bias(layer, self.graph.rank_before(node))
        if not is_maker and not self._supply_before(node, shift, wanting):
            return False
        self.carried[node] = _Carried(shift, wanting)
        if not bool(shift.any()):
            del self.carried[node]
        return True

    def _supply_before(self, node: fx.Node, shift: Tensor, wanting: frozenset[fx.Node]) -> bool:
        parts = self._summands(node)
        for (part, factor), (other, times) in (parts, parts[::-1]) if parts else ():
            rest = _total([(shift, 1.0), (self._shift(other), -times)])
            if rest is None or not self._is_free(part):
                continue
            if self._supply(part, rest / factor, wanting):
                return True
        source = node.args[0] if node.args and not parts else None
        if not isinstance(source, fx.Node) or not self._is_free(source):
            return False
        same = self.graph.reads(node, source) and passed_shift(node, self.graph.module, shift)
        return same is shift and self._supply(source, shift, wanting)

    def _summands(self, node: fx.Node) -> list[tuple[fx.Node, float]]:
        parts = summands_of(node)
        return [] if self.graph.written & {node, *(part for part, _ in parts)} else parts

    def _is_free(self, node: fx.Node) -> bool:
        """Whether a value is read once, and wanted as nothing else."""
        readers = [user for user in node.users if not reads_shape_only(user)]
        return len(readers) == 1 and node not in self.wanted

    def _passed(self, node: fx.Node, before: list[fx.Node]) -> _Carried | None:
        if len(before) != 1 or not self.graph.reads(node, before[0]):
            return None
        carried = self.carried[before[0]]
        shift = passed_shift(node, self.graph.module, carried.shift)
        return None if shift is None else _Carried(shift, carried.wanting)

    def _takes_out(self, node: fx.Node, before: list[fx.Node]) -> bool:
        layer = self.graph.layers.get(node)
        if layer is None or len(before) != 1 or not self.graph.reads(node, before[0]):
            return False
        return takes_shift_out(layer, self.graph.rank_before(node))


def summands_of(node: fx.Node) -> list[tuple[fx.Node, float]]:
    """The two operands of a sum or difference of equal shapes, with their factors; else none."""
    operands: list[Any] = [part for part in node.args if isinstance(part, fx.Node)]
    if arithmetic_of(node) not in ("add", "sub") or len(operands) != 2:
        return []
    first, second = operands
    shapes = {shape_of(first), shape_of(second)}
    factor = factor_of(node)
    if first is second or len(shapes) != 1 or None in shapes or not factor:
        return []
    return [(first, 1.0), (second, factor)]


def _total(parts: list[tuple[Tensor | None, float]]) -> Tensor | None:
    terms = [factor * shift for shift, factor in parts if shift is not None]
    return sum(terms[1:], terms[0]) if terms else None


def _same(first: Tensor | None, second: Tensor) -> bool:
    return bool(torch.equal(torch.zeros_like(second) if first is None else first, second))

"""Where regions are divided: merging must not cost more, and must have a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import fx

from edge_sdk.reparam.graph.region_costs import Costs, Form
from edge_sdk.reparam.graph.written_borders import writes_to

Growth = dict[fx.Node, tuple[int, tuple[fx.Node, ...]]]
"""Nodes at which a form begins to cost more: by how many MACs, and the inputs joined there."""


@dataclass(frozen=True)
class Division:
    """A place where a region is divided.

    Attributes:
        anchors: nodes that keep their values.
        node: node that is named as left unmerged.
        reason: why.
    """

    anchors: frozenset[fx.Node]
    node: fx.Node
    reason: str


def find_divisions(
    merged: dict[fx.Node, Form], growth: Growth, free: set[fx.Node], costs: Costs
) -> list[Division]:
    """Divisions that the regions need next; none if they are good as they are.

    Args:
        merged: form of every anchor that would become a convolution.
        growth: where forms begin to cost more than their members.
        free: linear nodes that are no anchors yet.
        costs: what nodes cost.
    """
    single = [
        division
        for node, form in merged.items()
        for division in (
            *_uneven_padding(form, free),
            *_most_expensive(node, form, growth, free, costs),
        )
    ]
    return single or list(_shared(merged, free, costs))


def _uneven_padding(form: Form, free: set[fx.Node]) -> Iterator[Division]:
    value = form.operator.pad_value
    if value is None or form.operator.padding.is_none or not bool(value.ne(value[0]).any()):
        return
    for member in form.members & free:
        if writes_to(member):
            reason = "pads by another value for each channel, which no layer does"
            yield Division(frozenset((member,)), member, reason)


def _most_expensive(
    node: fx.Node, form: Form, growth: Growth, free: set[fx.Node], costs: Costs
) -> Iterator[Division]:
    """Divide a region that grows at what makes it grow most.

    A join that grows is no reason if what is behind it, such as a narrow convolution, pays for it.
    """
    if not costs.grows(node, form):
        return
    merged_macs, original_macs = costs.macs(node, form.operator), costs.original_macs(form.members)
    unamortized = _unamortized(node, form, growth)
    growing = [member for member in growth if member in form.members]
    # Of equals the first in the graph: what follows it, such as a BatchNorm, only passes it on.
    for member in sorted(
        growing, key=lambda member: (member not in unamortized, -growth[member][0])
    ):
        anchors = free.intersection(growth[member][1])
        if anchors:
            reason = f"one kernel would cost {merged_macs:,} MACs instead of {original_macs:,}"
            yield Division(frozenset(anchors), member, reason)
            return


def _unamortized(node: fx.Node, form: Form, growth: Growth) -> set[fx.Node]:
    """Growing members with nothing but growing ones between them and the end."""
    found: set[fx.Node] = set()
    pending = [node]
    while pending:
        member = pending.pop()
        if member in growth and member in form.members and member not in found:
            found.add(member)
            pending += member.all_input_nodes
    return found


def _shared(merged: dict[fx.Node, Form], free: set[fx.Node], costs: Costs) -> Iterator[Division]:
    """Compute once what several regions would each compute again, where that is cheaper."""
    for regions in _connected(merged):
        members = frozenset[fx.Node]().union(*(merged[node].members for node in regions))
        merged_macs = sum(costs.macs(node, merged[node].operator) for node in regions)
        original_macs = costs.original_macs(members)
        if merged_macs <= original_macs:
            continue
        shared = {
            member
            for member in members
            if sum(member in merged[node].members for node in regions) > 1
        }
        for node in shared & free:
            if not shared.intersection(node.users):
                reason = f"its uses would cost {merged_macs:,} MACs instead of {original_macs:,}"
                yield Division(frozenset((node,)), node, reason)


def _connected(merged: dict[fx.Node, Form]) -> list[set[fx.Node]]:
    """Groups of regions that have members in common, directly or through others."""
    groups: list[tuple[set[fx.Node], set[fx.Node]]] = []
    for node, form in merged.items():
        nodes, members = {node}, set(form.members)
        separate = []
        for group in groups:
            if group[1] & members:
                nodes |= group[0]
                members |= group[1]
            else:
                separate.append(group)
        groups = [*separate, (nodes, members)]
    return [nodes for nodes, _ in groups if len(nodes) > 1]

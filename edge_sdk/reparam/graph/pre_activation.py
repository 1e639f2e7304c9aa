"""BatchNorms between a residual stream and its ReLU, taken out where every scale is positive.

Such a norm stands behind a sum, so that no convolution before it can take it in, and a ReLU parts
it from the one behind. With its scale γ > 0 and its shift β, the running statistics in both,

    ReLU(γ·x + β) = γ·ReLU(x + t),   t = β/γ,

so the stream carries x + t (:mod:`edge_sdk.reparam.graph.stream_shifts`) and the layers behind the
ReLU take γ in. Nothing is rounded or clamped: a channel with γ ≤ 0 keeps its norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from edge_sdk.errors import FusionError
from edge_sdk.reparam.findings import Refusal, Region
from edge_sdk.reparam.graph.channel_changes import (
    NORMS,
    Change,
    changed,
    is_settled,
    takes_scale,
    weighted,
)
from edge_sdk.reparam.graph.channel_passing import is_activation, passed_scale, reads_shape_only
from edge_sdk.reparam.graph.layer_graph import LayerGraph, layer_graph, put_layer
from edge_sdk.reparam.graph.stream_shifts import Shifts, UnshiftableError
from edge_sdk.reparam.linear.batch_norms import layer_scale_and_shift

LARGEST_SHIFT = 64.0
"""Shift, over mean and deviation of a stream, beyond which float32 would lose the stream in it."""


@dataclass(frozen=True)
class PreActivation:
    """A BatchNorm that feeds activations and can be taken out.

    Attributes:
        node: the norm.
        source: what it takes.
        shift: t, float64 [channels].
        takers: layers behind the activations, and the scale that each takes in.
    """

    node: fx.Node
    source: fx.Node
    shift: Tensor
    takers: dict[fx.Node, Tensor]


@dataclass(frozen=True)
class Removal:
    """What became of the BatchNorms before activations.

    Attributes:
        removed: names of those that are gone.
        regions: the layers that took their scales in.
        refusals: those that are left, with the reason.
    """

    removed: frozenset[str]
    regions: tuple[Region, ...]
    refusals: tuple[Refusal, ...]


def remove_pre_activations(
    module: fx.GraphModule,
    weights: nn.Module,
    written: frozenset[fx.Node],
    dtype: torch.dtype,
) -> Removal:
    """Take out the BatchNorms before activations that no convolution takes in, in place.

    Args:
        module: the graph, its linear regions merged; its layers are replaced.
        weights: module that holds the graph's parameters by the same names, float64.
        written: nodes whose value is written in place.
        dtype: that of the model, in which changed layers are stored.
    """
    if not _holds_norms(module):
        return Removal(frozenset(), (), ())
    graph = layer_graph(module, weights, written, dtype)
    refusals: list[Refusal] = []
    found: list[PreActivation] = []
    for node in module.graph.nodes:
        if not is_before_activation(node, graph):
            continue
        try:
            found.append(_pre_activation(node, graph))
        except FusionError as error:
            refusals.append(Refusal(graph.name(node), str(error)))
    while True:
        shifts, refusal = _shifts(found, graph)
        if refusal is None:
            break
        node, reason = refusal
        refusals.append(Refusal(graph.name(node), reason))
        found = [each for each in found if each.node is not node]
    removed = frozenset(graph.name(each.node) for each in found)
    return Removal(removed, tuple(_take_out(found, shifts, graph)), tuple(refusals))


def _holds_norms(module: fx.GraphModule) -> bool:
    return any(
        node.target is functional.batch_norm
        or (node.op == "call_module" and type(module.get_submodule(str(node.target))) in NORMS)
        for node in module.graph.nodes
    )


def is_before_activation(node: fx.Node, graph: LayerGraph) -> bool:
    """Whether a step is a BatchNorm with running statistics that an activation reads."""
    layer = graph.layers.get(node)
    if type(layer) not in NORMS or not is_settled(layer):
        return False
    return any(is_activation(user, graph.module) for user in node.users)


def scale_and_shift(norm: Any) -> tuple[Tensor, Tensor]:
    """What a BatchNorm with running statistics computes, float64: γ·x + β, the statistics in both.

    Raises:
        FusionError: if a channel has γ ≤ 0, or a shift β/γ that is too large for float32.
    """
    scale = layer_scale_and_shift(norm, torch.float64)[0].detach()
    mean, deviation = norm.running_mean.double(), (norm.running_var.double() + norm.eps).sqrt()
    # Of β alone, so that no digits are lost where the mean is far larger.
    bias = torch.zeros_like(mean) if norm.bias is None else norm.bias.detach().double()
    _refuse(
        ~(scale > 0),
        scale * deviation,
        "has γ = {:.3g}; ReLU(γ·x) is γ·ReLU(x) for γ > 0 alone, so this BatchNorm stays; train "
        "with γ > 0",
    )
    shift = bias / scale - mean
    ratio = (bias / scale).abs() / (mean.abs() + deviation)
    _refuse(
        ~(ratio <= LARGEST_SHIFT),
        ratio,
        "would shift its stream by {:.3g} of its mean and deviation, in which float32 loses it; "
        "this BatchNorm stays",
    )
    return scale, shift


def _refuse(bad: Tensor, values: Tensor, reason: str) -> None:
    channels = bad.nonzero().flatten().tolist()
    if not channels:
        return
    first = channels[0]
    more = [str(channel) for channel in channels[1:8]]
    more += ["…"] if len(channels) > 8 else []
    also = f" (and channels {', '.join(more)} likewise)" if more else ""
    raise FusionError(f"channel {first}{also} {reason.format(float(values[first]))}")


def _pre_activation(node: fx.Node, graph: LayerGraph) -> PreActivation:
    source = node.args[0]
    if not isinstance(source, fx.Node) or not graph.reads(node, source):
        raise FusionError("its input is written in place; compute a new tensor")
    scale, shift = scale_and_shift(graph.layers[node])
    return PreActivation(node, source, shift, _takers(node, scale, graph))


def _takers(value: fx.Node, scale: Tensor, graph: LayerGraph) -> dict[fx.Node, Tensor]:
    """Layers that a scale of ``value`` reaches through steps that it passes.

    Raises:
        FusionError: if it reaches anything else.
    """
    found: dict[fx.Node, Tensor] = {}
    for user in value.users:
        if reads_shape_only(user):
            continue
        layer = graph.layers.get(user)
        reads = graph.reads(user, value)
        passed = passed_scale(user, graph.module, scale) if reads else None
        if passed is not None:
            found |= _takers(user, passed, graph)
        elif reads and layer is not None and takes_scale(layer, graph.rank_before(user)):
            found[user] = scale
        else:
            raise FusionError(
                f"{graph.name(user)} reads {value.name}, behind it, and takes no scale per channel "
                "in; only convolutions and linear layers do"
            )
    if not found:
        raise FusionError("no layer behind it could take its scale in")
    return found


def _shifts(
    found: list[PreActivation], graph: LayerGraph
) -> tuple[Shifts, tuple[fx.Node, str] | None]:
    """Shifts that take out all that was found, or the one of them that has to stay, and why."""
    wanted: dict[fx.Node, Tensor] = {}
    by_source: dict[fx.Node, fx.Node] = {}
    shifts = Shifts(graph, wanted, frozenset(each.node for each in found))
    for each in found:
        if not torch.equal(wanted.setdefault(each.source, each.shift), each.shift):
            other = graph.name(by_source[each.source])
            reason = f"{each.source.name} carries the shift of {other} already, which is another"
            return shifts, (each.node, reason)
        by_source[each.source] = each.node
    try:
        shifts.find()
    except UnshiftableError as error:
        last = [each.node for each in found if each.source in error.wanting][-1]
        return shifts, (last, error.reason)
    return shifts, None


def _take_out(found: list[PreActivation], shifts: Shifts, graph: LayerGraph) -> list[Region]:
    scales = {taker: scale for each in found for taker, scale in each.takers.items()}
    moved = {node: (before, after) for node, before, after in shifts.changes()}
    names = {}
    for node in [node for node in graph.layers if node in scales or node in moved]:
        change = Change(scales.get(node), *moved.get(node, (None, None)))
        layer = changed(graph.layers[node], change, graph.dtype)
        names[node] = put_layer(graph.module, node, layer)
    for each in found:
        each.node.replace_all_uses_with(each.source)
        graph.module.graph.erase_node(each.node)
    return [_region(taker, name, found, graph) for taker, name in names.items() if taker in scales]


def _region(taker: fx.Node, name: str, found: list[PreActivation], graph: LayerGraph) -> Region:
    """A layer that took scales in, with the BatchNorms that they are from."""
    norms = [each.node for each in found if taker in each.takers]
    members = [str(norm.target) for norm in norms if norm.op == "call_module"]
    kernel = [int(size) for size in getattr(weighted(graph.layers[taker]), "kernel_size", ())]
    height, width = ([1, 1, *kernel])[-2:]
    return Region(name, 1, (height, width), (*members, name))

"""What each layer of a graph multiplies, as moments over pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional

from edge_sdk.exported import Example, as_inputs, operator_name
from edge_sdk.quantization.insertion import Coding
from edge_sdk.quantization.value_graph import parameter

PATCHES = 100_000
"""Patches that the moments of a layer are told from, at most: some hundred for each unknown."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution or linear layer with its own weight and bias, to be written in place."""

    node: fx.Node
    weight: Tensor
    bias: Tensor | None
    groups: int


@dataclass(frozen=True, eq=False)
class Moments:
    """Of what a layer multiplies: count, sums [G, n] and products [G, n, n], float64, by group."""

    count: int
    sums: Tensor
    products: Tensor


def own_layers(coding: Coding) -> dict[fx.Node, Layer]:
    """The layers that have a weight of their own, of the kinds that are rounded here."""
    module = coding.module
    held = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    # Others than layers read them too.
    readers: Counter[str] = Counter()
    for node in module.graph.nodes:
        if node.op == "get_attr":
            readers[str(node.target)] += len(node.users)
    found = {}
    for node in coding.weights:
        weight, bias = _stored(node, 1), _stored(node, 2)
        kind = operator_name(node.target)
        if kind not in ("conv2d", "linear") or weight not in held or readers[weight] > 1:
            continue
        # A bias that others read too stays as it is.
        is_own = bias in held and readers[bias] == 1
        own = parameter(module, bias) if bias is not None and is_own else None
        groups = node.args[6] if kind == "conv2d" and len(node.args) > 6 else 1
        assert isinstance(groups, int)
        found[node] = Layer(node, parameter(module, weight), own, groups)
    return found


def _stored(node: fx.Node, place: int) -> str | None:
    """Name of the parameter that a node takes at a place."""
    source = node.args[place] if len(node.args) > place else None
    return str(source.target) if isinstance(source, fx.Node) and source.op == "get_attr" else None


def moments_of(layer: Layer, inputs: Sequence[Tensor]) -> Moments:
    """Moments of patches that a layer multiplies, evenly drawn from its inputs."""
    size, groups = layer.weight[0].numel(), layer.groups
    count, sums, products = 0, torch.zeros(groups, size).double(), torch.zeros(()).double()
    generator = torch.Generator().manual_seed(0)
    most = max(1, PATCHES // len(inputs))
    for feed in inputs:
        patches = _drawn_patches(layer, feed, most, generator).double()
        count += patches.shape[-1]
        sums += patches.sum(-1)
        products = products + patches @ patches.transpose(1, 2)
    return Moments(count, sums, products)


def _drawn_patches(layer: Layer, feed: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """At most as many of the patches that a layer multiplies in one input, [G, n, P]."""
    if layer.weight.ndim == 2:
        rows = feed.reshape(-1, feed.shape[-1])
        return rows[_drawn(len(rows), most, generator)].T[None]
    stride, padding, dilation = (
        layer.node.args[place] if len(layer.node.args) > place else default
        for place, default in ((3, 1), (4, 0), (5, 1))
    )
    size, apart = layer.weight.shape[-2:], _pair(dilation)
    feed = functional.pad(feed if feed.ndim == 4 else feed[None], _pads(padding, size, apart))
    batch, _, *sides = feed.shape
    axes = list(zip(sides, size, apart, _pair(stride), strict=True))
    counts = [(side - (taps - 1) * gap - 1) // step + 1 for side, taps, gap, step in axes]
    places = _drawn(batch * counts[0] * counts[1], most, generator)
    starts = (places // counts[1] % counts[0], places % counts[1])
    rows, columns = (
        start[:, None] * step + torch.arange(taps) * gap
        for start, (_, taps, gap, step) in zip(starts, axes, strict=True)
    )
    pictures = places // (counts[0] * counts[1])
    patches = feed[pictures[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    # [P, rows, columns, C] in the order of the weight: channels first.
    return patches.permute(3, 1, 2, 0).reshape(layer.groups, -1, len(places))


def _drawn(count: int, most: int, generator: torch.Generator) -> Tensor:
    """Numbers of ``count`` places: all, or ``most`` of them."""
    if count <= most:
        return torch.arange(count)
    return torch.randperm(count, generator=generator)[:most]


def _pads(padding: Any, size: Sequence[int], dilation: tuple[int, int]) -> list[int]:
    """Columns before and behind, rows before and behind."""
    if padding == "same":
        wide = [(taps - 1) * gap for taps, gap in zip(size, dilation, strict=True)]
        return [amount for each in reversed(wide) for amount in (each // 2, each - each // 2)]
    rows, columns = (0, 0) if isinstance(padding, str) else _pair(padding)
    return [columns, columns, rows, rows]


def _pair(number: Any) -> tuple[int, int]:
    if isinstance(number, int):
        return number, number
    numbers = tuple(number)
    return numbers[0], numbers[-1]


class Walk(fx.Interpreter):
    """Runs a graph for several inputs at once, and stops before each operator."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self._operators = tuple(module.graph.nodes)

    def over(self, pictures: Sequence[Example]) -> Iterator[tuple[fx.Node, list[Tensor]]]:
        """Yield each operator with its first input for every picture, then compute it."""
        last = {source: node for node in self._operators for source in node.all_input_nodes}
        environments: list[dict[fx.Node, Any]] = [{} for _ in pictures]
        inputs = [iter(as_inputs(picture)) for picture in pictures]
        for node in self._operators:
            if node.op == "output":
                return
            if node.op == "call_function" and node.args and isinstance(node.args[0], fx.Node):
                source = node.args[0]
                if isinstance(environments[0].get(source), Tensor):
                    yield node, [environment[source] for environment in environments]
            for environment, given in zip(environments, inputs, strict=True):
                self.env, self.args_iter = environment, given
                environment[node] = self.run_node(node)
            for source in node.all_input_nodes:
                if last[source] is node:
                    for environment in environments:
                        del environment[source]

"""What values a model's tensors take on real pictures: ranges and histograms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from edge_sdk.errors import InputError
from edge_sdk.exported import Example, as_inputs
from edge_sdk.quantization.value_graph import ValueGraph

BINS = 4096


@dataclass(frozen=True, eq=False)
class Histogram:
    """What calibration saw of one set of values that share their codes.

    Attributes:
        low: least value.
        high: greatest value.
        counts: float64 [4096], how many values fell into each of as many equal bins of
            [low, high].
    """

    low: float
    high: float
    counts: Tensor

    @property
    def centers(self) -> Tensor:
        """Middle of each bin, float64 [4096]."""
        width = (self.high - self.low) / BINS
        return self.low + width * (torch.arange(BINS, dtype=torch.float64) + 0.5)


def calibrate(graph: ValueGraph, examples: Sequence[Example]) -> dict[str, Histogram]:
    """Run the examples twice: once for the ranges, once for the histograms.

    Args:
        graph: the model.
        examples: inputs of the graph's shape, float32.

    Returns:
        What was seen, by :attr:`Value.share`.

    Raises:
        InputError: if there are no examples, or a value is a NaN or an infinity.
    """
    if not examples:
        raise InputError("no pictures to calibrate with; give at least one")
    share = {value.node: value.share for value in graph.values}
    ranges: dict[str, tuple[float, float]] = {}

    def widen(node: fx.Node, result: Tensor) -> None:
        low, high = (float(bound) for bound in torch.aminmax(result))
        if not (math.isfinite(low) and math.isfinite(high)):
            raise InputError(
                f"{share[node]}: becomes a NaN or an infinity while calibrating; fix the model or "
                "the pictures"
            )
        before = ranges.get(share[node], (low, high))
        ranges[share[node]] = (min(before[0], low), max(before[1], high))

    counts: dict[str, Tensor] = {}

    def count(node: fx.Node, result: Tensor) -> None:
        low, high = ranges[share[node]]
        # A single number has no width; histc would take [0, 0] as "find the range yourself".
        found = torch.histc(result, BINS, low, high if high > low else low + 1.0)
        counts[share[node]] = counts.get(share[node], 0.0) + found.double()

    for observe in (widen, count):
        observer = _Observer(graph.module, share, observe)
        with torch.no_grad():
            for example in examples:
                observer.run(*as_inputs(example))
    return {name: Histogram(*ranges[name], counts[name]) for name in ranges}


def check_finite(pictures: Sequence[Example]) -> None:
    """Check inputs before weights are fitted to them.

    Raises:
        InputError: if one holds a NaN or an infinity.
    """
    for number, picture in enumerate(pictures, 1):
        if not all(bool(each.isfinite().all()) for each in as_inputs(picture)):
            raise InputError(
                f"calibration input {number} of {len(pictures)} holds a NaN or an infinity; leave "
                "it out or mend it"
            )


def run_all(
    module: fx.GraphModule, nodes: Iterable[fx.Node], example: Example
) -> dict[str, Tensor]:
    """Results of some nodes of a graph for one input, by node name."""
    kept: dict[str, Tensor] = {}
    outputs = {node: node.name for node in nodes}

    def keep(node: fx.Node, result: Tensor) -> None:
        kept[outputs[node]] = result

    with torch.no_grad():
        _Observer(module, outputs, keep).run(*as_inputs(example))
    return kept


class _Observer(fx.Interpreter):
    """Runs a graph and shows the results of some of its nodes."""

    def __init__(
        self,
        module: fx.GraphModule,
        nodes: Mapping[fx.Node, str],
        observe: Callable[[fx.Node, Tensor], None],
    ) -> None:
        super().__init__(module)
        self._nodes = nodes
        self._observe = observe

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if n in self._nodes:
            self._observe(n, result)
        return result
